"""The figures that a manifest holds: what was measured of a version, and what it scores."""

import re
from dataclasses import dataclass

CONVOLUTIONS = 13
"""Of a VGG16."""


class FigureInvalid(ValueError):
    """A figure is out of its range. The message names the key."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval, bootstrapped by patient."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured on one split, at the threshold of the manifest."""

    images: int
    pneumonia: int
    patients: int
    auc: Interval
    sensitivity: Interval
    specificity: Interval
    accuracy: Interval
    ece: Interval


@dataclass(frozen=True, slots=True)
class External:
    """What was measured at another hospital, with what to think of it."""

    images: int
    pneumonia: int
    patients: int
    auc: Interval
    auc_by_view: dict[str, Interval]
    note: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure of the version. A split that the training folder lacked is None."""

    val: Metrics
    test_internal: Metrics | None
    external_report: External | None
    floors: dict[str, float]


@dataclass(frozen=True, slots=True)
class Reduced:
    """What the reduced engine needs, and how far it is from the float32 ones on val.

    Parameters
    ----------
    ranges : tuple of float
        The largest value of each convolution, in the order of the network, over ``looked_at``
        radiographs that no figure is measured on: never of patients.
    images : int
        How many of val were read by both.
    auc_lost : float
        AUC of float32 less that of the reduced engine.
    ece : float
        Its calibration error.
    refusals_differ : int
        How many of ``images`` the gates judge otherwise.
    """

    ranges: tuple[float, ...]
    looked_at: int
    images: int
    auc_lost: float
    ece: float
    refusals_differ: int

    def __post_init__(self) -> None:
        if len(self.ranges) != CONVOLUTIONS or min(self.ranges) <= 0:
            raise FigureInvalid(f"reduced.ranges: {self.ranges!r} is not possible")


@dataclass(frozen=True, slots=True)
class Golden:
    """A picture of nobody that a worker scores before it claims anything, and what it must score.

    Parameters
    ----------
    file, sha256 : str
        The picture in the bundle, pinned.
    logit, score : float
        What came of it when the version was packed.
    engine : str
        What computed that.
    """

    file: str
    sha256: str
    logit: float
    score: float
    engine: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]+\.png", self.file):
            raise FigureInvalid(f"golden.file: {self.file!r} is not possible")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise FigureInvalid(f"golden.sha256: {self.sha256!r} is not possible")
        if not 0 < self.score < 1:
            raise FigureInvalid(f"golden.score: {self.score!r} is not possible")


@dataclass(frozen=True, slots=True)
class MapCheck:
    """Whether the maps of where the network looked depend on what it learned.

    Adebayo et al. 2018, arXiv:1810.03292: weights are replaced by chance, from the head down.

    Parameters
    ----------
    method : str
        How the maps come about.
    images, seed : int
        How many radiographs were looked at, and what the chance began with.
    correlations : dict
        Mean rank correlation, without its sign, with the map of the learned weights, after each
        step.
    bound : float
        What none of them may exceed, for maps to be shown.
    """

    method: str
    images: int
    seed: int
    correlations: dict[str, float]
    bound: float
    passed: bool

    def __post_init__(self) -> None:
        changed = bool(self.correlations) and max(self.correlations.values()) <= self.bound
        if self.passed != changed or not 0 < self.bound < 1:
            raise FigureInvalid(f"explanation.passed: {self.passed!r} is not what was measured")
