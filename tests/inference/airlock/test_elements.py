"""The structure of a DICOM file: what is counted, bounded and refused before a value is read."""

import time

import pytest

from inference.airlock import limits
from tests.dicom_files import DEFLATED, EXPLICIT_BE, IMPLICIT_LE, JPEG_LOSSLESS, child_chest
from tests.inference.airlock import ask
from tests.inference.airlock.raw import UNDEFINED, deflated, delimiter, element, part10, sequence

MODALITY = element(0x00080060, "CS", b"DX")
CODES = 0x00082218  # AnatomicRegionSequence


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE, DEFLATED, JPEG_LOSSLESS])
def test_a_file_cut_anywhere_is_refused_or_whole_but_never_breaks_the_reader(syntax):
    whole = child_chest(syntax=syntax)
    cuts = [*range(0, 1200, 17), *range(1200, len(whole), len(whole) // 64), len(whole) - 1]
    codes = {ask.code("header", whole[:cut]) for cut in cuts}
    assert codes <= {
        f"refused/{code}"
        for code in ("empty_file", "unsupported_type", "truncated", "missing_element")
    } | {"ok"}
    assert ask.code("header", whole[:-2]) == "refused/truncated"


def test_a_length_beyond_the_file_names_the_element_and_not_its_value():
    found = ask.refusal("header", part10(MODALITY + element(0x00080070, "LO", b"abc ", 4000)))
    assert (found.code, found.tag) == ("truncated", "(0008,0070) Manufacturer")
    assert found.found == "4000 bytes announced"


def test_pixel_data_of_four_gigabytes_are_refused_without_being_sought():
    lies = part10(MODALITY + element(0x7FE00010, "OW", b"\0" * 64, 0xFFFFFFF0))
    assert ask.refusal("header", lies).tag == "(7fe0,0010) PixelData"


def test_twenty_thousand_elements_are_read_and_one_more_is_not():
    items = b"".join(delimiter(0xFFFEE000, 0) for _ in range(limits.ELEMENT_LIMIT - 4))
    full = part10(element(CODES, "SQ", items))
    assert ask.code("header", full) == "ok"
    over = part10(element(CODES, "SQ", items + delimiter(0xFFFEE000, 0)))
    assert ask.code("header", over) == "refused/too_many_elements"


def test_a_million_elements_are_refused_at_once():
    flood = part10(b"".join(element(0x00091000 + i, "LO", b"") for i in range(0xF000)) * 16)
    began = time.process_time()
    assert ask.code("header", flood) == "refused/too_many_elements"
    assert time.process_time() - began < 1


def nested(depth: int) -> bytes:
    inner = MODALITY
    for _ in range(depth):
        inner = sequence(CODES, inner)
    return part10(inner)


def test_thirty_two_nested_sequences_are_read_and_one_more_is_not():
    assert ask.code("header", nested(limits.NESTING_LIMIT)) == "ok"
    assert ask.code("header", nested(limits.NESTING_LIMIT + 1)) == "refused/nesting_too_deep"
    assert ask.code("header", nested(5000)) == "refused/nesting_too_deep"


def test_a_sequence_without_an_end_is_refused():
    content = part10(sequence(CODES, MODALITY, closed=False))
    assert ask.code("header", content) == "refused/truncated"


def test_a_sequence_with_something_else_than_items_is_refused():
    assert ask.code("header", part10(element(CODES, "SQ", MODALITY))) == "refused/structure_broken"


def test_an_item_longer_than_its_sequence_is_refused():
    content = part10(element(CODES, "SQ", delimiter(0xFFFEE000, 100) + MODALITY) + b"\0" * 200)
    assert ask.code("header", content) == "refused/truncated"


def test_an_element_that_occurs_twice_is_refused():
    found = ask.refusal("header", part10(MODALITY + MODALITY))
    assert (found.code, found.tag) == ("duplicate_element", "(0008,0060) Modality")


def test_a_stray_delimiter_is_refused():
    assert (
        ask.code("header", part10(MODALITY + delimiter(0xFFFEE0DD))) == "refused/structure_broken"
    )


def test_an_element_without_a_vr_is_refused_and_an_unknown_vr_is_read_by_the_dictionary():
    assert (
        ask.code("header", part10(element(0x00080060, "??", b"DX"))) == "refused/structure_broken"
    )
    odd = b"\x08\x00\x61\x00ZZ\0\0\4\0\0\0abcd"
    assert ask.header(part10(odd))["elements"] == {"ModalitiesInStudy": "abcd"}


def test_only_bulk_data_and_sequences_may_leave_their_length_out():
    content = part10(b"\x08\x00\x60\x00UT\0\0\xff\xff\xff\xff" + b"DX")
    assert ask.code("header", content) == "refused/structure_broken"


def test_a_private_sequence_of_unknown_length_is_stepped_over():
    hidden = delimiter(0xFFFEE000, UNDEFINED) + b"\x09\0\1\x10\2\0\0\0ab"
    hidden += delimiter(0xFFFEE00D) + delimiter(0xFFFEE0DD)
    content = part10(
        element(0x00091001, "UN", hidden, UNDEFINED) + element(0x00100040, "CS", b"F ")
    )
    assert ask.header(content)["elements"] == {"PatientSex": "F"}


def test_a_known_sequence_written_as_unknown_is_read():
    item = b"\x08\0\x00\1\6\0\0\0T-D300"
    hidden = delimiter(0xFFFEE000, len(item)) + item
    elements = ask.header(part10(element(CODES, "UN", hidden)))["elements"]
    assert elements == {"AnatomicRegionSequence": [{"CodeValue": "T-D300"}]}


def test_zeros_that_fill_the_last_block_are_no_elements():
    assert ask.code("header", child_chest() + b"\0" * 500) == "ok"
    assert ask.code("header", child_chest() + b"\0" * 3) == "ok"


def test_anything_else_behind_the_data_set_is_refused():
    assert ask.code("header", child_chest() + b"PK\3\4 and more") != "ok"


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        ("", "missing_element"),
        ("1.2.826.0.1.99999.1", "unsupported_transfer_syntax"),
        ("1.2.840.10008.1.2.4.102", "unsupported_transfer_syntax"),
        ("1.2.840.10008.1.2.1.98", "unsupported_transfer_syntax"),
    ],
)
def test_a_transfer_syntax_that_is_not_of_still_pictures_is_refused(syntax, code):
    found = ask.refusal("header", part10(MODALITY, syntax))
    assert (found.code, found.tag) == (code, "(0002,0010) TransferSyntaxUID")
    assert found.found == syntax


