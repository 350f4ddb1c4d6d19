"""The one page of a comparison: self-contained, without scripts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.training.compare.paired import COMPARED, Pair
from inference.training.explore.markup import Html, figure, grid, join, section, sentences, table
from inference.training.explore.plots import STYLES, draw_inline
from inference.training.explore.shell import whole_page
from inference.training.figures import FITTED, INK, VALIDATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "specificity_at_95_sensitivity": "specificity at 95 % sensitivity",
    "ece": "calibration error (ECE)",
}
SHOWN = 200
Document = dict[str, Any]


def write_page(document: Document, gated: Pair, whole: Pair, file: Path) -> None:
    """Write ``document`` to ``file``; drawn is what both gates let through, if of both classes."""
    a, b = (named(document, letter) for letter in "ab")
    head = sentences(
        f"A is {a}, B is {b}. Split {document['split']}, seed {document['seed']}; the same "
        "bundles, radiographs and seed give the same page. Differences are A less B: above 0, A is "
        "higher (for the calibration error: worse).",
        "Both have the same weights; only what is made of the score differs."
        if document["same_weights"] else "",
        "This page holds names of files: keep it where the data may be kept.",
    )  # fmt: skip
    body = join(
        (
            _figures("gated", "With the gates: what both score", document["gated"]),
            _figures("ungated", "Gates off: every radiograph", document["ungated"]),
            _drawings(*((gated, "with the gates") if gated.whole else (whole, "gates off"))),
            _refusals(document["refused"]),
            _subgroups(document["subgroups"]),
            _cases(document["disagreements"]),
        )
    )
    text = whole_page("Two models on the same radiographs", head, body)
    file.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")


def named(document: Document, letter: str) -> str:
    """Return one of the models with its version and threshold."""
    one = document["models"][letter]
    return f"{one['model']} {one['version']} (threshold {one['threshold']:.3f})"


def chance(p: float | None) -> str:
    """Return a p-value in words."""
    if p is None:
        return "p is void (no variance)"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.4f}"  # noqa: PLR2004


def signed(value: float, ends: list[float]) -> str:
    """Return a difference with its interval."""
    return f"{value:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f})"


def _figures(identity: str, title: str, part: Document) -> Html:
    counted = (
        f"{part['n']} radiographs, {part['pneumonia']} of pneumonia, {part['patients']} patients."
    )
    rows = [[TITLES[name], *_row(part["figures"][name])] for name in COMPARED]
    tests = [f"Accuracy: McNemar, exact: {chance(part['mcnemar']['p'])}."]
    if found := part["delong"]:
        gap = signed(found["difference"], found["difference_ci"])
        tests.insert(0, f"AUC: DeLong {gap}, {chance(found['p'])}.")
    right = [
        [name, one["both_right"], one["only_a"], one["only_b"], one["both_wrong"]]
        for name, one in part["disagreement"].items()
    ]
    return section(
        identity,
        title,
        sentences(counted),
        table("Figures, each at its own threshold (95 % intervals, bootstrapped by patient)",
              ["figure", "A", "B", "A less B"], rows),
        sentences(
            *tests,
            "Both tests take radiographs as independent; where patients have several, trust the "
            "bootstrap. Several figures are looked at, so one p-value below 0.05 is no proof.",
        ),
        table("Who is right", ["class", "both", "only A", "only B", "none"], right),
    )  # fmt: skip


def _row(found: Document | None) -> list[str]:
    if found is None:
        return ["not measured: a class is missing", "", ""]
    each = [
        f"{found[k]:.3f} ({found[f'{k}_ci'][0]:.3f} to {found[f'{k}_ci'][1]:.3f})" for k in "ab"
    ]
    return [*each, signed(found["difference"], found["difference_ci"])]


def _drawings(pair: Pair, what: str) -> Html:
    def scatter(axes: "Axes") -> None:
        for label, (name, style) in enumerate(STYLES.items()):
            some = pair.labels == label
            axes.scatter(pair.scores[1][some], pair.scores[0][some], s=9, label=name,
                         marker="ox"[label], color=style["color"], linewidths=0.8)  # fmt: skip
        axes.axhline(pair.thresholds[0], color=INK, linewidth=0.8, linestyle=":")
        axes.axvline(pair.thresholds[1], color=INK, linewidth=0.8, linestyle=":")
        axes.set(xlabel="score of B", ylabel="score of A", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))

    def roc(axes: "Axes") -> None:
        from sklearn.metrics import roc_curve

        looks = (("A", FITTED, "-"), ("B", VALIDATED, "--"))
        for (name, colour, dash), scores in zip(looks, pair.scores, strict=True):
            wrong, found, _ = roc_curve(pair.labels, scores)
            axes.plot(wrong, found, label=name, color=colour, linestyle=dash, linewidth=1.6)
        axes.set(xlabel="1 - specificity", ylabel="sensitivity")

    drawn = [
        figure(draw_inline("scores", scatter, "Scores of A over those of B, by class."),
               f"Scores, {what}. Dotted: the thresholds. Upper left, only A says present; lower "
               "right, only B."),
        figure(draw_inline("roc", roc, "ROC of A and of B."), f"ROC, {what}."),
    ] if pair.whole else [sentences("Nothing is drawn: a class is missing.")]  # fmt: skip
    return section("drawings", "Scores and ROC", grid(drawn, "drawings"))


def _refusals(refused: Document) -> Html:
    rows = [
        [one["file"], which, one["reason"]]
        for which in ("A", "B")
        for one in refused[f"only_{which.lower()}"][:SHOWN]
    ]
    counts = (
        f"Refused by both: {refused['both']}; only by A: {len(refused['only_a'])}; only by B: "
        f"{len(refused['only_b'])}; by neither: {refused['neither']}."
    )
    head = ["file", "by", "reason"]
    content = [table("Refused by one and not the other", head, rows)] if rows else []
    return section("refused", "What the gates keep out", sentences(counts), *content)


def _subgroups(groups: list[Document]) -> Html:
    rows = [
        [f"{one['group']}: {one['value']}", f"{one['n']} ({one['pneumonia']})",
         *(_row(one["figures"][name])[2] for name in ("auc", "sensitivity", "specificity"))]
        for one in groups
    ]  # fmt: skip
    head = ["subgroup", "radiographs (pneumonia)", "AUC", "sensitivity", "specificity"]
    content = table("A less B, gates off", head, rows) if rows else sentences("Of none enough.")
    return section("subgroups", "Subgroups", content)


def _cases(cases: list[Document]) -> Html:
    said = (
        f"{len(cases)} findings differ, gates off; all are in disagreements.csv. Those whose "
        f"scores are furthest apart come first, at most {SHOWN}."
    )
    rows = [
        [one["file"], one["label"], f"{one['probability_a']:.3f}", f"{one['probability_b']:.3f}",
         one["finding_a"], one["finding_b"], one["right"].upper()]
        for one in cases[:SHOWN]
    ]  # fmt: skip
    head = ["file", "label", "score of A", "score of B", "A says", "B says", "right"]
    content = [table("Findings that differ", head, rows)] if rows else []
    return section("cases", "Where they disagree", sentences(said), *content)
