"""What a site may ask a model version to score besides its intended use, in known words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portal.errors import InvalidInput
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.widening_models import OLDEST

MODALITIES = ("CR", "DX", "RG", "RF", "OT")
"""Modalities of single projection radiographs (PS3.3 C.7.3.1.1.1)."""
BODY_PARTS = ("CHEST", "THORAX", "LUNG", "RIB", "HEART", "STERNUM", "TSPINE", "CHESTABDOMEN")
"""Body parts of pictures of the chest (PS3.16 annex L), with a word that many devices write."""
VIEWS = ("AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL")
"""View positions (PS3.3 C.8.1.3), and what an upload may say beside a picture."""


@dataclass(frozen=True, slots=True)
class Wider:
    """What a site wants scored besides the intended use.

    ``age_years`` are completed years, both ends included, and hold those of the intended use;
    None leaves the age alone. The words are DICOM's.
    """

    age_years: tuple[int, int] | None = None
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


def columns_of(wider: Wider, version: ModelVersion) -> dict[str, Any]:
    """Return the columns of a `Widening`: what ``wider`` adds to the intended use of ``version``.

    Raises
    ------
    InvalidInput
        It is none, narrows something, or adds nothing.
    """
    use = version.manifest.get("intended_use") or {}
    youngest, oldest = _age_range(wider, use)
    columns: dict[str, Any] = {"youngest": youngest, "oldest": oldest}
    vocabulary = (
        ("modalities", wider.modalities, MODALITIES, "modality"),
        ("body_parts", wider.body_parts, BODY_PARTS, "body part"),
        ("views", wider.views, VIEWS, "view"),
    )
    for name, words, known, what in vocabulary:
        columns[name] = _words(words, known, what, already=use.get(name) or ())
    if youngest is None and not any(columns[name] for name, *_ in vocabulary):
        raise InvalidInput("That adds nothing to what the model may score already.")
    return columns


def _age_range(wider: Wider, use: dict[str, Any]) -> tuple[int | None, int | None]:
    if wider.age_years is None:
        return None, None
    youngest, oldest = wider.age_years
    if not 0 <= youngest <= oldest <= OLDEST:
        raise InvalidInput(f"An age range goes from 0 to at most {OLDEST} completed years.")
    made_for = use.get("age_years")
    if made_for and not (youngest <= made_for[0] and made_for[1] <= oldest):
        least, most = made_for
        raise InvalidInput(f"The age range must hold {least} to {most}: it can only be widened.")
    if not made_for or [youngest, oldest] == list(made_for):
        return None, None
    return youngest, oldest


def _words(
    words: Iterable[str], known: tuple[str, ...], what: str, *, already: Iterable[str]
) -> list[str]:
    if unknown := sorted(set(words) - set(known)):
        raise InvalidInput(f"Unknown {what} {unknown[0][:40]!r}; choose from {', '.join(known)}.")
    return [word for word in known if word in set(words) - set(already)]
