"""From upload to done: DICOM files through a whole Overread, against the classifier alone.

In turn on the same machine, with the same model, and files of the same kind: what is compared is
the share of the classifier's own rate, its decoding overlapped, that is left once uploads, checks,
database, queue and audit have taken theirs. Aim: 0.9.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.classifier import running_engine
from benchmarks.running import Client, overread, radiograph

ROUNDS = 5
FILES = 100
"""In each round: the first image waits for its upload, and fewer files would be marked by that."""
FILES_A_REQUEST = 8


def main() -> None:
    """Measure both rates in turn and print their ratio."""
    with (
        tempfile.TemporaryDirectory() as data,
        overread(data) as client,
        running_engine("auto", shipped_bundle(), radiographs(0)) as alone,
    ):
        client.wait_for(client.upload(radiographs(1)[:FILES_A_REQUEST]))
        whole = []
        for number in range(ROUNDS):
            alone.work()
            whole.append(seconds_of(client, radiographs(number + 2)))
        alone.end()
    print(f"classifier alone: {FILES / statistics.median(alone.seconds):.2f} images/s")
    print(f"from upload to done: {FILES / statistics.median(whole):.2f} images/s")
    shares = [theirs / ours for theirs, ours in zip(alone.seconds, whole, strict=True)]
    print(
        f"share of the classifier's own rate: {statistics.median(shares):.2f} "
        f"({min(shares):.2f} to {max(shares):.2f} in {ROUNDS} rounds; aim 0.90)",
        flush=True,
    )


def radiographs(number: int) -> list[bytes]:
    """Return the files of a round."""
    return [radiograph(FILES * number + one) for one in range(FILES)]


def shipped_bundle() -> Path:
    """Return the folder of the model that ships with the code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.conf import settings  # noqa: PLC0415

    return Path(settings.OVERREAD_BUNDLE)


def seconds_of(client: Client, files: Sequence[bytes]) -> float:
    """Return the seconds from the first byte sent to the last prediction done."""
    started = time.perf_counter()
    sent = [
        prediction
        for first in range(0, len(files), FILES_A_REQUEST)
        for prediction in client.upload(files[first : first + FILES_A_REQUEST])
    ]
    client.wait_for(sent[-1:])  # the last one sent is the last one read
    took = time.perf_counter() - started
    client.check(sent)
    return took


if __name__ == "__main__":
    main()
