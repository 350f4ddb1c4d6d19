"""The figures of one split: with the gates, without them, and by subgroup."""

from collections import Counter
from collections.abc import Callable, Mapping

from inference.manifest import Interval, Manifest
from inference.training.measures import (
    FEWEST,
    bootstrap,
    figures_at,
    intervals,
    patients_of,
    resamples,
)
from inference.training.report.predictive import predictive_of
from inference.training.report.scoring import Scored
from inference.training.report.views import view_matched_auc
from inference.training.splits import Row, labels_of

AGE_BANDS = ((0, 1), (1, 6), (6, 18), (18, 40), (40, 65), (65, 200))
"""Completed years: from, and up to but not including."""
HISTOGRAM_BINS = 20

Document = dict[str, object]


def figures_of(scored: Scored, manifest: Manifest, seed: int) -> Document:
    """Return every figure of ``scored``, as JSON; None where a class is missing.

    Each figure has its value under its name and its 95 % interval, bootstrapped by patient, under
    the same name with ``_ci``. ``auc_view_matched`` is there where there is more than one view.
    """
    rows, probabilities, threshold = scored.rows, scored.probabilities, manifest.threshold.value
    labels = labels_of(rows)
    whole = scored.whole
    samples = resamples(rows, seed) if whole else []
    found = intervals(labels, probabilities, samples, threshold=threshold) if whole else {}
    matched = view_matched_auc(scored, samples)
    names = figures_at(threshold)
    called = probabilities >= threshold
    return {
        "n": len(rows),
        "pneumonia": int(labels.sum()),
        "patients": patients_of(rows),
        **{key: value for name in names for key, value in _flat(name, found.get(name)).items()},
        **(_flat("auc_view_matched", matched) if matched else {}),
        "confusion": {
            "true_positive": int((called & (labels == 1)).sum()),
            "false_positive": int((called & (labels == 0)).sum()),
            "false_negative": int((~called & (labels == 1)).sum()),
            "true_negative": int((~called & (labels == 0)).sum()),
        },
        "predictive_values": predictive_of(
            scored, samples, threshold=threshold, prevalence=manifest.prevalence.value
        )
        if whole
        else [],
        "histogram": _histogram(scored),
    }


def refusals_of(scored: Scored) -> Document:
    """Return how many the gates kept out, by outcome and by reason."""
    refusals = [refusal for refusal in scored.refusals if refusal]
    return {
        "n": len(refusals),
        "by_outcome": dict(sorted(Counter(one.outcome for one in refusals).items())),
        "by_reason": dict(sorted(Counter(one.code for one in refusals).items())),
    }


def subgroups_of(scored: Scored, manifest: Manifest, seed: int) -> list[Document]:
    """Return the figures of each subgroup that has at least `FEWEST` of both classes.

    A kind of pneumonia is held against all normal radiographs of the split.
    """
    table: list[Document] = []
    for what, of in SUBGROUPS.items():
        values = [of(row) for row in scored.rows]
        for value in sorted(set(values) - {""}):
            chosen = [v == value or (what == "subtype" and not row.label)
                      for v, row in zip(values, scored.rows, strict=True)]  # fmt: skip
            if all(chosen) and what != "subtype":
                continue  # the whole split again
            if one := _subgroup(scored.only(chosen), manifest, seed):
                table.append({"group": what, "value": value, **one})
    return table


def _subgroup(scored: Scored, manifest: Manifest, seed: int) -> Document:
    labels, samples = labels_of(scored.rows), resamples(scored.rows, seed)
    if min(int((labels == label).sum()) for label in (0, 1)) < FEWEST:
        return {}
    found: Document = {"n": len(scored.rows), "pneumonia": int(labels.sum())}
    for name, figure in figures_at(manifest.threshold.value).items():
        if name in {"auc", "sensitivity", "specificity"}:
            found |= _flat(name, bootstrap(figure, scored.probabilities, labels, samples))
    return found


def _age_band(row: Row) -> str:
    for low, high in AGE_BANDS:
        if row.age is not None and low <= row.age < high:
            return f"{low:02d} to {high - 1} years"
    return ""


SUBGROUPS: Mapping[str, Callable[[Row], str]] = {
    "subtype": lambda row: row.subtype if row.label else "",
    "age": _age_band,
    "sex": lambda row: row.sex,
    "view": lambda row: row.view,
    "hospital": lambda row: row.source,
}


def _flat(name: str, interval: Interval | None) -> Document:
    if interval is None:
        return {name: None, f"{name}_ci": None}
    return {name: interval.value, f"{name}_ci": [interval.low, interval.high]}


def _histogram(scored: Scored) -> dict[str, list[int]]:
    """Return how many scores of each class lie in each of `HISTOGRAM_BINS` equal bins of 0 to 1."""
    counts = {"normal": [0] * HISTOGRAM_BINS, "pneumonia": [0] * HISTOGRAM_BINS}
    for row, probability in zip(scored.rows, scored.probabilities, strict=True):
        place = min(int(probability * HISTOGRAM_BINS), HISTOGRAM_BINS - 1)
        counts["pneumonia" if row.label else "normal"][place] += 1
    return counts
