"""From upload to done: 200 DICOM files through a whole Overread, against the classifier alone.

Both in one run on the same machine, with the same files and the shipped model: what is compared
is the share of the classifier's own rate that is left once uploads, checks, database, queue and
audit have taken theirs. Aim: 0.9.
"""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.running import ROOT, overread, radiograph

FILES = 200
FILES_A_REQUEST = 8


def main() -> None:
    """Measure both rates and print their ratio."""
    files = [radiograph(number) for number in range(FILES)]
    alone = classifier_rate(files)
    print(f"classifier alone: {alone:.2f} images/s", flush=True)
    whole = pipeline_rate(files)
    print(f"from upload to done: {whole:.2f} images/s of {FILES}")
    print(f"share of the classifier's own rate: {whole / alone:.2f} (aim 0.90)", flush=True)


def classifier_rate(files: Sequence[bytes]) -> float:
    """Return images/s of the classifier, decoding included, in a process of its own."""
    script = (
        "import sys, time, pickle, inference\n"
        "from benchmarks.pipeline import shipped_bundle\n"
        "files = pickle.load(sys.stdin.buffer)\n"
        "classifier = inference.load(shipped_bundle())\n"
        "classifier.warm_up()\n"
        "classifier.classify(files[:classifier.batch_size])\n"
        "size, started = classifier.batch_size, time.perf_counter()\n"
        "for first in range(0, len(files), size):\n"
        "    answers = classifier.classify(files[first : first + size])\n"
        "    assert all(isinstance(a, inference.Score) for a in answers), answers\n"
        "print(len(files) / (time.perf_counter() - started))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(list(files)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        check=True,
    )
    return float(done.stdout)


def shipped_bundle() -> str:
    """Return the folder of the model that ships with the code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.conf import settings  # noqa: PLC0415

    return str(settings.OVERREAD_BUNDLE)


def pipeline_rate(files: Sequence[bytes]) -> float:
    """Return images/s from the first byte sent to the last prediction done."""
    with tempfile.TemporaryDirectory() as data, overread(data) as client:
        warm_up = client.upload([radiograph(FILES + number) for number in range(8)])
        client.wait_for(warm_up)
        started = time.perf_counter()
        sent = [
            prediction
            for first in range(0, len(files), FILES_A_REQUEST)
            for prediction in client.upload(files[first : first + FILES_A_REQUEST])
        ]
        client.wait_for(sent[-1:])  # the last one sent is the last one read
        took = time.perf_counter() - started
        client.check(sent)
        return len(files) / took


if __name__ == "__main__":
    main()
