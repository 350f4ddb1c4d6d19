"""Small pieces: the limits of docs/architecture.md."""

import statistics

from tests.architecture.sources import ROOT, functions, lines, sources


def test_no_file_is_over_300_lines():
    long = {str(p): n for p in sources() if (n := len((ROOT / p).read_text().splitlines())) > 300}
    assert long == {}


def test_no_function_is_over_60_lines():
    long = [f"{p}:{f.lineno} {f.name}" for p, f in functions() if lines(f) > 60]
    assert long == []


def test_nine_functions_in_ten_are_at_most_25_lines():
    sizes = [lines(f) for _, f in functions()]
    assert statistics.quantiles(sizes, n=10)[-1] <= 25


def test_folders_are_at_most_three_deep():
    deep = [str(p) for p in sources() if len(p.parent.parts) > 3 and "management" not in p.parts]
    assert deep == []


def test_templates_are_at_most_200_lines():
    long = [
        str(p.relative_to(ROOT))
        for p in (ROOT / "templates").rglob("*.html")
        if len(p.read_text().splitlines()) > 200
    ]
    assert long == []
