"""Check an evidence pack: ``python verify.py PACK.zip [--public-key audit.pub]``.

Needs Python 3.11 and the package `cryptography`, and nothing of Overread. Exit code 1: not intact.
The key inside the pack only shows that the pack agrees with itself; give the key that the hospital
handed you by another way to know that it is theirs.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MANIFEST, SIGNATURE, KEY, TRAIL = (
    "manifest.json",
    "manifest.sig",
    "audit/audit.pub",
    "audit/events.jsonl",
)


def problems(archive: zipfile.ZipFile, key: Ed25519PublicKey) -> Iterator[str]:
    """Yield what is wrong with the pack."""
    manifest = archive.read(MANIFEST)
    signature = archive.read(SIGNATURE).decode().strip()
    if not is_signed(key, "evidence:" + hashlib.sha256(manifest).hexdigest(), signature):
        yield "the manifest is not signed by this key"
    listed = {one["name"]: one["sha256"] for one in json.loads(manifest)["members"]}
    names = archive.namelist()
    if len(names) != len(set(names)) or set(names) != {*listed, MANIFEST, SIGNATURE}:
        yield "the members are not those of the manifest"
    for name, wanted in listed.items():
        if name in names and hashlib.sha256(archive.read(name)).hexdigest() != wanted:
            yield f"{name} was changed"
    yield from trail_problems(archive.read(TRAIL).decode().splitlines(), key)


def trail_problems(lines: list[str], key: Ed25519PublicKey) -> Iterator[str]:
    """Yield what is wrong with the slice of the audit trail."""
    before = None
    for line in lines:
        event = json.loads(line)
        if before and (event["chain"], event["seq"]) != (before["chain"], before["seq"] + 1):
            yield f"event {before['seq'] + 1} is missing"
        if before and event["previous_digest"] != before["digest"]:
            yield f"event {event['seq']} does not follow from the one before it"
        if not is_signed(key, event["digest"], event["signature"]):
            yield f"event {event['seq']} is not signed by this key"
        if "detail" in event and digest_of(event) != event["digest"]:
            yield f"event {event['seq']} was changed"
        before = event


def digest_of(event: dict[str, object]) -> str:
    """Return SHA-256 of the canonical JSON of an event whose content is not withheld."""
    names = ("chain", "seq", "at", "actor", "action", "subject", "outcome", "detail")
    payload = [event[name] for name in (*names, "previous_digest")]
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_signed(key: Ed25519PublicKey, text: str, signature: str) -> bool:
    """Return whether ``signature`` (hex) is the key's under ``text``."""
    try:
        key.verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def main() -> int:
    """Check the pack and say what was found."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of Overread.")
    parser.add_argument("pack")
    parser.add_argument("--public-key", help="audit.pub, as the hospital gave it to you")
    given = parser.parse_args()
    with zipfile.ZipFile(given.pack) as archive:
        pem = archive.read(KEY)
        if given.public_key:
            with open(given.public_key, "rb") as stream:  # noqa: PTH123 (stands alone)
                pem = stream.read()
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise SystemExit("The key is not an Ed25519 key.")
        found = list(problems(archive, key))
    fingerprint = hashlib.sha256(pem).hexdigest()
    sys.stdout.write("".join(f"NOT INTACT: {one}\n" for one in found))
    sys.stdout.write(f"{'NOT INTACT' if found else 'INTACT'}; key {fingerprint}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
