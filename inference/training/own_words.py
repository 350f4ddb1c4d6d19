"""What a bundle says in words: the shipped model's, or of a site that learned from its own."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from inference.manifest import Disclaimer, IntendedUse
from inference.strict import Unfit, parse_object
from inference.training import statements
from inference.training.splits import BadData

EXPORTED = "export.json"
"""What lies beside labels that a site exported."""


@dataclass(frozen=True, slots=True)
class Words:
    """What only people can say of what a model learned from, and of whom it may therefore score.

    Parameters
    ----------
    data : tuple of str
        What it learned from: where, when, whom, labelled by whom.
    licence : str
        Of what was learned.
    notes : tuple of str
        Limits, as remarks of the model card.
    """

    intended_use: IntendedUse
    disclaimer: Disclaimer
    data: tuple[str, ...]
    licence: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a bundle, and what was measured elsewhere on the same radiographs."""

    words: Words
    licences: tuple[str, ...]
    floors: dict[str, float] = field(default_factory=dict)


def own_words(file: Path | None, data: Path) -> Words | None:
    """Return what ``file``, a TOML, says; None if the shipped model's words are true of ``data``.

    Raises
    ------
    BadData
        The labels are a site's own and there is no file; or it is not one, or says too little.
    """
    if file is None:
        if (data / EXPORTED).exists():
            raise BadData(
                f"The labels in {data} were exported by a site: what is said of the shipped "
                "model's use, data and limits is not true of them. Say it in a TOML file: "
                "--statements FILE."
            )
        return None
    try:
        words = parse_object(Words, tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"There are no statements at {file}.") from error
    except (tomllib.TOMLDecodeError, Unfit, ValueError) as error:
        raise BadData(f"The statements are not valid: {error}.") from error
    if empty := [name for name, said in _texts(words).items() if not said.strip()]:
        raise BadData(f"The statements say nothing under {', '.join(empty)}.")
    return words


def said_of(words: Words | None, hospitals: int) -> Said:
    """Return ``words``, or what a bundle says that learned from so many of the public sets."""
    if words:
        body = statements.LICENCES[: statements.BODY_LICENCES]
        return Said(words, (*body, f"Training data: {words.licence}"))
    two = hospitals > 1
    shipped = Words(
        intended_use=statements.INTENDED_USE_OF_TWO if two else statements.INTENDED_USE,
        disclaimer=statements.DISCLAIMER_OF_TWO if two else statements.DISCLAIMER,
        data=statements.DATA[:hospitals],
        licence=statements.HEAD_LICENCE,
        notes=statements.NOTES[hospitals],
    )
    return Said(shipped, statements.LICENCES, dict(statements.FLOORS))


def _texts(words: Words) -> dict[str, str]:
    return {
        "intended_use.statement": words.intended_use.statement,
        "disclaimer.version": words.disclaimer.version,
        "disclaimer.text": words.disclaimer.text,
        "data": " ".join(words.data),
        "licence": words.licence,
    }
