"""``evaluate``: what a bundle is worth on one split."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from inference.preprocess import INPUT_SIZE
from inference.training.splits import read_rows

if TYPE_CHECKING:
    from inference.training.report.document import Document

HELP = "measure a bundle on one split and write the report"
EPILOG = """\
Writes report.json with every figure, its 95 % interval (bootstrapped by patient) and what the gates
kept out; how the bundle was trained, where its own report tells; scores.csv with every score; and
the pictures. Radiographs may be JPEG, PNG or DICOM. Files go through the airlock and the gates
as in the portal; under "ungated" the figures are given without the gates. Train and val, which a
model has seen, say little: look at a test, and open it once for a version. official_test is the
public test as published, rebuilt from test_internal where the folder has a duplicates_removed.csv.
"""
DISTURBED = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``evaluate`` takes."""
    add = parser.add_argument
    add("--bundle", type=Path, required=True, metavar="DIR", help="the model to measure")
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--split", required=True, metavar="NAME", help="which of them, as val or test_internal")
    add("--out", type=Path, required=True, metavar="DIR", help="where the report is written")
    add(
        "--disturbed",
        type=int,
        default=DISTURBED,
        metavar="N",
        help="radiographs of each class that are recompressed, blurred, reduced and stretched to "
        "see what the score does; 0: none (default %(default)s)",
    )
    add(
        "--reduced-to",
        type=_pixels,
        metavar="PX",
        help="reduce each radiograph to PX x PX and enlarge it again: with --split official_test "
        "and 28 the protocol of the 28-pixel benchmarks",
    )
    add("--seed", type=int, default=0, help="decides everything that is random (default 0)")


def run(given: argparse.Namespace) -> int:
    """Measure, write and say the most important; return 0."""
    import inference
    from inference.training.report.document import Question, write_report

    rows = read_rows(given.data, needed=[given.split])
    disturbed = max(0, given.disturbed)
    question = Question(
        given.data, rows, given.split, disturbed, given.seed, given.reduced_to, given.bundle
    )
    with inference.load(given.bundle) as classifier:
        _say(write_report(classifier, question, given.out), given.out)
    return 0


def _pixels(text: str) -> int:
    """Return a number of pixels."""
    value = int(text)
    if not 1 <= value <= INPUT_SIZE:
        raise ValueError(text)
    return value


def _say(report: "Document", out: Path) -> None:
    for name, part in (("with the gates", report), ("gates off", report["ungated"])):
        assert isinstance(part, dict)  # noqa: S101 - the shape of a report
        words = ", ".join(
            f"{figure.replace('_', ' ')} {_said(part[figure], part[f'{figure}_ci'])}"
            for figure in ("auc", "sensitivity", "specificity", "accuracy", "ece")
        )
        print(f"{report['split']}, {name}: {part['n']} radiographs; {words}")
    left_out = report["left_out"]
    assert isinstance(left_out, dict)  # noqa: S101 - the shape of a report
    for name, why in left_out.items():
        print(f"without {name.replace('_', ' ')}: {why}")
    print(f"report in {out}")


def _said(value: float | None, interval: list[float] | None) -> str:
    if value is None or interval is None:
        return "unknown (a class is missing)"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
