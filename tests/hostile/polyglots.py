"""Files that are two things at once, and files that are no radiograph at all."""

import functools
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.dicom_files import SECONDARY_CAPTURE
from tests.hostile.bombs import raster_chest
from tests.hostile.case import Case, child, some_chest, spoilt

_PREAMBLES = {
    "mz": b"MZ\x90\0\3\0\0\0",
    "mz-alone": b"MZ",
    "elf": b"\x7fELF\2\1\1\0",
    "mach-o-32": b"\xfe\xed\xfa\xce",
    "mach-o-64": b"\xfe\xed\xfa\xcf",
    "mach-o-32-swapped": b"\xce\xfa\xed\xfe",
    "mach-o-64-swapped": b"\xcf\xfa\xed\xfe",
    "mach-o-fat": b"\xca\xfe\xba\xbe",
    "shell": b"#!/bin/sh\nid\n",
    "python": b"#!/usr/bin/env python3\n",
    "tiff-little": b"II*\0",
    "tiff-big": b"MM\0*",
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\3\4",
    "gzip": b"\x1f\x8b\x08",
    "html": b"<!DOCTYPE html><script>x()</script>",
    "svg": b"<svg onload='x()'>",
    "xml": b"<?xml version='1.0'?>",
    "javascript": b"/*",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "bmp": b"BM",
    "riff": b"RIFF\0\0\0\0WEBP",
    "class": b"\xca\xfe\xba\xbf",
    "wasm": b"\0asm\1\0\0\0",
    "batch": b"@echo off\r\n",
    "php": b"<?php echo 1; ?>",
    "noise": bytes(range(128)),
    "ones": b"\xff" * 128,
    "spaces": b" " * 128,
}
_OTHER = {
    "words": b"These are words, and no radiograph.\n",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "xml-entities": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>",
    "json": b'{"a": 1}',
    "csv": b"=1+1,2\n",
    "pdf": b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF",
    "postscript": b"%!PS-Adobe-3.0\n(id) system",
    "rtf": b"{\\rtf1 x}",
    "exe": b"MZ\x90\0" + b"\0" * 400,
    "elf": b"\x7fELF\2\1\1" + b"\0" * 400,
    "shell": b"#!/bin/sh\nid\n",
    "pickle": b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93.",
    "sqlite": b"SQLite format 3\0" + b"\0" * 100,
    "hdf5": b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
    "numpy": b"\x93NUMPY\1\0v\0{'descr': '|O'}",
    "nifti": struct.pack("<I", 348) + b"\0" * 340 + b"n+1\0",
    "jpeg-2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "jpeg-xl": b"\xff\x0a" + b"\0" * 60,
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 60,
    "avif": b"\0\0\0\x18ftypavif" + b"\0" * 60,
    "mp4": b"\0\0\0\x18ftypmp42" + b"\0" * 60,
    "7z": b"7z\xbc\xaf\x27\x1c" + b"\0" * 60,
    "rar": b"Rar!\x1a\7\1\0",
    "xz": b"\xfd7zXZ\0" + b"\0" * 60,
    "zstd": b"\x28\xb5\x2f\xfd" + b"\0" * 60,
    "psd": b"8BPS\0\1" + b"\0" * 60,
    "empty": b"",
    "one-byte": b"\0",
    "zeros": b"\0" * 100_000,
    "dicm-at-0": b"DICM" + b"\0" * 400,
    "dicm-lower": b"\0" * 128 + b"dicm" + b"\0" * 400,
    "dicm-alone": b"\0" * 128 + b"DICM",
    "utf-16": "words".encode("utf-16"),
    "png-signature": b"\x89PNG\r\n\x1a\n",
    "png-broken-signature": b"\x89PNG\n\x1a\n" + b"\0" * 60,
    "jpeg-signature": b"\xff\xd8\xff",
    "jpeg-end": b"\xff\xd8\xff\xd9",
    "mhtml": b"MIME-Version: 1.0\nContent-Type: multipart/related\n",
    "eicar-like": b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"NOT-THE-TEST-FILE",
}
_PICTURES = ("TIFF", "GIF", "BMP", "WEBP", "PPM", "ICO", "TGA", "PCX", "JPEG2000")


def cases() -> Iterator[Case]:
    """Yield the family."""
    for what, start in _PREAMBLES.items():
        yield spoilt(f"polyglots/preamble-{what}", preamble=start.ljust(128, b"\0"))
    for what, content in _OTHER.items():
        yield Case(f"polyglots/{what}", functools.partial(bytes, content))
    for kind in _PICTURES:
        yield Case(f"polyglots/{kind.lower()}", functools.partial(_picture, kind))
    for what, archive in {"zip": _zipped, "tar": _tarred, "gzip": gzip.compress}.items():
        name = f"polyglots/archive-{what}"
        yield Case(name, functools.partial(_archived, name, archive))
    yield from _behind()
    yield spoilt(
        "polyglots/dicomdir", SOPClassUID="1.2.840.10008.1.3.10", PixelData=None, Rows=None
    )
    yield spoilt("polyglots/encapsulated-pdf", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1",
                 PixelData=None, EncapsulatedDocument=b"%PDF-1.7\n")  # fmt: skip
    yield spoilt("polyglots/burned-in", BurnedInAnnotation="YES", SOPClassUID=SECONDARY_CAPTURE)


def _behind() -> Iterator[Case]:
    """Yield pictures with something else behind their end."""
    for kind in ("PNG", "JPEG"):
        for what, tail in {
            "zip": _zipped(b"words"),
            "html": b"<script>alert(1)</script>",
            "exe": b"MZ" + b"\0" * 200,
            "dicom": child("polyglots/tail"),
        }.items():
            name = f"polyglots/{kind.lower()}-then-{what}"
            yield Case(name, functools.partial(_with_tail, name, kind, tail))
    name = "polyglots/dicom-with-png-inside"
    picture = raster_chest(name, "PNG")
    yield spoilt(name, EncapsulatedDocument=picture + b"\0" * (len(picture) % 2))


def _with_tail(name: str, kind: str, tail: bytes) -> bytes:
    return raster_chest(name, kind) + tail


def _picture(kind: str) -> bytes:
    stream = io.BytesIO()
    grey = (some_chest(kind) >> 4).astype(np.uint8)
    Image.fromarray(grey).convert("RGB").save(stream, kind)
    return stream.getvalue()


def _archived(name: str, archive: object) -> bytes:
    return archive(child(name))


def _zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo("../../chest.dcm"), content)
    return stream.getvalue()


def _tarred(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        entry = tarfile.TarInfo("../../chest.dcm")
        entry.size = len(content)
        file.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