def test_a_deflate_bomb_stops_early():
    bomb = deflated(MODALITY + element(0x7FE00010, "OW", b"\0" * (64 << 20)))
    assert len(bomb) < 70_000
    began = time.process_time()
    assert ask.code("header", bomb) == "refused/deflate_bomb"
    assert time.process_time() - began < 2


def test_a_small_data_set_may_deflate_as_well_as_it_likes():
    assert ask.code("header", deflated(MODALITY + element(0x00204000, "LT", b" " * 60_000))) == "ok"


def test_a_broken_or_cut_deflated_data_set_is_refused():
    whole = deflated(MODALITY + element(0x00204000, "LT", bytes(range(32, 127)) * 50))
    assert ask.code("header", whole[:-20]) == "refused/truncated"
    broken = whole[:-40] + b"\xff" * 40
    assert ask.code("header", broken) in {"refused/structure_broken", "refused/truncated"}


def test_sizes_that_no_radiograph_has_are_refused_by_the_header():
    assert ask.code("header", child_chest(Rows=65535, Columns=65535)) == "refused/too_many_pixels"
    assert ask.code("header", child_chest(Rows=1, Columns=4096)) == "refused/image_too_small"
    assert ask.code("header", child_chest(Rows=55)) == "refused/image_too_small"
    assert ask.code("header", child_chest(Rows=56)) == "ok"
    found = ask.refusal("header", child_chest(Rows=65535, Columns=65535))
    assert found.tag == "(0028,0010) Rows, (0028,0011) Columns"
    assert found.found == "65535 x 65535 pixels"


@pytest.mark.parametrize("frames", ["2147483647", "0", "-3", "many", "1e3"])
def test_a_number_of_frames_that_cannot_be_is_refused(frames):
    content = child_chest(NumberOfFrames=frames.encode().ljust(10))
    assert ask.code("header", content) == "refused/impossible_frame_count"


def test_a_sign_before_the_number_of_frames_is_allowed():
    assert ask.code("header", child_chest(NumberOfFrames=b"+1")) == "ok"


def test_many_frames_that_can_be_are_left_to_the_gate():
    assert ask.header(child_chest(NumberOfFrames="2"))["facts"]["number_of_frames"] == 2


def test_an_object_without_pixels_is_described_and_not_judged():
    content = child_chest(PixelData=None, Rows=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    told = ask.header(content)
    assert told["pixel_data_bytes"] == 0
    assert told["elements"]["SOPClassUID"] == "1.2.840.10008.5.1.4.1.1.88.33"
