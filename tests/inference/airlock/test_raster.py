"""PNG and JPEG."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from inference.airlock.codestream import jpeg2000_codestream, jpeg_codestream
from tests.dicom_files import chest_pixels, jpeg_chest, png_chest, saved
from tests.inference.airlock import ask

GREY = (chest_pixels() >> 4).astype(np.uint8)
SHOWN = (GREY / 255).astype(np.float32)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_the_mode_of_a_png_does_not_change_the_picture(mode):
    content = png_chest(mode=mode)
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)
    assert (
        ask.decoded_head(content)["pixel_sha256"] == ask.decoded_head(png_chest())["pixel_sha256"]
    )


def test_a_palette_png_is_looked_up():
    paletted = Image.fromarray(255 - GREY).convert("P")
    paletted.putpalette([255 - i for i in range(256) for _ in range(3)])
    np.testing.assert_allclose(ask.decode(saved(paletted, "PNG")), SHOWN, atol=1e-6)
    np.testing.assert_allclose(ask.decode(saved(paletted, "PNG", transparency=3)), SHOWN, atol=1e-6)


def test_what_transparency_hides_is_shown():
    clear = Image.fromarray(GREY).convert("RGBA")
    clear.putalpha(0)
    np.testing.assert_allclose(ask.decode(saved(clear, "PNG")), SHOWN, atol=1e-6)


def test_sixteen_bits_are_shown_over_the_range_that_they_have():
    for factor in (16, 1):
        content = png_chest(mode="I;16", pixels=chest_pixels() * factor)
        np.testing.assert_allclose(ask.decode(content), chest_pixels() / 4095, atol=1e-6)
    assert ask.header(png_chest(mode="I;16"))["bits"] == 16


def test_eight_bits_are_taken_as_they_are():
    dim = png_chest(pixels=(GREY // 2))
    np.testing.assert_allclose(ask.decode(dim), (GREY // 2) / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpegs_are_nearly_the_same_picture(mode):
    tolerance = 0.02 if mode != "CMYK" else 0.06
    np.testing.assert_allclose(ask.decode(jpeg_chest(mode=mode)), SHOWN, atol=tolerance)
    np.testing.assert_allclose(ask.decode(jpeg_chest(progressive=True)), SHOWN, atol=0.02)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(np.transpose(a), 2)),
        (8, np.rot90),
    ],
)
def test_the_orientation_of_exif_is_applied(orientation, upright):
    shown = ask.decode(jpeg_chest(exif_orientation=orientation))
    np.testing.assert_allclose(shown, upright(ask.decode(jpeg_chest())), atol=1e-6)


def test_the_header_is_told_without_the_pixels():
    assert ask.header(png_chest(mode="RGBA")) == {
        "kind": "png", "columns": 240, "rows": 256,
        "bits": 8, "samples": 4, "frames": 1, "facts": {},
    }  # fmt: skip
    assert ask.header(jpeg_chest(mode="RGB"))["samples"] == 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (png_chest(mode="1"), "unsupported_bits"),
        (png_chest(pixels=GREY[:55]), "image_too_small"),
        (png_chest()[:20], "raster_unreadable"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "raster_unreadable"),
        (jpeg_chest()[:60], "raster_unreadable"),
        (b"\xff\xd8\xff" + b"\0" * 50, "raster_unreadable"),
    ],
)
def test_pictures_that_cannot_be_radiographs_are_refused(content, code):
    for op in ("header", "decode", "render"):
        assert ask.code(op, content) == f"refused/{code}"


def test_an_animation_is_refused():
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    content = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert ask.code("header", content) == "refused/multi_frame_raster"


def ihdr(columns: int, rows: int, bits: int = 8, colour: int = 0) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("bits", [1, 8])
def test_a_bomb_is_refused_by_its_header(bits):
    assert ask.code("header", ihdr(20000, 20000, bits)) == "refused/too_many_pixels"
    assert ask.code("header", ihdr(0xFFFFFFFF, 0xFFFFFFFF, bits)) == "refused/too_many_pixels"
    assert ask.code("header", ihdr(0, 0, bits)) == "refused/image_too_small"


def test_a_cut_or_damaged_picture_fails_at_decoding():
    png, jpeg = png_chest(), jpeg_chest()
    damaged = bytearray(png)
    damaged[len(png) // 2] ^= 0xFF
    for content in (png[: len(png) // 2], jpeg[: len(jpeg) // 2], bytes(damaged)):
        assert ask.code("header", content) == "ok"
        assert ask.code("decode", content) == "failed/pixels_undecodable"


def test_texts_and_profiles_in_a_png_are_bounded_and_ignored():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Name", "x" * 30_000_000, zip=True)
    bomb = png_chest(pnginfo=texts)
    assert len(bomb) < 200_000
    assert ask.code("decode", bomb) in {"ok", "failed/pixels_undecodable"}
    np.testing.assert_allclose(ask.decode(png_chest(icc_profile=b"\0" * 500_000)), SHOWN, atol=1e-6)
    bomb = png_chest(icc_profile=b"\0" * 30_000_000)
    assert ask.code("decode", bomb) == "failed/pixels_undecodable"


def test_a_jpeg_with_something_behind_it_is_read_to_its_end_only():
    np.testing.assert_allclose(
        ask.decode(jpeg_chest() + b"PK\5\6" + b"\0" * 18), ask.decode(jpeg_chest())
    )


def test_an_even_surface_is_rejected_for_quality():
    flat = np.full((64, 64), 7, np.uint8)
    assert ask.code("decode", png_chest(pixels=flat)) == "rejected_quality/constant_image"
    deep = png_chest(mode="I;16", pixels=np.full((64, 64), 700, np.uint16))
    assert ask.code("decode", deep) == "rejected_quality/constant_image"


def test_the_frame_header_of_a_jpeg_is_found_behind_fill_bytes_and_segments():
    stream = b"\xff\xd8\xff\xff\xff\xe0\x00\x04ab\xff\xc3\x00\x0b\x0c\x01\x00\x00\x80\x01\1\x11\0"
    found = jpeg_codestream(memoryview(stream))
    assert (found.rows, found.columns, found.precision, found.components) == (256, 128, 12, 1)
    for cut in range(len(stream) - 3):
        assert jpeg_codestream(memoryview(stream[:cut])) is None
    assert jpeg_codestream(memoryview(b"\xff\xd8" + b"\xff\xe0\0\0" * 1000)) is None


def test_what_is_no_jpeg_2000_has_no_frame_header():
    assert jpeg2000_codestream(memoryview(b"")) is None
    assert jpeg2000_codestream(memoryview(b"\xff\x4f\xff\x51" + b"\0" * 20)) is None
    assert jpeg2000_codestream(memoryview(b"\0\0\0\x0cjP  " + b"\0" * 99)) is None


# Renditions


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_a_rendition_is_grey_eight_bits_and_without_metadata(name, kind):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Name", "Canary^Carla")
    content = png_chest(pnginfo=texts)
    assert b"Canary" in content
    rendition = ask.render(content, format=name)
    image = opened(rendition)
    assert (image.format, image.mode, image.size) == (kind, "L", (240, 256))
    assert b"Canary" not in rendition
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    np.testing.assert_allclose(np.asarray(image), GREY, atol=0 if name == "png" else 6)


def test_a_rendition_is_never_larger_than_asked_and_never_enlarged():
    assert opened(ask.render(png_chest(), max_size=100)).size == (94, 100)
    assert opened(ask.render(png_chest(), max_size=5000)).size == (240, 256)


def test_a_rendition_can_be_inverted():
    inverted = np.asarray(opened(ask.render(png_chest(), invert=True)))
    np.testing.assert_array_equal(inverted, 255 - GREY)


def test_a_rendition_of_an_even_surface_is_one():
    flat = png_chest(pixels=np.full((64, 64), 7, np.uint8))
    assert opened(ask.render(flat)).getextrema() == (7, 7)
