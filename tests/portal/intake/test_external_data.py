"""Files as they are found, and hostile ones, through the entrance."""

import csv

import pytest

from portal.intake import Verdict
from portal.studies.models import Instance

pytestmark = pytest.mark.data

REFUSED = {
    # two patients under one study, two images under one UID: on purpose
    "derived_chest/chest_same_pixels_new_uid_B.dcm": "patient_mismatch",
    "derived_chest/chest_same_uid_other_pixels.dcm": "sop_instance_conflict",
    "hostile/empty_0_bytes.dcm": "empty_file",
    "hostile/html_renamed.dcm": "unsupported_type",
    "hostile/preamble_mz.dcm": "executable_preamble",
    "hostile/preamble_elf.dcm": "executable_preamble",
    "hostile/preamble_shebang.dcm": "executable_preamble",
    "hostile/path_traversal_strings.dcm": "control_character",
    "hostile/invalid_uid.dcm": "invalid_uid",
    "hostile/rows_cols_65535.dcm": "too_many_pixels",
    "hostile/frames_2e9.dcm": "impossible_frame_count",
    "hostile/pixeldata_length_4gb.dcm": "truncated",
    "hostile/deflate_bomb_64MiB.dcm": "deflate_bomb",
    "hostile/jpeg_claims_65500x65500.dcm": "too_many_pixels",
    "hostile/unknown_transfer_syntax.dcm": "unsupported_transfer_syntax",
    "hostile/mpeg4_transfer_syntax.dcm": "unsupported_transfer_syntax",
    "hostile/truncated_mid_header.dcm": "truncated",
    "hostile/bitflip_header_1.dcm": "unsupported_transfer_syntax",
    "hostile/bitflip_header_3.dcm": "truncated",
    "hostile/bitflip_header_5.dcm": "missing_element",
    "hostile/missing_photometric.dcm": "missing_element",
    "hostile/missing_rows.dcm": "missing_element",
    "hostile/missing_bits_allocated.dcm": "missing_element",
    "hostile/one_pixel.dcm": "image_too_small",
    "hostile/tall_1x4096.dcm": "image_too_small",
    "hostile/ct_modality_chest.dcm": "unsupported_sop_class",
    "chest_1bit.png": "unsupported_bits",
    "chest_tiny_48px.png": "image_too_small",
    "chest_as_webp_named.jpg": "unsupported_type",
    "chest_as_gif_named.png": "unsupported_type",
    "chest_as_tiff_named.png": "unsupported_type",
    "chest_as_bmp_named.jpg": "unsupported_type",
    "chest_animated.png": "multi_frame_raster",
    "bomb_20000x20000_1bit.png": "too_many_pixels",
    "header_claims_65000x65000.png": "too_many_pixels",
    "zero_bytes.png": "empty_file",
    "svg_script_named.png": "unsupported_type",
    "html_named.jpg": "unsupported_type",
    "text_named.png": "unsupported_type",
}
"""Everything else of the two indexes is accepted: what is wrong with it is said later."""


@pytest.mark.parametrize("folder", ["dicom", "raster"])
def test_each_file_is_accepted_or_refused_with_its_code(upload, deployed, data_dir, folder):
    with (data_dir / folder / "index.csv").open(newline="") as index:
        names = [row["file"] for row in csv.DictReader(index)]
    verdicts: dict[str, Verdict] = {}
    for name in names:
        (verdicts[name],) = upload((data_dir / folder / name).read_bytes())
    codes = {name: verdict.code for name, verdict in verdicts.items() if verdict.code}
    assert codes == {name: code for name, code in REFUSED.items() if name in verdicts}
    accepted = [verdict for verdict in verdicts.values() if verdict.status == "accepted"]
    assert len(accepted) == len(names) - len(codes) == Instance.objects.count()
    assert all(verdict.prediction for verdict in accepted)


def test_a_childs_age_and_view_become_facts(upload, deployed, data_dir):
    for path in sorted((data_dir / "dicom" / "derived_child").glob("*.dcm")):
        upload(path.read_bytes())
    for instance in Instance.objects.all():
        assert 1 <= instance.facts["age_years"] <= 5
        assert instance.facts["view"] == "AP"
        assert instance.facts["modality"] in {"CR", "DX"}
