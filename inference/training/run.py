"""What a fit leaves behind: a folder that ``pack`` makes a bundle of."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from inference.bundle import pack_arrays
from inference.manifest import Head
from inference.strict import parse_object
from inference.training.body import Body
from inference.training.recipe import Settings
from inference.training.splits import BadData

Floats = npt.NDArray[np.floating]

RUN, BEGUN = "run.json", "begun.json"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a fit without this radiograph's fold said of it."""

    file: str
    label: int
    logit: float


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
        ``features`` and ``tuning`` or ``head``, or ``epochs``: what each took, however often
        interrupted.
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
