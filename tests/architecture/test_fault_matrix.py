"""docs/faults.md names the test of every fault, and every fault test is in it."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

OF_THE_RUNNER_ITSELF = {"test_judge.py"}
OF_SERVE = "test_serve.py"  # most of it is about starting, not about faults


def matrix() -> dict[str, list[str]]:
    """Return the tests of each fault."""
    rows = {}
    for line in (ROOT / "docs/faults.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "fault":
            rows[cells[0]] = re.findall(r"`([^`]+::[^`]+)`", cells[-1])
    return rows


def names_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def is_there(test: str) -> bool:
    path, name = test.split("::")
    file = ROOT / "tests" / path
    return file.is_file() and name in names_of(file)


@pytest.mark.parametrize(("fault", "tests"), matrix().items())
def test_a_fault_has_a_test_that_is_there(fault, tests):
    assert tests, f"no test does this: {fault}"
    assert [test for test in tests if not is_there(test)] == []


def test_a_fault_test_is_in_the_matrix():
    named = {test for tests in matrix().values() for test in tests}
    there = {
        f"chaos/{path.name}::{name}"
        for path in (ROOT / "tests/chaos").glob("test_*.py")
        if path.name not in OF_THE_RUNNER_ITSELF | {OF_SERVE}
        for name in names_of(path)
    }
    assert len(there) > 20
    assert there - named == set()


def test_a_test_that_is_not_there_is_seen():
    assert not is_there("chaos/test_kills.py::test_nothing_of_the_kind")
    assert not is_there("chaos/test_nothing.py::test_nothing_of_the_kind")
