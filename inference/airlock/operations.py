"""What a child does: header, decode, render. Each takes the bytes of one file."""

import io
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from inference.airlock.attributes import (
    COLUMNS,
    ROWS,
    SIZE_TAG,
    frames_of,
    pixel_data_bytes,
    refuse_size,
    short,
)
from inference.airlock.dicom_picture import dicom_picture
from inference.airlock.facts import FACT_TAGS, facts_of
from inference.airlock.lut import usable_window
from inference.airlock.part10 import open_part10
from inference.airlock.picture import pixel_sha256, quality_of
from inference.airlock.plain import Plain
from inference.airlock.raster import raster_header, raster_picture
from inference.airlock.sniff import kind_of
from inference.preprocess import squash_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference.airlock.part10 import Part10
    from inference.airlock.picture import Picture
    from inference.airlock.sniff import Kind

    Answer = tuple[dict[str, Any], bytes]
    Operation = Callable[[memoryview, dict[str, Any]], Answer]

JPEG_QUALITY = 90
LIBRARIES = {name: version(name) for name in ("imagecodecs", "numpy", "pillow", "pydicom")}
"""Version by name of what opens and resamples a file."""


def header(data: memoryview, _: dict[str, Any]) -> "Answer":
    """Return what the header of a file says, without its pixels.

    Raises
    ------
    Refused
        With outcome ``refused``.
    """
    kind = kind_of(data)
    if kind == "dicom":
        return dicom_header(open_part10(data)), b""
    found = raster_header(data, kind)
    head = {"columns": found.columns, "rows": found.rows, "bits": found.bits}
    return {"kind": kind, **head, "samples": found.samples, "frames": 1, "facts": {}}, b""


def dicom_header(part10: "Part10") -> dict[str, Any]:
    """Return what a DICOM header says; sizes that no radiograph has are refused here.

    Raises
    ------
    Refused
        ``too_many_pixels``, ``image_too_small``, ``impossible_frame_count``, and what ``Plain``
        refuses.
    """
    rows, columns = short(part10, ROWS, -1), short(part10, COLUMNS, -1)
    pixels = pixel_data_bytes(part10)
    if pixels and rows >= 0 and columns >= 0:
        refuse_size(rows, columns, SIZE_TAG)
        frames_of(part10)
    elements = Plain(part10.data).elements(part10.dataset)
    return {
        "kind": "dicom",
        "transfer_syntax_uid": part10.transfer_syntax_uid,
        "media_storage_sop_class_uid": meta_text(part10, 0x00020002),
        "media_storage_sop_instance_uid": meta_text(part10, 0x00020003),
        "elements": elements,
        "facts": facts_of(elements),
        "pixel_data_bytes": pixels,
    }


def meta_text(part10: "Part10", tag: int) -> str:
    """Return a UID of the file meta information."""
    return part10.meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")


def picture_of(data: memoryview, frame: int) -> "tuple[Picture, Kind, dict[str, Any]]":
    """Return the picture in a file, what kind of file it is, and its facts.

    Raises
    ------
    Refused
        What the readers refuse.
    """
    kind = kind_of(data)
    if kind != "dicom":
        return raster_picture(data, kind), kind, {}
    part10 = open_part10(data)
    facts = facts_of(Plain(part10.data).elements(part10.dataset, only=FACT_TAGS))
    return dicom_picture(part10, frame), kind, facts


def decode(data: memoryview, args: dict[str, Any]) -> "Answer":
    """Return the first frame, display-ready, as little-endian float32 in [0, 1].

    ``args``: ``size``, the side of the squashed square in pixels, or None for the full size.

    Raises
    ------
    Refused
        What the readers refuse, ``pixel_values_invalid``, ``constant_image``.
    """
    picture, kind, facts = picture_of(data, 1)
    brightness = picture.brightness()
    quality = quality_of(picture.counts, brightness) | {"colour": picture.colour}
    size = args.get("size")
    if size is None:
        pixels = brightness[picture.codes]
    else:
        pixels = squash_parts((brightness[codes] for codes in picture.chunks()), int(size))
    head = {
        "kind": kind,
        "rows": picture.rows,
        "columns": picture.columns,
        "shape": list(pixels.shape),
        "pixel_sha256": pixel_sha256(picture, brightness),
        "facts": facts,
        "quality": quality,
        "libraries": LIBRARIES,
    }
    return head, pixels.astype("<f4", copy=False).tobytes()


def render(data: memoryview, args: dict[str, Any]) -> "Answer":
    """Return a rendition for people: 8-bit grey, PNG or JPEG, without any metadata.

    ``args``: ``center`` and ``width`` (both or neither, in units of the modality), ``invert``,
    ``max_size`` (longer side, pixels), ``format`` (``png`` or ``jpeg``), ``frame`` (from 1).

    Raises
    ------
    Refused
        What the readers refuse, ``pixel_values_invalid``.
    """
    picture, _, _ = picture_of(data, int(args.get("frame", 1)))
    center, width = args.get("center"), args.get("width")
    window = None
    if center is not None and width is not None:
        window = usable_window(float(center), float(width))
    brightness = picture.brightness(window, invert=bool(args.get("invert", False)))
    greys = np.rint(brightness * 255.0).astype(np.uint8)
    image = Image.fromarray(greys[picture.codes])
    if max_size := args.get("max_size"):
        image.thumbnail((int(max_size), int(max_size)), Image.Resampling.BILINEAR)
    png = args.get("format", "png") == "png"
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1) if png else image.save(
        buffer, "JPEG", quality=JPEG_QUALITY
    )
    media_type = "image/png" if png else "image/jpeg"
    head = {"media_type": media_type, "rows": image.height, "columns": image.width}
    return head, buffer.getvalue()


OPERATIONS: "dict[str, Operation]" = {"header": header, "decode": decode, "render": render}
