"""Files of others: all that pydicom and pydicom-data ship, and the external data."""

import functools
import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path

import pydicom.data

from tests.hostile.case import Case

FOLDERS = {"external-dicom": "dicom/hostile", "external-raster": "raster"}
"""Families that are there only where ``OVERREAD_TEST_DATA`` is."""


def cases() -> Iterator[Case]:
    """Yield the families, as far as they are here."""
    root = Path(pydicom.data.__file__).parent
    yield from _folder("pydicom", root)
    listed = importlib.metadata.files("pydicom-data") or []
    more = [Path(str(file.locate())) for file in listed if "data_store/data" in str(file)]
    for path in sorted(path for path in more if path.suffix not in {".py", ".pyc"}):
        yield _case("pydicom-data", path, path.name)
    data = os.environ.get("OVERREAD_TEST_DATA", "")
    for family, folder in FOLDERS.items() if data else ():
        yield from _folder(family, Path(data) / folder)


def _folder(family: str, root: Path) -> Iterator[Case]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix not in {".py", ".pyc", ".csv"}:
            yield _case(family, path, path.relative_to(root).as_posix())


def _case(family: str, path: Path, name: str) -> Case:
    return Case(f"{family}/{name}", functools.partial(path.read_bytes))
