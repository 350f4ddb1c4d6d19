"""Words that stand for what names a patient, and how to find them wherever they got to."""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

NAMES = (
    *("patient_name", "given_name", "patient_id", "accession_number", "birth_date"),
    *("study_description", "series_description", "institution", "referring_physician"),
    *("operator", "patient_comments", "other_patient_id", "address", "filename", "png_name"),
    *("png_id", "comment", "amend_reason", "search_word", "password", "username", "file_field"),
    *("unknown_field", "query", "idempotency_key", "refused_name", "refused_id"),
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_DIGITS = "birth_date"


def canaries(salt: str) -> dict[str, str]:
    """Return a word for each name: letters and digits only, so that no encoding changes it."""
    words = {
        name: f"Zq{hashlib.sha256(f'{salt} {name}'.encode()).hexdigest()[:11]}" for name in NAMES
    }
    # no other date of the test is in this year, and a reviewer's page shows it in this form too
    return words | {_DIGITS: "20210317"}


def found(words: Mapping[str, str], places: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Return place and name of every canary that is in one of ``places``."""
    leaks = []
    for place, content in places:
        texts = [text.lower() for text in readings(content)]
        leaks += [
            (place, name)
            for name, word in words.items()
            if any(form in text for text in texts for form in forms(name, word))
        ]
    return leaks


def forms(name: str, word: str) -> tuple[bytes, ...]:
    """Return how a canary may be written, in lower case."""
    if name == _DIGITS:
        return (word.encode(), f"{word[:4]}-{word[4:6]}-{word[6:]}".encode())
    return (word.lower().encode(), word.lower().encode("utf-16-le"))


def readings(content: bytes) -> Iterator[bytes]:
    """Yield the bytes, and what is in them once they are decoded as URL, base64 or deflate."""
    yield content
    yield unquote_to_bytes(content)
    for run in _BASE64.findall(content):
        padded = run.rstrip(b"=") + b"=" * (-len(run.rstrip(b"=")) % 4)
        for altchars in (None, b"-_"):
            try:
                decoded = base64.b64decode(padded, altchars)
            except binascii.Error:
                continue
            yield decoded
            yield from _inflated(decoded)
    yield from _inflated(content)


def _inflated(content: bytes) -> Iterator[bytes]:
    for bits in (zlib.MAX_WBITS, 32 + zlib.MAX_WBITS):
        try:
            yield zlib.decompressobj(bits).decompress(content, 1 << 20)
        except zlib.error:
            continue
