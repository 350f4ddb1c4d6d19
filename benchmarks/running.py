"""A whole Overread to measure, and radiographs to send it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIDE = 1024
"""Rows and columns of each radiograph, in pixels: 2 MB a file."""
ENDED = {"done", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever sends the radiographs."""

    origin: str
    token: str
    pid: int
    ready: float
    """When the ready line came, by `time.perf_counter`."""
    loaded: float

    def upload(self, files: Sequence[bytes]) -> list[str]:
        """Return the ids of the predictions of new files."""
        boundary = uuid.uuid4().hex
        parts = []
        for number, content in enumerate(files):
            named = f'Content-Disposition: form-data; name="files"; filename="{number}.dcm"'
            parts += [f"--{boundary}\r\n{named}\r\n\r\n".encode(), content, b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        sort = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self._ask("/api/v1/uploads", b"".join(parts), sort)
        return [str(verdict["prediction"]) for verdict in answer["uploads"]]

    def wait_for(self, predictions: Sequence[str]) -> None:
        """Return once all have ended; asks seldom, so as not to be the load."""
        for prediction in predictions:
            while self._state(prediction)["state"] not in ENDED:
                time.sleep(0.25)

    def check(self, predictions: Sequence[str]) -> None:
        """Leave with an error if one is not scored."""
        for prediction in predictions:
            found = self._state(prediction)
            if found["outcome"] != "scored":
                sys.exit(f"not scored: {found}")

    def _state(self, prediction: str) -> Any:
        return self._ask(f"/api/v1/predictions/{prediction}")

    def _ask(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        told = {"Authorization": f"Token {self.token}", **(headers or {})}
        request = urllib.request.Request(f"{self.origin}{path}", body, told)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)


@contextmanager
def overread(data: str, token: str = "") -> Iterator[Client]:
    """Give a client of a whole Overread on ``data``, its model loaded.

    It makes itself a token, which takes a second, unless it is given one.
    """
    ours = ("OVERREAD_", "DATABASE_URL", "REDIS_URL")
    told = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"OVERREAD_DATA": data}
    with subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--demo", "--port", "0"],
        cwd=ROOT,
        env=told,
        stdout=subprocess.PIPE,
        text=True,
    ) as serve:
        try:
            (origin, ready), (_, loaded) = heard(
                serve, r"^Overread is ready at (\S+)$", r"model .* is (loaded)"
            )
            drain(serve)
            yield Client(origin, token or _token(told), serve.pid, ready, loaded)
        finally:
            serve.send_signal(signal.SIGTERM)


def _token(told: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", "create_token", "uploader"]
    return subprocess.check_output(command, cwd=ROOT, env=told, text=True).strip()


def heard(serve: "subprocess.Popen[str]", *patterns: str) -> list[tuple[str, float]]:
    """Return what each pattern captures, and when, once there was a line for every one."""
    assert serve.stdout
    found: dict[str, tuple[str, float]] = {}
    for line in serve.stdout:
        for pattern in patterns:
            if match := re.search(pattern, line):
                found[pattern] = match[1], time.perf_counter()
        if len(found) == len(patterns):
            return [found[pattern] for pattern in patterns]
    sys.exit("serve ended before it was ready")


def drain(serve: "subprocess.Popen[str]") -> None:
    """Keep reading the output, so that nobody waits for us to."""
    assert serve.stdout
    threading.Thread(target=serve.stdout.read, daemon=True).start()


def children_of(pid: int) -> list[int]:
    """Return the process ids of the direct children."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def radiograph(number: int, *, side: int = SIDE) -> bytes:
    """Return a child's frontal chest radiograph as DICOM: like the others, and not the same."""
    from pydicom.dataset import Dataset, FileMetaDataset  # noqa: PLC0415
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian  # noqa: PLC0415

    uid = f"2.25.{uuid.uuid4().int}"
    ds: Any = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"2.25.{uuid.uuid4().int}", f"{uid}.1"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "AP"
    ds.PatientName, ds.PatientID, ds.PatientAge = "Bench^Mark", f"B{number:06}", "004Y"
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240601", "1015", "1", ""
    ds.ReferringPhysicianName, ds.SeriesNumber, ds.InstanceNumber = "", "1", "1"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = side
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = _picture(number, side)
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _picture(number: int, side: int) -> bytes:
    """Return side x side pixels of 12 bits in 16: two dark lungs and some noise."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    lungs = np.exp(-(((np.abs(x) - 0.4) / 0.25) ** 2) - (y / 0.6) ** 2)
    noise = np.random.default_rng(number).normal(0, 0.02, (side, side))
    return bytes((np.clip(0.7 - 0.5 * lungs + noise, 0, 1) * 4095).astype("<u2").tobytes())
