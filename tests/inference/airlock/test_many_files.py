"""Every file that pydicom ships, and the external data, through a real airlock."""

import csv
import importlib.metadata
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom.data
import pytest

from inference.airlock.client import Airlock, Decoded, Header, Rendition
from inference.refusal import Refusal

pytestmark = pytest.mark.services

SECONDS = 10
REFUSED = {
    # A file as a whole
    "dicom/hostile/empty_0_bytes.dcm": "empty_file",
    "raster/zero_bytes.png": "empty_file",
    "dicom/hostile/html_renamed.dcm": "unsupported_type",
    "raster/chest_as_bmp_named.jpg": "unsupported_type",
    "raster/chest_as_gif_named.png": "unsupported_type",
    "raster/chest_as_tiff_named.png": "unsupported_type",
    "raster/chest_as_webp_named.jpg": "unsupported_type",
    "raster/svg_script_named.png": "unsupported_type",
    "raster/html_named.jpg": "unsupported_type",
    "raster/text_named.png": "unsupported_type",
    "dicom/hostile/preamble_mz.dcm": "executable_preamble",
    "dicom/hostile/preamble_elf.dcm": "executable_preamble",
    "dicom/hostile/preamble_shebang.dcm": "executable_preamble",
    # Structure, identity, bombs
    "dicom/hostile/path_traversal_strings.dcm": "control_character",
    "dicom/hostile/rows_cols_65535.dcm": "too_many_pixels",
    "dicom/hostile/jpeg_claims_65500x65500.dcm": "too_many_pixels",
    "raster/bomb_20000x20000_1bit.png": "too_many_pixels",
    "raster/header_claims_65000x65000.png": "too_many_pixels",
    "dicom/hostile/frames_2e9.dcm": "impossible_frame_count",
    "dicom/hostile/pixeldata_length_4gb.dcm": "truncated",
    "dicom/hostile/truncated_mid_header.dcm": "truncated",
    "dicom/hostile/bitflip_header_1.dcm": "unsupported_transfer_syntax",
    "dicom/hostile/bitflip_header_3.dcm": "truncated",
    "dicom/hostile/bitflip_header_5.dcm": "missing_element",
    "dicom/hostile/deflate_bomb_64MiB.dcm": "deflate_bomb",
    "dicom/hostile/unknown_transfer_syntax.dcm": "unsupported_transfer_syntax",
    "dicom/hostile/mpeg4_transfer_syntax.dcm": "unsupported_transfer_syntax",
    "dicom/hostile/one_pixel.dcm": "image_too_small",
    "dicom/hostile/tall_1x4096.dcm": "image_too_small",
    "raster/chest_tiny_48px.png": "image_too_small",
    "raster/chest_1bit.png": "unsupported_bits",
    "raster/chest_animated.png": "multi_frame_raster",
}
"""Refused by the header."""
AT_DECODING = {
    # The portal's rules refuse these by their elements; the airlock does where nobody else has.
    "dicom/hostile/missing_rows.dcm": "refused/missing_element",
    "dicom/hostile/missing_photometric.dcm": "refused/missing_element",
    "dicom/hostile/missing_bits_allocated.dcm": "refused/missing_element",
    "dicom/hostile/jpeg_sof_disagrees_with_rows.dcm": "failed/codestream_mismatch",
    "dicom/hostile/rle_bad_header.dcm": "failed/pixels_undecodable",
    "dicom/hostile/rescale_overflow.dcm": "failed/pixel_values_invalid",
    "raster/chest_truncated.jpg": "failed/pixels_undecodable",
    "raster/chest_truncated.png": "failed/pixels_undecodable",
    "raster/chest_png_bad_crc.png": "failed/pixels_undecodable",
    "dicom/hostile/constant_white.dcm": "rejected_quality/constant_image",
    "raster/black.png": "rejected_quality/constant_image",
    "raster/white.jpg": "rejected_quality/constant_image",
}
"""Let pass by the header, and stopped at the pixels."""
SAME_PICTURE = {
    # No twins by the index, for want of a window; their range is that of the reference, nearly.
    "dicom/derived_chest/chest_no_window.dcm": 0.004,
    "dicom/derived_chest/chest_mono1_12bit_nowindow_cr.dcm": 0.004,
    "dicom/derived_chest/chest_signed16_rescale.dcm": 0.004,
    "dicom/derived_chest/chest_overlay.dcm": 1e-6,
    "dicom/derived_chest/chest_multi_window.dcm": 1e-6,
}


