"""The figures of a model version, read from its manifest for the page about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.predictions.models import ModelVersion

SPLITS = (
    ("val", "Validation"),
    ("test_internal", "Internal test"),
    ("external_report", "Another hospital"),
)
MEASURES = (
    ("auc", "Area under the ROC curve"),
    ("sensitivity", "Sensitivity at the cut-off"),
    ("specificity", "Specificity at the cut-off"),
    ("accuracy", "Accuracy at the cut-off"),
    ("ece", "Calibration error (ECE)"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Where something was measured. The counts are None if the manifest does not say."""

    label: str
    images: int | None
    pneumonia: int | None
    patients: int | None
    note: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything that the page shows beside the columns of the model version."""

    splits: list[Split]
    rows: list[tuple[str, list[Figure | None]]]
    external: list[tuple[str, Figure]]
    floors: list[tuple[str, float]]
    intended_use: Mapping[str, Any]
    threshold: Mapping[str, Any]
    prevalence: Mapping[str, Any]
    training: Mapping[str, Any]
    licences: list[str]


def model_card(version: ModelVersion) -> ModelCard:
    """Return what the manifest of ``version`` says; what it lacks is left out."""
    manifest = version.manifest
    measured = _mapping(manifest, "measured")
    splits = [_mapping(measured, key) for key, _ in SPLITS]
    external = _mapping(splits[-1], "auc_by_view")
    return ModelCard(
        splits=[_split(label, found) for (_, label), found in zip(SPLITS, splits, strict=True)],
        rows=[(label, [_figure(found.get(key)) for found in splits]) for key, label in MEASURES],
        external=[(view, figure) for view in external if (figure := _figure(external[view]))],
        floors=sorted(_mapping(measured, "floors").items()),
        intended_use=_mapping(manifest, "intended_use"),
        threshold=_mapping(manifest, "threshold"),
        prevalence=_mapping(manifest, "prevalence"),
        training=_mapping(manifest, "training"),
        licences=list(manifest.get("licences") or ()),
    )


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _split(label: str, found: Mapping[str, Any]) -> Split:
    counts = (found.get("images"), found.get("pneumonia"), found.get("patients"))
    return Split(label, *counts, note=str(found.get("note", "")))


def _figure(value: Any) -> Figure | None:
    if isinstance(value, dict) and "value" in value:
        return Figure(value["value"], value.get("low"), value.get("high"))
    return Figure(value) if isinstance(value, float) else None
