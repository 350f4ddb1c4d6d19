"""A recipe: everything that decides how a network is fitted but data, base weights and seed."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.strict import Unfit, parse_object
from inference.training.splits import BadData
from inference.vgg16 import BLOCKS

HOME = Path(__file__).parent / "recipes"
SHIPPED = tuple(sorted(path.stem for path in HOME.glob("*.toml")))


@dataclass(frozen=True, slots=True)
class ArticleRecipe:
    """The article's network; see `inference.training.article`."""

    network: Literal["article"]
    about: str
    epochs: int
    batch: int
    tuned_layers: tuple[int, ...]
    dropout_features: float
    hidden: int
    l2: float
    dropout_hidden: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """Which hospitals are fitted, and how much of each.

    Parameters
    ----------
    second_hospital : float
        Share of a batch that comes of ``external_dev``; with 0 it is not fitted at all.
    folds_apart : tuple of tuple of str
        Folds of ``external_dev`` that are held out together, one group after the other, to choose
        the epoch and to calibrate on; the last fit takes all of them. Empty: no such fits, the
        epoch is chosen on val.
    """

    second_hospital: float
    folds_apart: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        _demand(0 <= self.second_hospital < 1, "data.second_hospital", "at least 0 and below 1")
        folds = [fold for group in self.folds_apart for fold in group]
        _demand(len(folds) == len(set(folds)), "data.folds_apart", "groups that share no fold")
        _demand(bool(folds) <= (self.second_hospital > 0), "data.folds_apart", "empty without it")


@dataclass(frozen=True, slots=True)
class Probe:
    """The logistic regression from which tuning starts, or which is all that is fitted.

    Parameters
    ----------
    blocks : tuple of int
        Whose pooled features it reads, as the head will.
    views : int
        How many views it is fitted on, at most; the first is the plain one.
    strength : float
        scikit-learn's ``C``.
    """

    blocks: tuple[int, ...]
    views: int
    strength: float

    def __post_init__(self) -> None:
        _demand(set(self.blocks) in ({4, 5}, {5}), "probe.blocks", "[4, 5] or [5]")
        _demand(self.views > 0, "probe.views", "above 0")
        _demand(self.strength > 0, "probe.strength", "above 0")


@dataclass(frozen=True, slots=True)
class Tune:
    """How the last blocks and the head are fitted together.

    Parameters
    ----------
    from_block : int
        The first block that is fitted; those before it are frozen. With 5, what the frozen part
        makes of every view is computed once and kept; with less, the views themselves are kept:
        the input of an earlier block is larger than they are.
    epochs, steps, batch, patience : int
        At most so many epochs of so many steps of so many radiographs; ended after ``patience``
        epochs that were no better.
    rate : float
        Of Adam at its height: it rises for half an epoch, then falls along a cosine, to a
        twentieth at the end of the last epoch.
    dropout, label_smoothing : float
        Before the head, and of the cross-entropy.
    average : float
        What is kept are weights averaged with this momentum a step.
    """

    from_block: int
    epochs: int
    steps: int
    batch: int
    patience: int
    rate: float
    dropout: float
    label_smoothing: float
    average: float

    def __post_init__(self) -> None:
        _demand(1 <= self.from_block <= len(BLOCKS), "tune.from_block", "1 to 5")
        for name in ("epochs", "steps", "batch", "patience", "rate"):
            _demand(getattr(self, name) > 0, f"tune.{name}", "above 0")
        for name in ("dropout", "label_smoothing", "average"):
            _demand(0 <= getattr(self, name) < 1, f"tune.{name}", "at least 0 and below 1")


@dataclass(frozen=True, slots=True)
class TunedRecipe:
    """The last blocks and a head, fitted on radiographs plain and in ``views`` augmented views."""

    network: Literal["tuned"]
    about: str
    views: int
    data: Mixture
    probe: Probe
    tune: Tune

    def __post_init__(self) -> None:
        _demand(self.views >= 0, "views", "at least 0")


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """The head alone, the logistic regression of ``probe``; the body stays as it is."""

    network: Literal["probe"]
    about: str
    data: Mixture
    probe: Probe


Recipe = ArticleRecipe | TunedRecipe | HeadRecipe


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line of ``fit`` says.

    Parameters
    ----------
    recipe_text : str
        The TOML, as it was read: it goes into the run word for word.
    precision : str
        Of the multiplications; see `inference.training.hardware.precision_of`.
    limit : int, optional
        At most so many radiographs of each split, for trying things out.
    """

    data: Path
    base_weights: str
    out: Path
    cache: Path
    recipe_name: str
    recipe_text: str
    seed: int = 0
    limit: int | None = None
    precision: str = "float32"


def recipe_text(source: str) -> str:
    """Return the TOML of a shipped recipe, by its name, or of a file.

    Raises
    ------
    BadData
        Neither.
    """
    path = HOME / f"{source}.toml" if source in SHIPPED else Path(source)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(SHIPPED)
        raise BadData(
            f"There is no recipe {source}: give a TOML file or one of {known}."
        ) from error


def read_recipe(text: str) -> Recipe:
    """Return the recipe that ``text`` describes, every key of it and no other.

    Raises
    ------
    BadData
        Not TOML; a key is missing, unknown, of another type or out of its range.
    """
    try:
        document = tomllib.loads(text)
        if document.get("network") == "article":
            return parse_object(ArticleRecipe, document)
        if document.get("network") == "probe":
            return parse_object(HeadRecipe, document)
        return parse_object(TunedRecipe, document)
    except (tomllib.TOMLDecodeError, Unfit) as error:
        raise BadData(f"The recipe is not valid: {error}.") from error


def _demand(holds: bool, key: str, what: str) -> None:  # noqa: FBT001 - private
    if not holds:
        raise Unfit(f"{key}: {what} is expected")
