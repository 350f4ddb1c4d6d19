"""What decode makes of stored pixels: the same picture however it is stored."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate

from inference.preprocess import squash
from tests.dicom_files import (
    EXPLICIT_BE,
    HTJ2K_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LS,
    LOSSLESS,
    LOSSY,
    RLE,
    chest_pixels,
    child_chest,
    compressed,
)
from tests.inference.airlock import ask

CHEST = chest_pixels()
SHOWN = (CHEST / 4095).astype(np.float32)
"""The chest as its window 2048/4096 shows it."""
NO_WINDOW = {"WindowCenter": None, "WindowWidth": None}


def lut(first: int, bits: int, entries: np.ndarray) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_transfer_syntaxes_give_the_same_picture(syntax):
    content = child_chest(syntax=syntax)
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)
    told, reference = ask.decoded_head(content), ask.decoded_head(child_chest())
    assert told["pixel_sha256"] == reference["pixel_sha256"]
    assert (told["rows"], told["columns"], told["kind"]) == (256, 240, "dicom")


@pytest.mark.parametrize("syntax", [*LOSSY, JPEG_BASELINE])
def test_lossy_transfer_syntaxes_give_nearly_the_same_picture(syntax):
    np.testing.assert_allclose(ask.decode(child_chest(syntax=syntax)), SHOWN, atol=0.02)


def test_what_goes_to_the_network_is_squashed_to_its_size():
    assert ask.decode(child_chest(), size=224).shape == (224, 224)


def test_monochrome1_is_inverted():
    content = child_chest(pixels=4095 - CHEST, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)


def test_signed_pixels_with_an_intercept_are_the_same_picture():
    signed = CHEST.astype(np.int16) - 2048
    content = child_chest(
        pixels=signed, BitsStored=16, HighBit=15, RescaleIntercept="2048", RescaleSlope="1"
    )
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)


def test_twelve_signed_bits_are_sign_extended():
    signed = (CHEST.astype(np.int32) - 2048) & 0xFFF
    content = child_chest(
        pixels=signed.astype(np.uint16), PixelRepresentation=1, RescaleIntercept="2048"
    )
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)


def test_bits_above_and_below_the_stored_ones_are_dropped():
    overlay = CHEST | (np.arange(240, dtype=np.uint16) % 2 << 15)
    np.testing.assert_allclose(ask.decode(child_chest(pixels=overlay)), SHOWN, atol=1e-6)
    high = child_chest(pixels=(CHEST << 4) | 7, HighBit=15)
    np.testing.assert_allclose(ask.decode(high), SHOWN, atol=1e-6)


def test_an_overlay_in_the_bits_above_is_ignored_in_lossless_streams_too():
    overlay = CHEST | (np.arange(240, dtype=np.uint16) % 2 << 15)
    content = child_chest(pixels=overlay, syntax=JPEG_LS)
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)


def test_eight_bits_without_a_window_span_what_their_bits_allow():
    eight = (CHEST >> 5).astype(np.uint8)
    np.testing.assert_allclose(ask.decode(child_chest(pixels=eight)), eight / 255, atol=1e-6)


def test_twelve_bits_without_a_window_span_what_the_pixels_have():
    narrow = (1000 + CHEST // 4).astype(np.uint16)
    expected = (narrow - narrow.min()) / (int(narrow.max()) - int(narrow.min()))
    shown = ask.decode(child_chest(pixels=narrow, **NO_WINDOW))
    np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_padding_sets_no_range_and_is_black():
    padded = CHEST.copy() // 4
    padded[:20] = 4095
    shown = ask.decode(child_chest(pixels=padded, PixelPaddingValue=4095, **NO_WINDOW))
    assert (shown[:20] == 0).all()
    assert shown[20:].max() == 1
    inverted = child_chest(
        pixels=padded, PixelPaddingValue=-1, PixelPaddingRangeLimit=b"\xff\x0f",
        PhotometricInterpretation="MONOCHROME1", **NO_WINDOW,
    )  # fmt: skip
    assert ask.code("decode", inverted) == "ok"


def test_a_range_of_padding_is_left_out_whichever_end_comes_first():
    padded = CHEST.copy() // 4
    padded[:10], padded[10:20] = 4000, 4095
    content = child_chest(
        pixels=padded, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000, **NO_WINDOW
    )
    assert (ask.decode(content)[:20] == 0).all()


def test_the_first_of_several_windows_is_used():
    several = child_chest(WindowCenter=["2048", "1000"], WindowWidth=["4096", "10"])
    np.testing.assert_allclose(ask.decode(several), SHOWN, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", lambda x: np.clip((x - 1999.5) / 999 + 0.5, 0, 1)),
        ("LINEAR_EXACT", lambda x: np.clip((x - 2000) / 1000 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 2000) / 1000))),
    ],
)
def test_windows_follow_their_function(function, expected):
    content = child_chest(WindowCenter="2000", WindowWidth="1000", VOILUTFunction=function)
    np.testing.assert_allclose(ask.decode(content), expected(CHEST.astype(float)), atol=1e-5)


@pytest.mark.parametrize("width", [b"0", b"-100", b"inf ", b"NaN ", b"wide", b"", b"1e999 "])
def test_a_window_that_is_none_gives_way_to_the_range_of_the_pixels(width):
    shown = ask.decode(child_chest(WindowWidth=width))
    np.testing.assert_allclose(shown, SHOWN, atol=1e-3)
    assert np.isfinite(shown).all()


def test_a_voi_lut_is_preferred_to_a_window():
    gamma = np.rint((np.arange(4096) / 4095) ** 0.6 * 65535)
    content = child_chest(VOILUTSequence=[lut(0, 16, gamma)], WindowWidth="10")
    np.testing.assert_allclose(ask.decode(content), SHOWN**0.6, atol=1e-4)


def test_a_voi_lut_that_cannot_be_used_gives_way_to_the_window():
    content = child_chest(VOILUTSequence=[lut(0, 99, np.arange(4096))])
    np.testing.assert_allclose(ask.decode(content), SHOWN, atol=1e-6)
    short = lut(0, 16, np.arange(10))
    short.LUTDescriptor = [5000, 0, 16]
    np.testing.assert_allclose(ask.decode(child_chest(VOILUTSequence=[short])), SHOWN, atol=1e-6)


def test_a_modality_lut_comes_before_the_window_and_holds_its_ends():
    inverse = child_chest(ModalityLUTSequence=[lut(0, 16, 4095 - np.arange(4096))])
    np.testing.assert_allclose(ask.decode(inverse), 1 - SHOWN, atol=1e-6)
    ends = child_chest(ModalityLUTSequence=[lut(1000, 16, np.arange(1000, 2000))], **NO_WINDOW)
    expected = (np.clip(CHEST, 1000, 1999) - 1000) / 999
    np.testing.assert_allclose(ask.decode(ends), expected, atol=1e-6)


def test_slope_and_intercept_come_before_the_window():
    content = child_chest(
        RescaleSlope="2", RescaleIntercept="-100", WindowCenter="3996", WindowWidth="8192"
    )
    np.testing.assert_allclose(ask.decode(content), (CHEST * 2 + 0.5) / 8191, atol=1e-4)


@pytest.mark.parametrize("slope", [b"1e308 ", b"1e300 "])
def test_values_that_are_no_numbers_fail(slope):
    content = child_chest(RescaleSlope=slope, RescaleIntercept=b"1e308 ")
    expected = "failed/pixel_values_invalid" if slope == b"1e308 " else "ok"
    assert ask.code("decode", content) in {expected, "rejected_quality/constant_image"}
    assert ask.code("decode", child_chest(RescaleSlope=b"1e308 ")) == "failed/pixel_values_invalid"


def test_one_even_surface_is_rejected_for_quality():
    flat = np.full((64, 64), 1234, np.uint16)
    assert ask.code("decode", child_chest(pixels=flat)) == "rejected_quality/constant_image"
    assert ask.code("decode", child_chest(RescaleSlope="0")) == "rejected_quality/constant_image"
    aside = child_chest(WindowCenter="9000", WindowWidth="2")
    assert ask.code("decode", aside) == "rejected_quality/constant_image"


def test_quality_is_told_in_figures():
    told = ask.decoded_head(child_chest())["quality"]
    shown = SHOWN.astype(float)
    assert told["minimum"] == 0
    assert told["maximum"] == 1
    assert told["mean"] == pytest.approx(shown.mean(), abs=1e-6)
    assert told["std"] == pytest.approx(shown.std(), abs=1e-6)
    assert told["black"] == pytest.approx((shown < 1 / 255).mean(), abs=1e-6)
    assert told["white"] == pytest.approx((shown > 254 / 255).mean(), abs=1e-6)


# Colour


GREY = (CHEST >> 4).astype(np.uint8)
RGB = np.stack([GREY] * 3, axis=-1)


def test_grey_in_rgb_is_that_grey_whichever_way_it_lies():
    np.testing.assert_allclose(ask.decode(child_chest(pixels=RGB)), GREY / 255, atol=1e-6)
    planes = np.ascontiguousarray(np.moveaxis(RGB, -1, 0)).reshape(256, 240, 3)
    content = child_chest(pixels=planes, PlanarConfiguration=1)
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)


def test_colour_is_shown_by_its_luminance():
    red = np.zeros_like(RGB)
    red[:100, :, 0] = 255
    shown = ask.decode(child_chest(pixels=red))
    assert shown[0, 0] == pytest.approx(round(0.299 * 255) / 255, abs=1e-6)


def test_of_ybr_the_luminance_is_taken():
    ybr = np.stack([GREY, np.full_like(GREY, 128), np.full_like(GREY, 90)], axis=-1)
    content = child_chest(pixels=ybr, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)
    pairs = np.empty((256, 120, 4), np.uint8)
    pairs[..., :2], pairs[..., 2:] = GREY.reshape(256, 120, 2), 128
    half = child_chest(
        pixels=RGB, PhotometricInterpretation="YBR_FULL_422", PixelData=pairs.tobytes()
    )
    np.testing.assert_allclose(ask.decode(half), GREY / 255, atol=1e-6)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "RGB"])
def test_colour_jpeg_is_decoded_in_the_space_that_the_header_says(photometric):
    import imagecodecs

    space = "RGB" if photometric == "RGB" else "YCBCR"
    stream = imagecodecs.jpeg8_encode(RGB, level=98, colorspace="RGB", outcolorspace=space)
    content = colour_stream(stream, JPEG_BASELINE, photometric)
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=0.02)


def test_colour_jpeg_2000_is_decoded():
    import imagecodecs

    stream = imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=0, reversible=True, mct=True)
    content = colour_stream(stream, JPEG_2000_LOSSLESS, "YBR_RCT")
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)


def colour_stream(stream: bytes, syntax: str, photometric: str) -> bytes:
    """Return the grey file with the stream of a colour one in it."""
    content = child_chest(
        pixels=GREY, syntax=syntax, SamplesPerPixel=3, PhotometricInterpretation=photometric
    )
    return with_stream(content, GREY, syntax, stream)


def with_stream(content: bytes, pixels: np.ndarray, syntax: str, stream: bytes) -> bytes:
    """Return ``content`` with another stream in place of that of ``pixels``."""
    old, new = encapsulate([compressed(pixels, syntax)]), encapsulate([stream])
    assert old in content
    return content.replace(old, new)


def palette(entries: np.ndarray, count: int, first: int = 0, bits: int = 16) -> dict[str, object]:
    told: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        told[f"{name}PaletteColorLookupTableDescriptor"] = struct.pack("<3H", count, first, bits)
        told[f"{name}PaletteColorLookupTableData"] = entries.tobytes()
    return told


def test_a_palette_is_looked_up():
    words = (np.arange(256) * 257).astype("<u2")
    content = child_chest(pixels=GREY, **palette(words, 256))
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)
    octets = np.arange(256, dtype=np.uint8)
    small = child_chest(pixels=GREY, **palette(octets, 256, bits=8))
    np.testing.assert_allclose(ask.decode(small), GREY / 255, atol=1e-6)


def test_codes_outside_a_palette_take_its_ends():
    words = np.linspace(0, 65535, 100).astype("<u2")
    content = child_chest(pixels=GREY, **palette(words, 100, first=50))
    expected = words[np.clip(GREY.astype(int) - 50, 0, 99)] / 65535
    np.testing.assert_allclose(ask.decode(content), expected, atol=1e-6)


def test_a_palette_that_is_shorter_than_it_says_fails():
    content = child_chest(pixels=GREY, **palette(np.zeros(10, "<u2"), 256))
    assert ask.code("decode", content) == "failed/palette_invalid"


# What does not fit together


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"Rows": None}, "refused/missing_element"),
        ({"PhotometricInterpretation": None}, "refused/missing_element"),
        ({"BitsAllocated": None}, "refused/missing_element"),
        ({"BitsStored": 17}, "refused/image_attribute_invalid"),
        ({"BitsStored": 0}, "refused/image_attribute_invalid"),
        ({"HighBit": 16}, "refused/image_attribute_invalid"),
        ({"HighBit": 3}, "refused/image_attribute_invalid"),
        ({"SamplesPerPixel": 3}, "refused/image_attribute_invalid"),
        ({"BitsAllocated": 32}, "failed/unsupported_bits_allocated"),
        ({"BitsAllocated": 1}, "failed/unsupported_bits_allocated"),
        (
            {"PhotometricInterpretation": "HSV", "SamplesPerPixel": 3},
            "failed/unsupported_photometric",
        ),
        ({"PixelData": None}, "failed/pixel_data_missing"),
        ({"PixelData": b""}, "failed/pixel_data_missing"),
        ({"PixelData": b"\0" * 1000}, "failed/pixel_data_length"),
        ({"Rows": 257}, "failed/pixel_data_length"),
        ({"Rows": 65535, "Columns": 65535}, "refused/too_many_pixels"),
        ({"NumberOfFrames": "2147483647"}, "refused/impossible_frame_count"),
    ],
)
def test_attributes_that_cannot_be_end_as_the_table_says(overrides, code):
    assert ask.code("decode", child_chest(**overrides)) == code


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_LS, JPEG_2000_LOSSLESS, HTJ2K_LOSSLESS])
def test_a_stream_of_another_size_is_refused_before_it_is_decoded(syntax):
    content = child_chest(syntax=syntax, Rows=128)
    assert ask.code("header", content) == "ok"
    assert ask.code("decode", content) == "failed/codestream_mismatch"


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_EXTENDED, JPEG_LS, JPEG_2000_LOSSLESS, RLE])
def test_a_stream_that_is_cut_or_overwritten_fails_or_decodes_but_breaks_nothing(syntax):
    stream = compressed(CHEST, syntax)
    content = child_chest(syntax=syntax)
    for cut in (0, 2, 20, 60, len(stream) // 2):
        spoilt = with_stream(content, CHEST, syntax, stream[:cut].ljust(len(stream), b"\0"))
        outcome = ask.code("decode", spoilt)
        assert outcome == "failed/pixels_undecodable" or (syntax == RLE and cut > 60), cut
    none = with_stream(content, CHEST, syntax, b"\0" * len(stream))
    assert ask.code("decode", none) == "failed/pixels_undecodable"


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_EXTENDED, JPEG_LS, JPEG_2000_LOSSLESS])
@pytest.mark.parametrize("padding", [b"\0" * 16, b"\xff\0"])
def test_what_pads_the_end_of_a_stream_is_no_fault(syntax, padding):
    stream = compressed(CHEST, syntax)
    padded = with_stream(child_chest(syntax=syntax), CHEST, syntax, stream + padding)
    assert ask.code("decode", padded) == "ok"


def test_a_stream_of_another_syntax_fails():
    content = child_chest(syntax=JPEG_LOSSLESS)
    wrong = with_stream(content, CHEST, JPEG_LOSSLESS, compressed(CHEST, JPEG_2000_LOSSLESS))
    assert ask.code("decode", wrong) == "failed/pixels_undecodable"


def test_native_pixels_in_a_compressed_syntax_fail():
    content = child_chest(syntax=JPEG_LOSSLESS, PixelData=CHEST.tobytes())
    assert ask.code("decode", content) == "failed/pixels_undecodable"


# Frames


def test_decode_shows_the_first_frame_and_render_any():
    two = np.stack([GREY, 255 - GREY])
    content = child_chest(pixels=two)
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)
    first, second = ask.render(content, frame=1), ask.render(content, frame=2)
    assert first != second
    assert ask.refusal("render", content, frame=3).code == "no_such_frame"


def test_eight_bit_words_in_big_endian_are_swapped_back():
    swapped = GREY.reshape(-1, 2)[:, ::-1].tobytes()
    content = child_chest(pixels=GREY, syntax=EXPLICIT_BE, PixelData=swapped)
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)


@pytest.mark.parametrize("table", [True, False])
def test_frames_in_several_fragments_are_told_apart(table):
    from pydicom.encaps import itemize_fragment

    streams = [compressed(GREY, JPEG_LS), compressed(255 - GREY, JPEG_LS)]
    fragments = [[s[:500], s[500:]] for s in streams]
    items = [[f + b"\0" * (len(f) % 2) for f in frame] for frame in fragments]
    second = sum(len(f) + 8 for f in items[0])
    offsets = struct.pack("<2I", 0, second) if table else b""
    pixel_data = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(offsets)) + offsets
    pixel_data += b"".join(itemize_fragment(f) for frame in items for f in frame)
    one = child_chest(pixels=GREY, syntax=JPEG_LS, NumberOfFrames="2")
    content = one.replace(encapsulate([streams[0]]), pixel_data)
    assert content != one
    np.testing.assert_allclose(ask.decode(content), GREY / 255, atol=1e-6)
    assert ask.render(content, frame=2) == ask.render(child_chest(pixels=255 - GREY))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2000, 1500), np.uint16),
        ((60, 9000), np.uint16),
        ((9000, 60), np.uint8),
        ((56, 65_500), np.uint8),
    ],
    ids=["16 bits", "very wide", "very tall", "as wide as may be"],
)
def test_by_rows_it_is_the_same_picture_as_at_once(shape, dtype):
    """A row of what is widest is a part of its own; none of it shows in the result."""
    codes = np.random.default_rng(4).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    stream = io.BytesIO()
    Image.fromarray(codes).save(stream, "PNG", compress_level=1)
    content = stream.getvalue()
    whole = ask.decode(content)
    assert whole.shape == shape
    np.testing.assert_array_equal(ask.decode(content, size=224), squash(whole))
