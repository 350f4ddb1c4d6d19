"""What must be true of a running Overread whatever it is sent."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.harness import Overread, children_of, overread, resident_megabytes, until

GROWTH_MB = 50.0


@contextmanager
def started(folder: Path, bundle: Path | None, **env: str) -> Iterator[Overread]:
    """Give a started Overread; ``temporary`` is its folder of temporary files."""
    temporary = folder / "tmp"
    temporary.mkdir()
    with overread(folder, bundle, TMPDIR=str(temporary), **env) as one:
        one.start()
        one.temporary = temporary
        one.tokens = one.people("uploader", "reviewer", "reader", "auditor")
        one.tokens |= one.people("uploader2", "reviewer2", site="st-elsewhere")
        yield one


def web_workers(product: Overread) -> list[int]:
    """Return the process ids of the web workers."""
    return children_of(product.child("-m", "gunicorn"))


def web_megabytes(product: Overread) -> dict[int, float]:
    """Return the resident memory of each web worker, MB."""
    return {pid: resident_megabytes(pid) for pid in web_workers(product)}


def grown(before: dict[int, float], after: dict[int, float]) -> float:
    """Return by how much the web workers grew, MB; a worker that died and came back is a bug."""
    assert before.keys() == after.keys(), "a web worker was replaced"
    return max(after[pid] - before[pid] for pid in before)


def left_files(product: Overread) -> list[str]:
    """Return the files that an upload left where only files under way may be."""
    incoming = (product.data / "incoming").iterdir()
    return [str(path) for path in (*incoming, *product.temporary.rglob("*")) if path.is_file()]


def no_file_stays(product: Overread) -> None:
    """Wait until no file is left: a client that went is noticed a moment later."""
    until(lambda: not left_files(product), within=15, what="an empty incoming folder")


def broke(product: Overread) -> list[str]:
    """Return the lines of the output that tell of a bug."""
    signs = re.compile(r"Traceback|Internal Server Error|WORKER TIMEOUT|airlock_crashed|CRITICAL")
    return [line for line in list(product.lines) if signs.search(line)]


def is_whole(product: Overread) -> None:
    """Check the invariants and the trail of a running Overread."""
    product.manage("verify_invariants")
    assert "BROKEN" not in product.manage("verify_audit")
