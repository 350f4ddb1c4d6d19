"""A ZIP whose bytes depend on its members alone: sorted, and with one fixed time."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from datetime import date
from typing import IO, Any

from portal.audit import keys

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT = 1
_MODE = 0o100644 << 16


def write_archive(
    stream: IO[bytes], members: Mapping[str, bytes], about: Mapping[str, Any], day: date
) -> str:
    """Write ``members`` with their signed manifest, and return the SHA-256 of the manifest.

    Every member is stored as of the end of ``day``; the audit key signs the manifest (Ed25519,
    which signs the same text in the same way each time).
    """
    listed = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(members.items())
    ]
    manifest = json_bytes({"format": FORMAT, **about, "members": listed})
    digest = hashlib.sha256(manifest).hexdigest()
    signature = f"{keys.sign(f'evidence:{digest}')}\n".encode()
    everything = {**members, MANIFEST: manifest, SIGNATURE: signature}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in sorted(everything.items()):
            info = zipfile.ZipInfo(name, (day.year, day.month, day.day, 23, 59, 58))
            info.compress_type, info.external_attr, info.create_system = (
                zipfile.ZIP_DEFLATED,
                _MODE,
                3,
            )
            archive.writestr(info, content)
    return digest


def json_bytes(document: Any) -> bytes:
    """Return ``document`` as JSON that is always written the same way."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
