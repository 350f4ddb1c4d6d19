"""Uploads accepted a second by 1, 4 and 8 clients at once, with the wait of a client.

Small files (64 x 64 pixels), so that what is measured is the way from the door to the committed
row and not the network; the model is the one that ships, and works meanwhile as it would.
"""

import tempfile
import threading
import time
from collections.abc import Sequence
from statistics import quantiles

from benchmarks.running import Client, overread, radiograph

CLIENTS = (1, 4, 8)
UPLOADS = 96  # for each number of clients, one file a request


def main() -> None:
    """Measure each number of clients in one run of one Overread."""
    with tempfile.TemporaryDirectory() as data, overread(data) as client:
        client.wait_for(client.upload([radiograph(0, side=64)]))
        for clients in CLIENTS:
            files = [radiograph(number, side=64) for number in range(UPLOADS)]
            took, waits = sent_by(client, clients, files)
            cuts = quantiles(waits, n=20)
            print(
                f"{clients} clients: {len(files) / took:6.1f} uploads/s, "
                f"p50 {cuts[9] * 1000:5.0f} ms, p95 {cuts[18] * 1000:5.0f} ms",
                flush=True,
            )


def sent_by(client: Client, clients: int, files: Sequence[bytes]) -> tuple[float, list[float]]:
    """Return the seconds that all uploads took together, and each one alone."""
    left, waits = list(files), list[float]()

    def send() -> None:
        while left:
            try:
                content = left.pop()
            except IndexError:
                return
            started = time.perf_counter()
            client.upload([content])
            waits.append(time.perf_counter() - started)

    threads = [threading.Thread(target=send) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, waits
