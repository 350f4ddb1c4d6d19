"""The values of a header as plain JSON."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_charset_files

from inference.airlock.part10 import open_part10
from inference.airlock.plain import Plain, number
from inference.airlock.refused import CATALOGUE, Refused, printable
from tests.dicom_files import EXPLICIT_BE, IMPLICIT_LE, child_chest
from tests.inference.airlock import ask
from tests.inference.airlock.raw import element, part10


def elements(content: bytes) -> dict:
    return ask.header(content)["elements"]


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE])
def test_the_encoding_does_not_change_the_values(syntax):
    assert elements(child_chest(syntax=syntax)) == elements(child_chest())


def test_empty_texts_numbers_and_sequences_have_one_form_each():
    content = part10(
        element(0x00081140, "SQ", b"")
        + element(0x00100020, "LO", b"")
        + element(0x00200013, "IS", b"")
        + element(0x00280010, "US", b"")
    )
    assert elements(content) == {
        "ReferencedImageSequence": [],
        "PatientID": "",
        "InstanceNumber": None,
        "Rows": None,
    }


def test_several_values_are_a_list_and_backslashes_in_prose_are_text():
    content = part10(
        element(0x00080008, "CS", b"ORIGINAL\\PRIMARY")
        + element(0x00204000, "LT", b"a\\b ")
        + element(0x00281050, "DS", b"1\\2.5\\x ")
    )
    assert elements(content) == {
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "ImageComments": "a\\b",
        "WindowCenter": [1, 2.5, "x"],
    }


def test_numbers_of_every_vr_are_numbers():
    content = part10(
        element(0x00280103, "US", b"\1\0")
        + element(0x00280106, "SS", struct.pack("<h", -7))
        + element(0x00280120, "US", b"\xff\xff")
        + element(0x00189074, "FD", struct.pack("<d", 2.5))
        + element(0x00080001, "UL", struct.pack("<I", 4_000_000_000))
        + element(0x00280009, "AT", b"\x18\0\x63\x10")
    )
    told = elements(content)
    assert told["SmallestImagePixelValue"] == -7
    assert told["PixelPaddingValue"] == 0xFFFF
    assert told["LengthToEnd"] == 4_000_000_000
    assert told["FrameIncrementPointer"] == "00181063"


def test_us_or_ss_in_implicit_vr_follows_the_pixel_representation():
    for signed, value in ((0, 65535), (1, -1)):
        content = child_chest(
            syntax=IMPLICIT_LE, PixelRepresentation=signed, PixelPaddingValue=b"\xff\xff"
        )
        assert elements(content)["PixelPaddingValue"] == value


def test_what_is_not_a_finite_number_stays_text_or_is_named():
    content = part10(
        element(0x00281050, "DS", b"NaN\\inf\\1e999\\1_0 ")
        + element(0x00189074, "FD", struct.pack("<d", float("nan")))
    )
    told = elements(content)
    assert told["WindowCenter"] == ["NaN", "inf", "1e999", "1_0"]
    json.dumps(told, allow_nan=False)


def test_bulk_and_private_elements_are_left_out():
    content = part10(
        element(0x00090010, "LO", b"MAKER ")
        + element(0x00091001, "LO", b"secret")
        + element(0x00102000, "OB", b"\0\1")
        + element(0x00100040, "CS", b"F ")
    )
    assert elements(content) == {"PatientSex": "F"}


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        (b"ISO_IR 192", "Müller^Jörg".encode(), "Müller^Jörg"),
        (b"ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        (b"ISO-IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        (b"ISO_IR 144", "Лукьян^Ёж".encode("iso8859_5"), "Лукьян^Ёж"),
        (b"GB18030", "王^小东".encode("gb18030"), "王^小东"),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "山田"),
        (b"", "Müller".encode("latin-1"), "Müller"),
    ],
)
def test_names_are_decoded_by_the_declared_character_set(charset, raw, text):
    content = child_chest(SpecificCharacterSet=charset, PatientName=raw)
    assert text in elements(content)["PatientName"]


def test_a_second_byte_that_looks_like_a_backslash_does_not_split_a_text():
    raw = "\u2d8b\u4e8c".encode("gb18030") + "誠".encode("gb18030")
    backslashed = next(
        c for c in map(chr, range(0x4E00, 0x9FFF)) if c.encode("gb18030")[1:] == b"\\"
    )
    content = child_chest(
        SpecificCharacterSet=b"GB18030", PatientName=raw + backslashed.encode("gb18030")
    )
    assert elements(content)["PatientName"].endswith(backslashed)


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        (b"ISO_IR 192", b"M\xfcller"),
        (b"ISO_IR 192", b"\xed\xa0\x80"),
        (b"ISO_IR 192", b"a\x1b$Bzz"),
        (b"ISO_IR 100", b"a\x93b\x94"),
    ],
)
def test_a_text_against_its_character_set_is_refused_without_being_shown(charset, raw):
    found = ask.refusal("header", child_chest(SpecificCharacterSet=charset, PatientName=raw))
    assert (found.code, found.tag) == ("text_not_decodable", "(0010,0010) PatientName")
    assert "ller" not in str(found)


@pytest.mark.parametrize("charset", [b"ISO_IR 999", b"rot13", b"unicode_escape", b"utf_7"])
def test_a_character_set_that_is_not_of_the_standard_is_refused(charset):
    found = ask.refusal("header", child_chest(SpecificCharacterSet=charset))
    assert (found.code, found.tag) == ("text_not_decodable", "(0008,0005) SpecificCharacterSet")
    assert found.found == charset.decode()


@pytest.mark.parametrize(
    ("keyword", "raw"),
    [
        ("StudyDescription", b"a\0b"),
        ("PatientID", b"1\n2"),
        ("Modality", b"DX\x07"),
        ("StudyInstanceUID", b"1.2\n"),
        ("ImageComments", b"a\x08b"),
    ],
)
def test_a_control_character_is_refused_with_its_tag_and_without_the_text(keyword, raw):
    found = ask.refusal("header", child_chest(**{keyword: raw}))
    assert found.code == "control_character"
    assert keyword in found.tag
    assert found.found.startswith("U+00")


def test_padding_is_no_control_character_and_prose_may_have_lines():
    content = child_chest(StudyDescription=b"Chest\0", ImageComments=b"one\r\ntwo\ttabbed ")
    assert elements(content)["StudyDescription"] == "Chest"
    assert elements(content)["ImageComments"] == "one\r\ntwo\ttabbed"


def test_more_text_than_a_header_has_is_refused():
    content = child_chest(syntax=IMPLICIT_LE, ImageComments=b"x" * 4_000_001)
    assert ask.code("header", content) == "refused/header_too_large"


@settings(max_examples=300, deadline=None)
@given(
    raw=st.binary(max_size=80),
    charset=st.sampled_from([b"", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"GB18030", b"ISO_IR 13"]),
    tag=st.sampled_from(
        [
            (0x00100010, "PN"),
            (0x00081030, "LO"),
            (0x00204000, "LT"),
            (0x00281050, "DS"),
            (0x00200013, "IS"),
            (0x0020000D, "UI"),
            (0x00101010, "AS"),
            (0x00280010, "US"),
            (0x00189074, "FD"),
        ]
    ),
)
def test_any_value_is_json_without_control_characters_or_a_refusal(raw, charset, tag):
    content = part10(element(0x00080005, "CS", charset) + element(tag[0], tag[1], raw))
    try:
        told = elements(content)
    except Refused:
        return
    text = json.dumps(told, allow_nan=False, ensure_ascii=False)
    text.encode()
    for value in told.values():
        if isinstance(value, str) and tag[1] != "LT":
            assert value.isprintable() or not any(c < " " for c in value)


@given(st.text(max_size=20))
def test_a_number_is_what_the_standard_calls_one(text):
    value = number(text)
    assert value is None or isinstance(value, int | float) or value == text


@given(st.text(max_size=200))
def test_what_was_found_is_shown_short_and_on_one_line(text):
    shown = printable(text)
    assert len(shown) <= 64
    assert shown.isprintable()


def test_every_code_has_words_for_people():
    for code, words in CATALOGUE.items():
        assert code == code.lower()
        assert words.detail.endswith(".")
        assert words.remedy.endswith(".")


def test_the_character_sets_of_pydicom_read_as_pydicom_reads_them():
    for path in get_charset_files("*.dcm"):
        part = open_part10(memoryview(Path(path).read_bytes()))
        mine = Plain(part.data).elements(part.dataset)
        theirs = str(dcmread(path).get("PatientName", ""))
        assert mine.get("PatientName", "").rstrip("=") == theirs.rstrip("="), path
