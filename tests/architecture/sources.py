"""The project's own Python files, parsed once."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("portal", "inference", "worker", "benchmarks")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[Path, ast.Module]:
    """Every module of the product, migrations left out."""
    files = [p for name in PACKAGES for p in (ROOT / name).rglob("*.py")]
    return {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(files)
        if "migrations" not in path.parts
    }


def functions() -> list[tuple[Path, Function]]:
    """Every function and method of the product."""
    return [
        (path, node)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    ]


def lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
