"""The body's features of every radiograph of a view, computed once and kept on disk."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from inference.preprocess import squash
from inference.training.augment import augment
from inference.training.frozen import FrozenPart
from inference.training.splits import BadData, Row
from inference.vgg16 import SIZE

Floats = npt.NDArray[np.float32]

BATCH = 8
"""Radiographs a step; on a processor larger ones are slower (they leave its cache)."""
UNREADABLE = (OSError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no image, a broken one, or one that is far too large."""
RULES = 3
"""Raise it when what is computed from the same file changes: old caches are then left alone."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at a list of radiographs: as it is (``number`` 0) or augmented (1, 2 ...).

    Every second augmented view starts from the native size where the list has it: what is reduced
    from there has another sharpness and another history of compression.

    Parameters
    ----------
    others : sequence of Row
        Whose spectra an augmented view may take.
    """

    name: str
    rows: Sequence[Row]
    number: int = 0
    seed: int = 0
    others: Sequence[Row] = ()

    def pixels(self, index: int) -> Floats:
        """Return the (224, 224) float32 pixels, in [0, 1], of one radiograph.

        Raises
        ------
        BadData
            The file is not a readable image.
        """
        row = self.rows[index]
        native = bool(self.number) and self.number % 2 == 0
        pixels = read_grey(row.native if native and row.native else row.file)
        if not self.number:
            return squash(pixels, SIZE)
        rng = np.random.default_rng([self.seed, self.number, index])
        drawn = self.others[int(rng.integers(len(self.others)))] if self.others else None
        other = read_grey(drawn.file) if drawn else None
        return augment(pixels, rng, size=SIZE, other=other)


class FeatureCache:
    """Features on disk, memory-mapped; computing goes on where it was interrupted.

    Parameters
    ----------
    folder : Path
        Where the arrays are kept.
    part : FrozenPart
        What computes them.

    Attributes
    ----------
    seconds : float
        What computing all that was loaded took, whenever that was.
    """

    def __init__(self, folder: Path, part: FrozenPart) -> None:
        self.folder = folder
        self.part = part
        self.seconds = 0.0

    def load(
        self, view: View, *, dtype: type[np.floating] = np.float16
    ) -> npt.NDArray[np.floating]:
        """Return the (n, length) features of ``view``, computing those that are not there yet.

        Raises
        ------
        BadData
            A file is not a readable image.
        """
        array, progress = self._open(view, dtype)
        done, spent = progress.read_text().split() if progress.exists() else ("0", "0")
        began = time.perf_counter() - float(spent)
        starts = range(int(done), len(view.rows), BATCH)
        with tqdm(desc=view.name, total=len(view.rows), initial=int(done), unit="image") as bar:
            for start, pixels in zip(starts, _batches(view, starts), strict=True):
                array[start : start + len(pixels)] = self.part.run(pixels)
                array.flush()  # the count is written after what it counts
                spent = f"{time.perf_counter() - began:.1f}"
                progress.write_text(f"{start + len(pixels)} {spent}")
                bar.update(len(pixels))
        self.seconds += float(spent)
        return array

    def _open(self, view: View, dtype: type[np.floating]) -> tuple[np.memmap, Path]:
        key = self._key(view, dtype)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{view.name}-{key}.npy"
        shape = (len(view.rows), self.part.length)
        if not path.exists():  # nor is anything done of it, whatever was left behind
            path.with_suffix(".done").unlink(missing_ok=True)
        mode = "r+" if path.exists() else "w+"
        array = np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)
        return array, path.with_suffix(".done")

    def _key(self, view: View, dtype: type[np.floating]) -> str:
        said = [
            RULES,
            self.part.name,
            self.part.length,
            dtype.__name__,
            view.number,
            view.seed * bool(view.number),
        ]
        files = [(row.file, row.sha256) for row in view.rows]
        if view.number:
            files += [(row.file, row.sha256) for row in view.others]
            files += [(row.native, "") for row in view.rows if row.native]
        said += [sha256 or f"{file}:{file.stat().st_size}" for file, sha256 in files]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def read_grey(file: Path) -> Floats:
    """Return the (height, width) float32 grey values of an image file, in [0, 1].

    Raises
    ------
    BadData
        The file is not a readable image.
    """
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("L"), np.float32) / np.float32(255)
    except UNREADABLE as error:
        raise BadData(f"{file} is not a readable image: {error}") from error


def _batches(view: View, starts: range) -> Iterator[Floats]:
    """Yield batches of pixels, the next one being read while this one is computed."""

    def read(start: int) -> Floats:
        stop = min(start + BATCH, len(view.rows))
        return np.stack([view.pixels(index) for index in range(start, stop)])

    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(read, start) for start in starts[:2]]
        for start in starts[2:]:
            ahead.append(pool.submit(read, start))
            yield ahead.pop(0).result()
        for future in ahead:
            yield future.result()
