"""The points of a report's plots as lines of tables; a report without points has none."""

from collections.abc import Iterator

from portal.web.report_values import Cell, Part, Said, is_number, number, parts_of, said, share

STEPS = [step / 20 for step in range(21)]
Point = tuple[float, float, object]
"""Where on the curve, how high, and from which score on."""


def roc(split: Part) -> Iterator[Cell]:
    """Yield the sensitivity that the curve reaches up to each share of false alarms."""
    points = _points(split, "roc", "false_positive_rate", "sensitivity")
    for step in STEPS:
        within = [point for point in points if point[0] <= step]
        yield f"At most {share(step)} of the normal suggested", _highest(within, "sensitivity")


def precision_recall(split: Part) -> Iterator[Cell]:
    """Yield the highest precision of the curve from each sensitivity on."""
    points = _points(split, "precision_recall", "sensitivity", "precision")
    for step in STEPS:
        within = [point for point in points if point[0] >= step]
        yield f"At least {share(step)} of the sick suggested", _highest(within, "precision")


def reliability(split: Part) -> Iterator[Cell]:
    """Yield what became of the radiographs with a score from and up to."""
    for one in parts_of(split, "reliability"):
        ends = [number(one.get(key), 2) for key in ("start", "end")]
        cell = [
            *said(number(one.get("n")), "radiographs"),
            *said(number(one.get("mean_score")), "mean score"),
            *said(share(one.get("share")), "with pneumonia"),
        ]
        yield " to ".join(ends), cell if all(ends) else []


def _points(split: Part, curve: str, across: str, up: str) -> list[Point]:
    found = split.get(curve)
    series = (
        [found.get(key) for key in (across, up, "threshold")] if isinstance(found, dict) else []
    )
    if not series or not all(isinstance(one, list) for one in series):
        return []
    return [point for point in zip(*series, strict=False) if all(map(is_number, point[:2]))]


def _highest(points: list[Point], name: str) -> list[Said]:
    if not points:
        return []
    _, height, cut = max(points, key=lambda point: point[1])
    return [*said(number(height), name), *said(number(cut), "from the score")]
