"""Every file opened and measured once."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from inference.preprocess import INPUT_SIZE, squash
from inference.training.explore.simple import measure_picture
from inference.training.features import UNREADABLE, read_grey
from inference.training.splits import LABELS, BadData, Row

Floats = npt.NDArray[np.float32]

NAMES = {label: name for name, label in LABELS.items()}
UNSTATED = "not stated"
LEVELS = 64
"""Bins of a grey-level histogram."""
SMALL = 32
THREADS = 4
NAMED = 5
"""Unreadable files that are named; of more only the number is said."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One radiograph and what was measured of it.

    Parameters
    ----------
    name : str
        The file, relative to the data folder, with slashes.
    kind : str
        File format and colour mode, as "JPEG, L".
    values : dict
        By the keys of `simple.SIMPLE`.
    greys : (64,) float32
        Share of the pixels in each grey level.
    small : (32, 32) float32, in [0, 1]
        The picture, for comparing it with others.
    """

    row: Row
    name: str
    sha256: str
    kind: str
    values: dict[str, float]
    greys: Floats
    small: Floats

    @property
    def class_name(self) -> str:
        """NORMAL or PNEUMONIA."""
        return NAMES[self.row.label]

    @property
    def source(self) -> str:
        """Where the list says that the file is from."""
        return self.row.source or UNSTATED


@dataclass(frozen=True, slots=True)
class Table:
    """All of them, in the order of the list, and their (224, 224) means by source and class."""

    items: tuple[Measured, ...]
    means: dict[tuple[str, int], Floats]


def measure_files(
    rows: Sequence[Row], folder: Path, read: Callable[[Path], Floats] = read_grey
) -> Table:
    """Return the table of ``rows``, whose files are in ``folder``.

    Parameters
    ----------
    read : callable
        Gives the grey values of a file; by default of plain pictures alone.

    Raises
    ------
    BadData
        Files that are not readable images, by name.
    """
    items: list[Measured] = []
    broken: list[BadData] = []
    sums: dict[tuple[str, int], npt.NDArray[np.float64]] = defaultdict(
        lambda: np.zeros((INPUT_SIZE, INPUT_SIZE))
    )
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        found = pool.map(partial(_measure, folder=folder, read=read), rows)
        for one in tqdm(found, desc="measure", total=len(rows), unit="image"):
            if isinstance(one, BadData):
                broken.append(one)
                continue
            item, seen = one
            items.append(item)
            sums[item.source, item.row.label] += seen
    _refuse(broken)
    return Table(tuple(items), _means(sums, items))


def groups_of(items: Iterable[Measured], key: str) -> dict[str, list[Measured]]:
    """Return ``items`` by a text of their rows, in the order in which it first comes."""
    groups: dict[str, list[Measured]] = {}
    for item in items:
        groups.setdefault(getattr(item.row, key) or UNSTATED, []).append(item)
    return groups


def of_class(items: Iterable[Measured], label: int) -> list[Measured]:
    """Return those of one class."""
    return [item for item in items if item.row.label == label]


def _measure(
    row: Row, folder: Path, read: Callable[[Path], Floats]
) -> tuple[Measured, Floats] | BadData:
    try:
        grey = read(row.file)
    except BadData as error:
        return error
    data = row.file.read_bytes()
    seen = squash(grey, INPUT_SIZE)
    counts, _ = np.histogram(grey, bins=LEVELS, range=(0, 1))
    item = Measured(
        row=row,
        name=row.file.relative_to(folder).as_posix(),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=_kind(row.file),
        values=measure_picture(grey, seen, len(data)),
        greys=np.asarray(counts / grey.size, np.float32),
        small=squash(seen, SMALL),
    )
    return item, seen


def _kind(file: Path) -> str:
    try:
        with Image.open(file) as image:
            return f"{image.format}, {image.mode}"
    except UNREADABLE:
        return "no plain picture"


def _refuse(broken: Sequence[BadData]) -> None:
    if not broken:
        return
    named = "; ".join(str(error) for error in broken[:NAMED])
    more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    raise BadData(f"{named}{more}. Mend or leave out of the list what cannot be read.")


def _means(
    sums: dict[tuple[str, int], npt.NDArray[np.float64]], items: Sequence[Measured]
) -> dict[tuple[str, int], Floats]:
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for item in items:
        counts[item.source, item.row.label] += 1
    return {key: (sums[key] / counts[key]).astype(np.float32) for key in sums}
