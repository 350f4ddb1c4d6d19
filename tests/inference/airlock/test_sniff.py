import pytest

from tests.dicom_files import child_chest, jpeg_chest, png_chest
from tests.inference.airlock import ask


@pytest.mark.parametrize(
    ("content", "kind"),
    [(child_chest(), "dicom"), (png_chest(), "png"), (jpeg_chest(), "jpeg")],
    ids=["dicom", "png", "jpeg"],
)
def test_the_three_kinds_are_told_apart_by_their_bytes(content, kind):
    assert ask.header(content)["kind"] == kind


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"II*\0" + b"\0" * 200, "TIFF"),
        (b"GIF89a" + b"\0" * 200, "GIF"),
        (b"BM" + b"\0" * 200, "BMP"),
        (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 200, "WebP or RIFF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\3\4" + b"\0" * 200, "ZIP archive"),
        (b"\x1f\x8b" + b"\0" * 200, "gzip archive"),
        (b"<!DOCTYPE html><script>", "HTML"),
        (b"\xef\xbb\xbf  <HTML>", "HTML"),
        (b"<svg xmlns=''>", "SVG or XML"),
        (b"only words", "text"),
        (b"DICM" + b"\0" * 200, "DICOM without its preamble"),
        (b"\0" * 127 + b"DICM", "unknown"),
        (b"MZ" + b"\0" * 300, "MZ (Windows program)"),
        (b"\0", "unknown"),
    ],
)
def test_anything_else_is_of_an_unsupported_type_and_named(content, name):
    found = ask.refusal("header", content)
    assert (found.code, found.outcome, found.found) == ("unsupported_type", "refused", name)
    assert found.remedy


def test_an_empty_file_is_called_empty():
    assert ask.code("header", b"") == "refused/empty_file"


@pytest.mark.parametrize(
    "magic",
    [
        b"MZ",
        b"\x7fELF",
        b"#!/bin/sh\n",
        b"\xcf\xfa\xed\xfe",
        b"\xfe\xed\xfa\xcf",
        b"\xca\xfe\xba\xbe",
        b"\xca\xfe\xba\xbf",
        b"\xbf\xba\xfe\xca",
    ],
)
@pytest.mark.parametrize("op", ["header", "decode", "render"])
def test_a_preamble_that_is_a_program_is_refused(op, magic):
    content = child_chest(preamble=magic.ljust(128, b"\0"))
    assert ask.code(op, content) == "refused/executable_preamble"


def test_any_other_preamble_is_let_pass():
    assert ask.code("header", child_chest(preamble=b"II*\0".ljust(128, b"\1"))) == "ok"
