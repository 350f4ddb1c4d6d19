"""What a model says about itself: the manifest of a bundle, read strictly.

A key too many or too few, a value of another type or out of its range: refused. A reader that
guesses would one day apply the wrong threshold.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from inference.bounds import QualityBounds
from inference.measured import (
    External,
    FigureInvalid,
    Golden,
    Interval,
    MapCheck,
    Measured,
    Metrics,
    Reduced,
)
from inference.strict import Unfit, parse_object

__all__ = [
    "ArrayFile",
    "Calibration",
    "Disclaimer",
    "External",
    "Gates",
    "Golden",
    "Head",
    "Input",
    "IntendedUse",
    "Interval",
    "Layer",
    "Manifest",
    "ManifestInvalid",
    "MapCheck",
    "Measured",
    "Metrics",
    "Prevalence",
    "Reduced",
    "Threshold",
    "Training",
    "read_manifest",
    "write_manifest",
]


class ManifestInvalid(ValueError):
    """The manifest is not one. The message names the key."""


@dataclass(frozen=True, slots=True)
class Input:
    """What the network wants: square, display-ready pixels; see `inference.vgg16.to_input`."""

    size: int
    input_convention: Literal["rgb_0_1", "bgr_imagenet_mean"]
    preprocessing: str


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """A file of arrays, pinned. It lies in the bundle, or, if shared, in ``bodies`` beside it."""

    file: str
    sha256: str
    provenance: str
    licence: str

    def __post_init__(self) -> None:
        _demand(re.fullmatch(r"[0-9a-f]{64}", self.sha256), "sha256", self.sha256)
        _demand(re.fullmatch(r"[A-Za-z0-9._-]+\.npz", self.file), "file", self.file)


@dataclass(frozen=True, slots=True)
class Layer:
    """One dense layer of the head."""

    units: int
    activation: Literal["relu", "linear"]


@dataclass(frozen=True, slots=True)
class Head:
    """What is read from the body, and the dense layers on it.

    Output number ``logit_index`` of the last layer is the logit of pneumonia, uncalibrated.
    """

    features: Literal["pooled", "flattened"]
    blocks: tuple[int, ...]
    layers: tuple[Layer, ...]
    logit_index: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """At or above ``value`` the finding is "present"; with its 95 % interval, by patient."""

    value: float
    low: float
    high: float
    target_sensitivity: float
    chosen_on: str
    how: str

    def __post_init__(self) -> None:
        _demand(0 < self.value < 1, "threshold.value", self.value)


@dataclass(frozen=True, slots=True)
class Calibration:
    """probability = 1 / (1 + exp(-(slope x logit + intercept))): Platt 1999."""

    slope: float
    intercept: float
    fitted_on: str

    def __post_init__(self) -> None:
        _demand(self.slope > 0, "calibration.slope", self.slope)


@dataclass(frozen=True, slots=True)
class Prevalence:
    """Share of pneumonia among the radiographs that the score was calibrated on."""

    value: float
    of: str

    def __post_init__(self) -> None:
        _demand(0 < self.value < 1, "prevalence.value", self.value)


@dataclass(frozen=True, slots=True)
class Gates:
    """What keeps out that is no upright frontal chest radiograph; see `inference.likeness`.

    Parameters
    ----------
    blocks, strangeness_maximum : tuple of int, float
        Whose pooled features are looked at; how much of them may be unlike any that were fitted.
    arrangements : tuple of str
        The first is the right one; what the others are called.
    upright_minimum, arranged_minimum : float
        Least probability of the first; of another one, to be the reason even of what looks strange.
    quality : QualityBounds, optional
        None in bundles from before there was a choice: `inference.quality.BOUNDS` are theirs.
    """

    file: ArrayFile
    blocks: tuple[int, ...]
    strangeness_maximum: float
    arrangements: tuple[str, ...]
    upright_minimum: float
    arranged_minimum: float
    fitted_on: str
    how: str
    quality: QualityBounds | None = None

    def __post_init__(self) -> None:
        _demand(self.strangeness_maximum > 0, "strangeness_maximum", self.strangeness_maximum)
        _demand(0 < self.upright_minimum < 1, "upright_minimum", self.upright_minimum)


@dataclass(frozen=True, slots=True)
class IntendedUse:
    """Whom and what the model may score. Outside it a radiograph is not scored.

    ``age_years`` are completed years, both ends included. A value that is not known passes if it
    is named in ``unknown_allowed``, and the score says so.
    """

    age_years: tuple[int, int]
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    unknown_allowed: tuple[Literal["modality", "body_part", "view", "age"], ...]
    statement: str

    def __post_init__(self) -> None:
        _demand(0 <= self.age_years[0] <= self.age_years[1], "age_years", self.age_years)


@dataclass(frozen=True, slots=True)
class Disclaimer:
    """What stands beside every score."""

    version: str
    text: str


@dataclass(frozen=True, slots=True)
class Training:
    """How the version came about, enough to do it again."""

    recipe: str
    seed: int
    epochs: int
    views: tuple[str, ...]
    images: int
    data: str
    note: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is and may do. What has a default may be missing: older bundles lack it."""

    schema: Literal[2]
    name: str
    version: str
    created: str
    network: Literal["vgg16", "tiny"]
    for_tests: bool
    input: Input
    body: ArrayFile | None
    head_file: ArrayFile
    head: Head
    threshold: Threshold
    calibration: Calibration
    prevalence: Prevalence
    gates: Gates | None
    intended_use: IntendedUse
    disclaimer: Disclaimer
    measured: Measured
    training: Training
    licences: tuple[str, ...]
    golden: Golden | None = None
    explanation: MapCheck | None = None
    reduced: Reduced | None = None

    def __post_init__(self) -> None:
        _demand(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", self.name), "name", self.name)
        _demand(re.fullmatch(r"\d+\.\d+\.\d+", self.version), "version", self.version)
        if (self.network == "vgg16") != (self.body is not None):
            raise ManifestInvalid("body: a vgg16 has one, a tiny has none")
        if self.network == "tiny" and not self.for_tests:
            raise ManifestInvalid("for_tests: a tiny network is for tests only")

    @property
    def weights_sha256(self) -> str:
        """Return one SHA-256, in hexadecimal, over those of body, head and gates."""
        pinned = (self.body.sha256 if self.body else "") + self.head_file.sha256
        pinned += self.gates.file.sha256 if self.gates else ""
        return hashlib.sha256(pinned.encode()).hexdigest()


def read_manifest(text: str) -> Manifest:
    """Return the manifest that the JSON ``text`` holds.

    Raises
    ------
    ManifestInvalid
        Not JSON; a key is unknown or missing; a value has another type or is out of range; or the
        seal does not fit what it seals.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ManifestInvalid(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ManifestInvalid("not a JSON object")
    seal = document.pop("seal", None)
    if seal != _seal(document):
        raise ManifestInvalid("seal: the manifest was changed after it was written")
    try:
        return parse_object(Manifest, document)
    except (Unfit, FigureInvalid) as error:
        raise ManifestInvalid(str(error)) from error


def write_manifest(manifest: Manifest) -> str:
    """Return ``manifest`` as JSON with a seal: the SHA-256 of everything else in it.

    The seal finds accidents, not forgers; who registers a model compares the weights as well. What
    an older release had no key for is left out while it is None: the same bundle, the same text.
    """
    said = dataclasses.asdict(manifest)
    for one, part in ((manifest, said), (manifest.gates or manifest, said["gates"] or {})):
        for name in [f.name for f in fields(one) if f.default is None is part.get(f.name)]:
            part.pop(name, None)
    document = json.loads(json.dumps(said, allow_nan=False))
    document["seal"] = _seal(document)
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _seal(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _demand(holds: object, key: str, value: object) -> None:
    if not holds:
        raise ManifestInvalid(f"{key}: {value!r} is not possible")