def rows_of(data_dir: Path, kind: str) -> list[dict[str, str]]:
    with (data_dir / kind / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.data
@pytest.mark.parametrize("kind", ["dicom", "raster"])
def test_every_file_of_the_corpus_ends_as_it_must_and_soon(airlock, data_dir, kind):
    for row in rows_of(data_dir, kind):
        name = f"{kind}/{row['file']}"
        began = time.monotonic()
        header, decoded = airlock.header(data_dir / name), airlock.decode(data_dir / name)
        assert time.monotonic() - began < SECONDS, name
        assert refused(header) == REFUSED.get(name, ""), name
        if name in REFUSED:
            assert header.code == "control_character" or decoded == header, name
            assert header.outcome == "refused", name
        elif name in AT_DECODING:
            assert isinstance(decoded, Refusal), name
            assert f"{decoded.outcome}/{decoded.code}" == AT_DECODING[name], name
        else:
            assert isinstance(decoded, Decoded), (name, decoded)
            assert decoded.pixels.shape == (224, 224), name
            assert np.isfinite(decoded.pixels).all(), name


def refused(answer: object) -> str:
    return answer.code if isinstance(answer, Refusal) else ""


@pytest.mark.data
@pytest.mark.parametrize("kind", ["dicom", "raster"])
def test_twins_give_the_same_pixels(airlock, data_dir, kind):
    twins = [row for row in rows_of(data_dir, kind) if row["twin_of"]]
    assert len(twins) > 5
    for row in twins:
        mine = airlock.decode(data_dir / kind / row["file"])
        theirs = airlock.decode(data_dir / kind / row["twin_of"])
        exact = float(row["tolerance"]) < 0.01
        difference = np.abs(mine.pixels - theirs.pixels).max()
        assert difference < (1e-6 if exact else 0.01), (row["file"], difference)
        if exact:
            assert mine.pixel_sha256 == theirs.pixel_sha256, row["file"]


@pytest.mark.data
def test_a_picture_without_its_window_is_nearly_the_same(airlock, data_dir):
    reference = airlock.decode(data_dir / "dicom/derived_chest/chest_12bit_explicit_le.dcm").pixels
    for name, tolerance in SAME_PICTURE.items():
        assert np.abs(airlock.decode(data_dir / name).pixels - reference).max() < tolerance, name


@pytest.mark.data
def test_no_rendition_carries_what_the_file_says_of_the_patient(airlock, data_dir):
    for name in ("chest_exif_phi_gps.jpg", "chest_interlaced_text_phi.png"):
        path = data_dir / "raster" / name
        rendition = airlock.render(path)
        assert isinstance(rendition, Rendition)
        assert not any(
            m in rendition.content for m in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"Exif")
        )


def shipped() -> list[Path]:
    """Return every file that pydicom and pydicom-data ship to test readers with."""
    data = importlib.metadata.files("pydicom-data") or []
    more = [Path(str(file.locate())) for file in data if "data_store/data" in str(file)]
    own = [path for path in Path(pydicom.data.__file__).parent.rglob("*") if path.is_file()]
    return [path for path in own + more if path.suffix not in {".py", ".pyc"}]


def test_every_file_that_pydicom_ships_is_data_or_a_refusal_with_words(airlock: Airlock):
    endings: Counter[str] = Counter()
    for path in shipped():
        began = time.monotonic()
        header, decoded = airlock.header(path), airlock.decode(path)
        assert time.monotonic() - began < SECONDS, path.name
        assert isinstance(header, Header | Refusal)
        for answer in (header, decoded):
            if isinstance(answer, Refusal):
                assert not answer.code.startswith("airlock_"), path.name
                assert answer.remedy, path.name
        endings[f"{refused(header) or 'read'}, {refused(decoded) or 'decoded'}"] += 1
    assert sum(endings.values()) > 250
    assert endings["read, decoded"] > 95, endings
