"""What import-linter cannot see: where rows are written, names, broad excepts, types."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, functions, sources
from tests.programs import need

WRITES = {
    "save", "create", "bulk_create", "get_or_create", "update_or_create",
    "update", "bulk_update", "delete",
}  # fmt: skip
NOT_ROWS = {"_sha"}  # hashes are updated too
FORBIDDEN = {"utils", "helpers", "common", "core", "base", "mixins", "signals", "managers"}


def is_services(path: Path) -> bool:
    return path.stem == "services" or path.stem.endswith("_services")


def row_writes(tree: ast.Module) -> list[str]:
    """Calls that write rows: `X.objects...create()`, `queryset.update()`, `row.save()`."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if node.func.attr in WRITES and name not in NOT_ROWS:
            found.append(f"{node.lineno} .{node.func.attr}()")
    return found


def test_rows_are_written_in_services_only():
    elsewhere = {
        str(path): found
        for path, tree in sources().items()
        if path.parts[0] == "portal" and not is_services(path) and (found := row_writes(tree))
    }
    assert elsewhere == {}


def test_a_planted_write_is_seen():
    assert row_writes(ast.parse("Study.objects.filter(pk=1).update(patient_id='x')"))
    assert row_writes(ast.parse("study.save()"))


def test_no_module_is_a_drawer():
    assert [str(p) for p in sources() if FORBIDDEN & {p.stem, *p.parts}] == []


BROAD = ["worker/repeating.py"]
"""Where any error is caught, once each, for the reason that decision 15 gives."""


def test_errors_are_caught_by_name():
    broad = [
        str(path)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
    ]
    assert broad == BROAD


def test_nine_public_things_in_ten_say_what_they_are():
    public = [
        (path, node)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and node.name != "Meta"
    ]
    mute = [f"{p}:{n.lineno} {n.name}" for p, n in public if not ast.get_docstring(n)]
    assert len(mute) <= len(public) / 10, mute


def test_every_function_says_what_it_returns():
    assert [f"{p}:{f.lineno}" for p, f in functions() if f.returns is None] == []


def test_only_one_template_shows_a_models_answer():
    showing = [
        str(p.relative_to(ROOT))
        for p in (ROOT / "templates").rglob("*.html")
        if any(word in p.read_text() for word in ("prediction.score", "prediction.threshold"))
    ]
    assert showing == ["templates/partials/prediction.html"]


def test_what_is_missing_is_said_in_one_place():
    """A test that skips by itself where a program is missing would skip in CI too, unseen."""
    asks = re.compile(r"which\([^)]*\) is None|get\(\"CI\"|importorskip|not installed\"")
    asking = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    }
    assert asking - {"tests/architecture/test_house_rules.py"} == {"tests/programs.py"}


@pytest.mark.parametrize(("ci", "ending"), [("true", pytest.fail), ("", pytest.skip)])
def test_a_missing_program_skips_here_and_fails_in_ci(ci, ending, monkeypatch):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ending.Exception, match=r"there is no no-such-program \(Debian: nothing\)"):
        need("no-such-program", debian="nothing")
    assert need("sh", debian="dash").endswith("/sh")
