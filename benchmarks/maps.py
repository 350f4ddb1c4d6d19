"""What the map of where the network looked costs, as a share of a pass through the network.

The float32 engine with maps and without, in turn in one process; drawing the map is counted too.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.pipeline import shipped_bundle
from inference.bundle import read_bundle
from inference.engines import wanted_of
from inference.gradcam import alpha_of, explain
from inference.ncnn_engine import BATCH_SIZE, NcnnEngine

ROUNDS = 21


def main() -> None:
    """Measure passes with and without maps and print the share."""
    bundle = read_bundle(shipped_bundle())
    alpha = alpha_of(bundle.manifest.head, bundle.head)
    if alpha is None:
        print("this version has no maps", flush=True)
        return
    pixels = np.random.default_rng(0).random((BATCH_SIZE, 224, 224), np.float32)
    without, mapping = (
        NcnnEngine(bundle.body, wanted_of(bundle.manifest, weights)) for weights in (None, alpha)
    )

    def plain() -> None:
        without.read(pixels)

    def mapped() -> None:
        maps = mapping.read(pixels).maps
        assert maps is not None
        for one in maps:
            explain(one)

    shares = []
    for number in range(ROUNDS + 1):  # of which the first warms up, and who begins takes turns
        order = (plain, mapped) if number % 2 else (mapped, plain)
        took = {act: _seconds(act) for act in order}
        shares.append(took[mapped] / took[plain] - 1)
    share = statistics.median(shares[1:])
    print(f"a map costs {share:.2f} of a pass (aim: at most 0.50)", flush=True)


def _seconds(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
