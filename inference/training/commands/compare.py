"""``compare``: two bundles on the same radiographs."""

import argparse
import json
from pathlib import Path

from inference.training.splits import of_split, read_rows

HELP = "compare two bundles on the same radiographs"
EPILOG = """\
Differences are those of --bundle (A) less those of --against (B), each at its own threshold, over
what the gates of both let through and over all with the gates off. Writes compare.json,
compare.html (one page, no network, no scripts) and disagreements.csv. Bundles that are the same
model are refused.
A test that is looked at to choose between two models is no test any more: choose on val.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command line of ``compare`` takes."""
    add = parser.add_argument
    add("--bundle", type=Path, required=True, metavar="A", help="a model")
    add("--against", type=Path, required=True, metavar="B", help="what it is held against")
    add("--data", type=Path, required=True, metavar="DIR", help="labelled radiographs, see above")
    add("--split", required=True, metavar="NAME", help="which of them, as val or test_internal")
    add("--out", type=Path, required=True, metavar="DIR", help="where the comparison is written")
    add("--seed", type=int, default=0, help="decides the resamples (default 0)")


def run(given: argparse.Namespace) -> int:
    """Score with both, write, and say the most important; return 0."""
    import inference
    from inference.training.compare import document as d
    from inference.training.compare.page import write_page
    from inference.training.report.scoring import score_rows

    a, b = (inference.read_bundle(folder).manifest for folder in (given.bundle, given.against))
    d.refuse_same(a, b)
    rows = of_split(read_rows(given.data, needed=[given.split]), given.split)
    scored = []
    for letter, folder in (("A", given.bundle), ("B", given.against)):
        with inference.load(folder) as classifier:
            scored.append(score_rows(classifier, rows, what=f"{given.split}, {letter}"))
    first, second = scored
    question = d.Question(given.data, given.split, given.seed)
    found = d.compare(first, second, (a, b), question)
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False)
    (given.out / "compare.json").write_text(text + "\n", encoding="utf-8")
    d.write_disagreements(found, given.out / "disagreements.csv")
    pair = d.pair_of(first, second, (a, b))
    gated = pair.only(d.scored_by_both(first, second))
    write_page(found, gated, pair, given.out / "compare.html")
    _say(found, given.out)
    return 0


def _say(found: "dict[str, object]", out: Path) -> None:
    from inference.training.compare.page import TITLES, chance, named, signed

    print(f"A: {named(found, 'a')}; B: {named(found, 'b')}; differences are A less B")
    for title, key in (("with the gates", "gated"), ("gates off", "ungated")):
        part = found[key]
        assert isinstance(part, dict)  # noqa: S101 - the shape of a comparison
        words = [
            f"{TITLES[name]} {signed(one['difference'], one['difference_ci'])}"
            for name, one in part["figures"].items()
            if one
        ] or ["unknown (a class is missing)"]
        tests = f"McNemar {chance(part['mcnemar']['p'])}"
        if part["delong"]:
            tests = f"DeLong {chance(part['delong']['p'])}, {tests}"
        print(f"{found['split']}, {title}: {part['n']} radiographs; {', '.join(words)}; {tests}")
    print(f"page in {out / 'compare.html'}")
