"""The same radiograph twice: byte for byte, or the picture in another size or compression."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from inference.training.explore.table import SMALL, Measured

BITS = 6
"""Bits of the 64 in which the hashes of a near duplicate may differ."""
ALIKE = 0.985
"""Correlation of the 32 x 32 pictures from which two that hash alike are called near duplicates.

A file and its copy in another size, from another archive, have 0.9998 and more; films of two
children have at most 0.980 (all pairs of 6,682). The hash alone names a thousand pairs of these.
"""
CLOSEST = 6
BLOCK = 512


class Copy(TypedDict):
    """One of the files that are alike."""

    file: str
    split: str
    label: str
    patient: str


class Exact(TypedDict):
    """Files with the same bytes."""

    sha256: str
    across_splits: bool
    across_classes: bool
    files: list[Copy]


class Near(TypedDict):
    """Two pictures that look alike."""

    bits: int
    correlation: float
    across_splits: bool
    across_classes: bool
    same_patient: bool
    files: list[Copy]


class Duplicates(TypedDict):
    """All that was found; ``hashed_alike`` counts the pairs that only the hash calls alike."""

    compared: int
    exact: list[Exact]
    near: list[Near]
    hashed_alike: int
    closest: list[Near]
    declared: int
    declared_apart: list[Near]


def duplicates_of(items: Sequence[Measured]) -> Duplicates:
    """Return duplicates, those across splits first.

    A file that the list declares to be the native copy of another one is not compared with the
    rest, only with that one.
    """
    compared = [item for item in items if not item.row.native_of]
    exact = _exact(compared)
    pairs = _pairs(compared)
    near = sorted((pair for pair in pairs if pair["correlation"] >= ALIKE), key=_order)
    apart = [pair for pair in pairs if pair["correlation"] < ALIKE]
    declared = _declared(items)
    return {
        "compared": len(compared),
        "exact": exact,
        "near": near,
        "hashed_alike": len(apart),
        "closest": sorted(apart, key=lambda pair: -pair["correlation"])[:CLOSEST],
        "declared": len(declared),
        "declared_apart": [pair for pair in declared if pair["correlation"] < ALIKE],
    }


def perceptual_hash(small: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """Return the 64-bit pHash of each of (n, 32, 32) pictures.

    The signs, against their median, of the 8 x 8 lowest frequencies of the cosine transform
    (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").
    """
    steps = np.arange(SMALL)
    waves = np.cos(np.pi * (2 * steps[None] + 1) * steps[:8, None] / (2 * SMALL))
    low = np.einsum("ua,nab,vb->nuv", waves, small, waves).reshape(len(small), -1)
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def _exact(items: Sequence[Measured]) -> list[Exact]:
    groups: dict[str, list[Measured]] = {}
    for item in items:
        groups.setdefault(item.sha256, []).append(item)
    found: list[Exact] = [
        {
            "sha256": sha256,
            "across_splits": len({item.row.split for item in some}) > 1,
            "across_classes": len({item.row.label for item in some}) > 1,
            "files": [_copy(item) for item in some],
        }
        for sha256, some in groups.items()
        if len(some) > 1
    ]
    return sorted(found, key=lambda group: not group["across_splits"])


def _pairs(items: Sequence[Measured]) -> list[Near]:
    """Return the pairs whose hashes are alike and whose bytes are not, a block at a time."""
    small = np.stack([item.small for item in items])
    hashes, flat = perceptual_hash(small), _standardised(small)
    found = []
    for start in range(0, len(items), BLOCK):
        differing = np.bitwise_count(hashes[start : start + BLOCK, None] ^ hashes[None])
        for row, other in np.argwhere(differing <= BITS).tolist():
            one = start + row
            if one < other and items[one].sha256 != items[other].sha256:
                alike = float(flat[one] @ flat[other])
                found.append(_near(items[one], items[other], int(differing[row, other]), alike))
    return found


def _declared(items: Sequence[Measured]) -> list[Near]:
    """Return each file with its native copy of the list, however much they differ."""
    by_file = {item.row.file: item for item in items}
    pairs = [
        (item, by_file[item.row.native])
        for item in items
        if item.row.native and item.row.native in by_file
    ]
    found = []
    for one, other in pairs:
        small = np.stack([one.small, other.small])
        left, right = perceptual_hash(small)
        flat = _standardised(small)
        found.append(_near(one, other, int(np.bitwise_count(left ^ right)), flat[0] @ flat[1]))
    return found


def _standardised(small: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the pictures as rows of mean 0 and length 1; an even picture stays 0."""
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)


def _near(one: Measured, other: Measured, bits: int, correlation: float) -> Near:
    return {
        "bits": bits,
        "correlation": round(float(correlation), 4),
        "across_splits": one.row.split != other.row.split,
        "across_classes": one.row.label != other.row.label,
        "same_patient": one.row.patient == other.row.patient,
        "files": [_copy(one), _copy(other)],
    }


def _order(pair: Near) -> tuple[bool, float, str]:
    return not pair["across_splits"], -pair["correlation"], pair["files"][0]["file"]


def _copy(item: Measured) -> Copy:
    return {
        "file": item.name,
        "split": item.row.split,
        "label": item.class_name,
        "patient": item.row.patient,
    }
