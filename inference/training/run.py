"""What a fit leaves behind: a folder that ``pack`` makes a bundle of."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from inference.bundle import pack_arrays
from inference.manifest import Head
from inference.strict import parse_object
from inference.training.body import Body
from inference.training.hardware import Machine, library_versions, this_machine
from inference.training.recipe import Settings
from inference.training.splits import BadData, Row, list_sha256

Floats = npt.NDArray[np.floating]

RUN, BEGUN = "run.json", "begun.json"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a fit without this radiograph's fold said of it."""

    file: str
    label: int
    logit: float


def held_out_of(rows: Sequence[Row], logits: Iterable[float], folder: Path) -> Iterator[HeldOut]:
    """Yield what a fit without ``rows``, whose files lie in ``folder``, said of each of them."""
    for row, logit in zip(rows, logits, strict=True):
        yield HeldOut(row.file.relative_to(folder).as_posix(), row.label, float(logit))


@dataclass(frozen=True, slots=True)
class Origin:
    """What has to be the same for a fit to be repeated, and what it ran on.

    Parameters
    ----------
    recipe : str
        Its TOML, word for word.
    list_sha256 : str
        See `inference.training.splits.list_sha256`.
    base_sha256 : str
        Of the arrays of the base weights and their input convention.
    limit : int, optional
        At most so many radiographs of each split were taken.
    versions : dict
        Of the libraries.
    """

    recipe: str
    list_sha256: str
    base_sha256: str
    limit: int | None
    versions: dict[str, str]
    machine: Machine


def origin_of(settings: Settings, base: Body) -> Origin:
    """Return the origin of a fit that starts from ``base``."""
    return Origin(
        settings.recipe_text, list_sha256(settings.data), base.fingerprint, settings.limit,
        library_versions(), this_machine(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """How a network came about.

    Parameters
    ----------
    histories : dict
        For each fit its figures, one an epoch: ``loss``, ``accuracy``, ``val_loss`` and so on.
        Empty for a head alone: a regression has no epochs.
    kept_epoch : int
        Counted from 1: whose weights are kept. 0 where there are no epochs.
    precision : str
        Of the multiplications of the fit; what is measured and shipped is float32.
    images : dict
        How many radiographs of each split were fitted.
    seconds : dict
        ``features``, ``probe`` and ``tuning`` or ``head``, or ``epochs``: what each took, however
        often interrupted; but a probe is done anew at each start, and the last one counts.
    seconds_an_epoch : float, optional
        For as many radiographs as ``images`` counts.
    held_out : tuple of HeldOut
        Of the second hospital, if it was fitted: what calibration may rest on.
    """

    recipe: str
    seed: int
    about: str
    views: tuple[str, ...]
    precision: str
    images: dict[str, int]
    histories: dict[str, dict[str, tuple[float, ...]]]
    kept_epoch: int
    seconds: dict[str, float]
    seconds_an_epoch: float | None
    origin: Origin
    held_out: tuple[HeldOut, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A fitted network, rounded as it will be shipped, and how it came about."""

    body: Body
    head: Head
    head_arrays: dict[str, Floats]
    record: Record


@dataclass(frozen=True, slots=True)
class _Body:
    """What is known of a body beside its arrays."""

    name: str
    input_convention: Literal["rgb_0_1", "bgr_imagenet_mean"]
    provenance: str


@dataclass(frozen=True, slots=True)
class _Said:
    """What ``run.json`` holds."""

    body: _Body
    head: Head
    record: Record


def begin_run(settings: Settings) -> None:
    """Note what is fitted into the folder, or check that it is what was begun there.

    Raises
    ------
    BadData
        The folder holds what is left of another fit, which must not be gone on with.
    """
    said = {
        "recipe": settings.recipe_text,
        "base_weights": settings.base_weights,
        "data": str(settings.data.resolve()),
        "seed": settings.seed,
        "limit": settings.limit,
        "precision": settings.precision,
    }
    file = settings.out / BEGUN
    if not file.is_file():
        settings.out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    if different := [name for name in said if before.get(name) != said[name]]:
        raise BadData(
            f"{settings.out} holds another fit (its {different[0].replace('_', ' ')} differs): "
            "give another --out, or remove it."
        )


def write_run(folder: Path, trained: Trained, settings: Settings) -> None:
    """Write ``trained`` and the recipe, word for word, into ``folder``."""
    body = trained.body
    about = _Body(body.name, body.input_convention, body.provenance)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(settings.recipe_text, encoding="utf-8")
    (folder / "body.npz").write_bytes(pack_arrays(body.weights))
    (folder / "head.npz").write_bytes(pack_arrays(trained.head_arrays))
    said = asdict(_Said(about, trained.head, trained.record))
    # Last: a folder with this file is complete.
    (folder / RUN).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def read_run(folder: Path) -> Trained:
    """Return what ``fit`` left in ``folder``.

    Raises
    ------
    BadData
        It is not the folder of a fit that came to its end.
    """
    try:
        said = parse_object(_Said, json.loads((folder / RUN).read_text(encoding="utf-8")))
        body, head = (_arrays(folder / f"{name}.npz") for name in ("body", "head"))
    except FileNotFoundError as error:
        raise BadData(f"{folder} is not a finished fit: it has no {RUN}.") from error
    except (OSError, ValueError) as error:
        raise BadData(f"{folder} is not a finished fit: {error}.") from error
    about = said.body
    return Trained(
        Body(about.name, body, about.input_convention, about.provenance),
        said.head, head, said.record,
    )  # fmt: skip


def _arrays(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
