"""The card of a model, made of its manifest."""

from collections.abc import Iterator, Mapping
from typing import Any

from portal.predictions.models import ModelVersion


def card_of(version: ModelVersion) -> str:
    """Return the model card in Markdown, made of the manifest alone."""
    return "\n".join(_lines(version, version.manifest)) + "\n"


def _lines(version: ModelVersion, manifest: Mapping[str, Any]) -> Iterator[str]:
    use = manifest.get("intended_use") or {}
    yield f"# {version}"
    yield f"\nWeights (SHA-256): `{version.weights_sha256}`"
    yield f"\n> {version.disclaimer} ({version.disclaimer_version})"
    yield f"\n## Intended use\n\n{use.get('statement', 'The manifest does not say.')}\n"
    for name in ("age_years", "modalities", "body_parts", "views", "unknown_allowed"):
        yield f"- {name.replace('_', ' ')}: {', '.join(map(str, use.get(name) or ['not stated']))}"
    yield f"\n## Operating point\n\n- cut-off of the bundle: {version.threshold}"
    yield f"- prevalence in validation: {version.prevalence}"
    yield from _pairs("Cut-off", manifest.get("threshold"))
    yield from _pairs("Calibration", manifest.get("calibration"))
    yield from _pairs("Training", manifest.get("training"))
    for split, figures in (manifest.get("measured") or {}).items():
        yield from _pairs(f"Measured: {split.replace('_', ' ')}", figures)
    yield "\n## Licences\n"
    yield from (f"- {one}" for one in manifest.get("licences") or ["not stated"])
    yield "\nEverything that was measured is in `report.json`, if the version came with one."


def _pairs(title: str, part: Any) -> Iterator[str]:
    if isinstance(part, Mapping) and part:
        yield f"\n## {title}\n"
        yield from (f"- {name.replace('_', ' ')}: {value}" for name, value in part.items())
