"""What a finding is worth where so many are sick."""

import math

import numpy as np

from inference.training.measures import Samples, figures_at, interval_of, predictive_values
from inference.training.report.scoring import Scored
from inference.training.splits import labels_of

PREVALENCES = (0.05, 0.25)
"""At which predictive values are given, beside that of the model's own calibration."""

Document = dict[str, object]


def predictive_of(
    scored: Scored, samples: Samples, *, threshold: float, prevalence: float
) -> list[Document]:
    """Return the predictive values at each prevalence; both classes must be there.

    Intervals are those of the predictive values themselves on each of ``samples``. A value is None
    where nothing, or everything, is called; a resample in which it is so does not count.
    """
    rates = _rates(scored, samples, threshold)
    table: list[Document] = []
    for at in (*PREVALENCES, round(prevalence, 4)):
        values = [predictive_values(*pair, at) for pair in rates]
        positive, negative = zip(*values, strict=True)
        table.append({"prevalence": at, **_flat("ppv", positive), **_flat("npv", negative)})
    return table


def _rates(scored: Scored, samples: Samples, threshold: float) -> list[tuple[float, float]]:
    """Return sensitivity and specificity of all, and of each sample."""
    labels, figures = labels_of(scored.rows), figures_at(threshold)
    return [
        (
            figures["sensitivity"](scored.probabilities[sample], labels[sample]),
            figures["specificity"](scored.probabilities[sample], labels[sample]),
        )
        for sample in (np.arange(len(labels)), *samples)
    ]


def _flat(name: str, values: tuple[float, ...]) -> Document:
    value, *drawn = values
    known = [one for one in drawn if not math.isnan(one)]
    if math.isnan(value) or not known:
        return {name: None, f"{name}_ci": None}
    interval = interval_of(value, known)
    return {name: interval.value, f"{name}_ci": [interval.low, interval.high]}
