"""The report of a bundle as its files hold it: looked over here, never opened by the portal."""

import json
import re
from pathlib import Path
from typing import Any

from inference import BundleBroken, Manifest
from portal.predictions.report_services import Report

SCHEMA = 2
MAX_REPORT = 1_000_000
MAX_PICTURE = 2_000_000
MOST_PICTURES = 40
NAME = re.compile(r"[a-z0-9_-]{1,60}\.png")
PNG = b"\x89PNG\r\n\x1a\n"
_NUL = "\\u0000"  # no database keeps it


def read_report(folder: Path, manifest: Manifest) -> Report | None:
    """Return the report in ``folder``; None if there is none, or one of another schema.

    Raises
    ------
    BundleBroken
        It is not JSON, too large, or about other weights; a picture is too large, named in another
        way than ``[a-z0-9_-]+.png``, or no PNG; or there are too many.
    """
    file = folder / "report.json"
    if not file.exists():
        return None
    document = _document(_content(file, MAX_REPORT), folder.name)
    if document.get("schema") != SCHEMA:
        return None
    if document.get("weights_sha256") != manifest.weights_sha256:
        raise BundleBroken(f"report.json of {folder.name} is about other weights.")
    return Report(document, _pictures(folder))


def _document(content: bytes, bundle: str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8")
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BundleBroken(f"report.json of {bundle} is not valid JSON.") from error
    if not isinstance(document, dict) or _NUL in text:
        raise BundleBroken(f"report.json of {bundle} is not an object of plain text and numbers.")
    return document


def _no_number(name: str) -> float:
    raise ValueError(name)


def _pictures(folder: Path) -> dict[str, bytes]:
    home = folder / "pictures"
    files = sorted(home.iterdir()) if home.is_dir() else []
    if len(files) > MOST_PICTURES:
        raise BundleBroken(f"{folder.name} has {len(files)} pictures; {MOST_PICTURES} are allowed.")
    return {file.name: _picture(file) for file in files}


def _picture(file: Path) -> bytes:
    if not NAME.fullmatch(file.name):
        raise BundleBroken(f"The picture {file.name!r} is not named as [a-z0-9_-]+.png.")
    content = _content(file, MAX_PICTURE)
    if not content.startswith(PNG):
        raise BundleBroken(f"The picture {file.name} is not a PNG.")
    return content


def _content(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise BundleBroken(f"{file.name} cannot be read.") from error
    if len(content) > most:
        raise BundleBroken(f"{file.name} is larger than {most / 1e6:.0f} MB.")
    return content
