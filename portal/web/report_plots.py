"""The plots of a report: which there are, and what each of them shows, in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from portal.web.report_tables import splits_of
from portal.web.report_values import (
    Part,
    figure,
    in_brief,
    named_splits,
    number,
    part_of,
    words,
)

NETWORK = ("network.png", "The network", "Drawing of the network: its body and the fitted head")
CURVES = (
    "curves.png",
    "Training curves",
    "Training curves: loss and accuracy by epoch, fitted and validated",
)


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with the words instead of it (``alt``) and below it (``caption``)."""

    name: str
    sha256: str
    alt: str
    caption: str

    @property
    def slug(self) -> str:
        """The name as its address has it."""
        return self.name.removesuffix(".png")


@dataclass(frozen=True, slots=True)
class Group:
    """Plots of one kind, a split each."""

    title: str
    plots: list[Plot]


def plots(report: Part, pictures: Mapping[str, str]) -> list[Group]:
    """Return the plots by kind; what nobody here knows comes last, under its own name."""
    groups = [Group(kind[1], list(_of_kind(kind, report, pictures))) for kind in KINDS]
    shown = {plot.name for group in groups for plot in group.plots}
    apart = {CURVES[0], NETWORK[0]}
    others = [_other(name, pictures[name]) for name in sorted(set(pictures) - shown - apart)]
    return [group for group in [*groups, Group("Other pictures", others)] if group.plots]


def alone(plot: tuple[str, str, str], pictures: Mapping[str, str]) -> Plot | None:
    """Return a picture that belongs to no split, if there is one."""
    name, caption, alt = plot
    return Plot(name, pictures[name], alt, caption) if name in pictures else None


def _of_kind(kind: "Kind", report: Part, pictures: Mapping[str, str]) -> Iterator[Plot]:
    names, _, alt, caption = kind
    for (key, label), split in zip(named_splits(report), splits_of(report), strict=True):
        for name in (f"{key}-{name}.png" for name in names):
            if name in pictures:
                says = caption(split)
                text = f"{label}: {says}" if says else label
                yield Plot(name, pictures[name], f"{alt}: {label}", text)


def _other(name: str, sha256: str) -> Plot:
    title = words(name.removesuffix(".png").replace("-", " "))
    return Plot(name, sha256, f"Picture {title}", title)


def _roc(split: Part) -> str:
    at = [figure(split, key, name) for key, name in (("auc", "AUC"), *_AT_THE_CUT_OFF)]
    return "; ".join(map(in_brief, filter(None, at)))


def _confusion(split: Part) -> str:
    counts = part_of(split, "confusion")
    return ", ".join(
        f"{found} {word}" for key, word in _COUNTED if (found := number(counts.get(key)))
    )


def _scores(split: Part) -> str:
    found = number(split.get("n"))
    return f"{found} radiographs, the counts are in the table Scores" if found else ""


_COUNTED = (
    ("true_positive", "found"),
    ("false_negative", "missed"),
    ("false_positive", "false alarms"),
    ("true_negative", "rightly not suggested"),
)
_AT_THE_CUT_OFF = (("sensitivity", "sensitivity"), ("specificity", "specificity"))
Kind = tuple[tuple[str, ...], str, str, Callable[[Part], str]]
KINDS: tuple[Kind, ...] = (
    (
        ("roc",), "ROC curves",
        "ROC curve, sensitivity against 1 - specificity, with the cut-off", _roc,
    ),
    (
        ("precision-recall", "precision_recall"), "Precision and recall",
        "Precision-recall curve, positive predictive value against sensitivity",
        lambda split: in_brief(figure(split, "average_precision", "average precision")),
    ),
    (
        ("reliability",), "Reliability",
        "Reliability diagram, share with pneumonia against the score, with counts",
        lambda split: in_brief(figure(split, "ece", "calibration error")),
    ),
    (
        ("scores",), "Scores",
        "Histogram of the scores of normal radiographs and of those with pneumonia", _scores,
    ),
    (("confusion",), "Right and wrong at the cut-off", "Confusion matrix", _confusion),
)  # fmt: skip
