"""The rules over a header, one by one: what is refused, where, and in which words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.dicom.accept import SOP_CLASSES, TRANSFER_SYNTAXES, check_header, image_of
from portal.dicom.geometry import expected_bytes
from portal.dicom.refusal import CATALOGUE, printable
from tests.portal.dicom.headers import JPEG_LOSSLESS, header

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
CT = "1.2.840.10008.5.1.4.1.1.2"


def refused(**changes):
    """Return code, tag and value found of the refusal."""
    refusal = check_header(header(**changes))
    assert refusal is not None
    assert refusal.detail
    assert refusal.remedy
    return refusal.code, refusal.tag, refusal.found


def test_a_radiograph_is_taken():
    assert check_header(header()) is None


@pytest.mark.parametrize("sop_class", SOP_CLASSES)
@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_class_in_every_syntax_is_taken(sop_class, syntax):
    classes = {"SOPClassUID": sop_class, "MediaStorageSOPClassUID": sop_class}
    assert check_header(header(syntax, **classes)) is None


def test_the_classes_are_those_of_radiographs():
    assert {uid.removeprefix("1.2.840.10008.5.1.4.1.1.") for uid in SOP_CLASSES} == {
        "1", "1.1", "1.1.1", "7", "7.1", "7.2", "7.3", "7.4"
    }  # fmt: skip


def test_the_syntaxes_are_those_that_the_airlock_opens():
    from inference.airlock.part10 import SUPPORTED

    assert set(TRANSFER_SYNTAXES) == SUPPORTED


def test_words_are_the_same_as_the_airlocks_where_both_have_a_code():
    from inference.airlock.refused import CATALOGUE as AIRLOCK

    shared = set(CATALOGUE) & set(AIRLOCK)
    assert shared
    for code in shared:
        assert CATALOGUE[code] == (AIRLOCK[code].detail, AIRLOCK[code].remedy), code


@pytest.mark.parametrize(
    "keyword",
    [
        "SOPClassUID", *UIDS, "Rows", "Columns", "BitsAllocated", "BitsStored",
        "SamplesPerPixel", "PhotometricInterpretation",
    ],
)  # fmt: skip
@pytest.mark.parametrize("nothing", [None, "", []])
def test_what_is_required_must_be_there(keyword, nothing):
    code, tag, found = refused(**{keyword: nothing})
    assert (code, found) == ("missing_element", "")
    assert tag.endswith(f") {keyword}")


@pytest.mark.parametrize("keyword", UIDS)
@pytest.mark.parametrize(
    "value", ["../../evil", "1.2.03", "1." + "2" * 63, "<script>", "1.2.3\n", "x", 1.2]
)
def test_a_uid_must_be_one(keyword, value):
    code, tag, found = refused(**{keyword: value})
    assert code == "invalid_uid"
    assert tag.endswith(keyword)
    assert found == printable(value)


@pytest.mark.parametrize("keyword", [*UIDS, "SOPClassUID", "Rows", "PatientID", "AccessionNumber"])
def test_one_value_must_be_one(keyword):
    code, tag, found = refused(**{keyword: ["1.2", "1.3"]})
    assert (code, found) == ("several_values", "2 values")
    assert tag.endswith(keyword)


@pytest.mark.parametrize("sop_class", [CT, "1.2.3", "x", "1.2.840.10008.1.3.10"])
def test_another_kind_of_object_is_refused(sop_class):
    found = refused(SOPClassUID=sop_class, MediaStorageSOPClassUID=sop_class)
    assert found == ("unsupported_sop_class", "(0008,0016) SOPClassUID", sop_class)


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [("MediaStorageSOPClassUID", "(0002,0002)"), ("MediaStorageSOPInstanceUID", "(0002,0003)")],
)
def test_the_file_meta_information_must_name_the_same_object(keyword, tag):
    assert refused(**{keyword: CT}) == ("file_meta_mismatch", f"{tag} {keyword}", CT)


def test_file_meta_information_that_names_nothing_is_let_pass():
    nothing = {"MediaStorageSOPClassUID": None, "MediaStorageSOPInstanceUID": ""}
    assert check_header(header(**nothing)) is None


@pytest.mark.parametrize("syntax", ["", "1.2.840.10008.1.2.4.102", "1.2.3", "x"])
def test_another_transfer_syntax_is_refused(syntax):
    expected = ("unsupported_transfer_syntax", "(0002,0010) TransferSyntaxUID", syntax)
    assert refused(syntax=syntax) == expected


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
@pytest.mark.parametrize("value", [0, -1, 65_536, "many", 1.5])
def test_a_side_that_cannot_be_is_refused(keyword, value):
    code, tag, found = refused(**{keyword: value})
    assert (code, found) == ("image_attribute_invalid", str(value))
    assert tag.endswith(keyword)


def test_more_pixels_than_any_detector_has_are_refused_before_anybody_counts_bytes():
    code, tag, found = refused(Rows=65_535, Columns=65_535)
    assert (code, found) == ("too_many_pixels", "65535 x 65535 pixels")
    assert tag == "(0028,0010) Rows, (0028,0011) Columns"
    assert check_header(header(JPEG_LOSSLESS, Rows=10_000, Columns=10_000)) is None


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({"BitsAllocated": 0}, "BitsAllocated"),
        ({"BitsAllocated": 12}, "BitsAllocated"),
        ({"BitsStored": 0}, "BitsStored"),
        ({"BitsStored": 9}, "BitsStored"),
        ({"HighBit": 8}, "HighBit"),
        ({"HighBit": 6}, "HighBit"),
        ({"PixelRepresentation": 2}, "PixelRepresentation"),
        ({"SamplesPerPixel": 3}, "SamplesPerPixel"),
        ({"SamplesPerPixel": 0}, "SamplesPerPixel"),
        ({"PhotometricInterpretation": "RGB"}, "SamplesPerPixel"),
        ({"PhotometricInterpretation": "MONOCHROME3"}, "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "HSV", "SamplesPerPixel": 3}, "PhotometricInterpretation"),
    ],
)
def test_pixels_that_cannot_be_so_are_refused(changes, keyword):
    code, tag, _ = refused(**changes)
    assert code == "image_attribute_invalid"
    assert tag.endswith(keyword)


@pytest.mark.parametrize("frames", [-1, 0, 2_147_483_647, "many", 2.5])
def test_frames_that_cannot_be_are_refused(frames):
    code, tag, found = refused(NumberOfFrames=frames)
    assert (code, tag) == ("impossible_frame_count", "(0028,0008) NumberOfFrames")
    assert found == str(frames)


@pytest.mark.parametrize("frames", [None, "", 1])
def test_one_frame_may_be_said_or_not(frames):
    assert check_header(header(NumberOfFrames=frames)) is None


def test_two_frames_are_stored():
    assert check_header(header(NumberOfFrames=2, size=2 * 64 * 80)) is None


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", JPEG_LOSSLESS])
def test_no_pixels_are_refused(syntax):
    assert refused(syntax=syntax, size=0)[:2] == ("pixel_data_missing", "(7fe0,0010) PixelData")


def test_uncompressed_pixels_that_are_too_short_are_refused():
    found = refused(size=64 * 80 - 1)
    assert found == ("pixel_data_length", "(7fe0,0010) PixelData", "5119 bytes of 5120")
    assert check_header(header(size=64 * 80 + 1)) is None
    assert check_header(header(JPEG_LOSSLESS, size=100)) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 5120),
        ({"BitsAllocated": 16}, 10_240),
        ({"BitsAllocated": 1, "Rows": 3, "Columns": 3}, 2),
        ({"NumberOfFrames": 3}, 15_360),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, 15_360),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"}, 10_240),
    ],
)
def test_the_length_of_uncompressed_pixels_follows_from_the_header(changes, expected):
    assert expected_bytes(header(**changes).elements) == expected


@pytest.mark.parametrize(
    ("keyword", "value", "found"),
    [
        ("PatientID", "x" * 65, "65 characters"),
        ("AccessionNumber", "x" * 17, "17 characters"),
        ("PatientName", "x" * 65, "65 characters"),
        ("PatientName", f"a={'x' * 65}", "65 characters"),
        ("PatientName", "a=b=c=d", "4 component groups"),
    ],
)
def test_a_text_longer_than_dicom_allows_is_refused_and_not_repeated(keyword, value, found):
    code, tag, shown = refused(**{keyword: value})
    assert (code, shown) == ("text_too_long", found)
    assert tag.endswith(keyword)


@pytest.mark.parametrize(
    "keyword",
    ["PatientID", "PatientName", "AccessionNumber", "StudyDescription", "SeriesDescription"],
)
@pytest.mark.parametrize(
    ("character", "found"),
    [
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\x07", "U+0007"),
        ("\ud800", "U+D800"),
        ("\u2028", "U+2028"),
    ],
)
def test_a_character_that_deceives_is_refused_and_the_text_not_repeated(keyword, character, found):
    code, _, shown = refused(**{keyword: f"Smith{character}x"})
    assert (code, shown) == ("character_not_allowed", found)


@pytest.mark.parametrize("keyword", ["PatientID", "AccessionNumber"])
@pytest.mark.parametrize("invisible", ["\u200b", "\ufeff", "\u200f", "\u00ad"])
def test_an_identifier_that_only_looks_like_another_is_refused(keyword, invisible):
    assert refused(**{keyword: f"A1{invisible}7"})[0] == "character_not_allowed"


def test_joiners_and_marks_belong_to_the_spelling_of_names():
    assert check_header(header(PatientName="می\u200cخواهم\u200f")) is None  # noqa: RUF001


def test_a_description_is_cut_and_not_refused_for_its_length():
    sent = header(StudyDescription="x" * 1000)
    assert check_header(sent) is None
    assert len(image_of(sent).study_description) == 64


def test_an_object_that_is_no_image_is_told_so_and_not_what_an_image_must_have():
    report = header(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Rows=None, Columns=None)
    refusal = check_header(report)
    assert refusal is not None
    assert refusal.code == "unsupported_sop_class"


@pytest.mark.parametrize(
    "name",
    [
        "", "Doe^Jane", "Müller^Jörg", "محمد^علي", "=HYPERLINK(1)",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "<script>alert(1)</script>", "'; DROP TABLE studies; --", "O'Neill^Áine",
    ],
)  # fmt: skip
def test_names_of_people_are_taken_as_they_are(name):
    sent = header(PatientName=name)
    assert check_header(sent) is None
    assert image_of(sent).patient_name == name


@given(st.dictionaries(
    st.sampled_from(
        [*header().elements, "NumberOfFrames", "HighBit", "StudyDate", "Modality", "PatientAge",
         "StudyDescription", "SeriesDescription", "PatientBirthDate"]
    ),
    st.one_of(
        st.none(), st.integers(), st.text(), st.floats(), st.lists(st.text()), st.booleans(),
        st.lists(st.integers()), st.dictionaries(st.text(), st.text()),
        st.text(st.sampled_from("\u202e\u200b\x00\ud800a^=\\0 ")),
    ),
))  # fmt: skip
def test_any_header_is_taken_or_refused_but_never_an_error(changes):
    sent = header(**changes)
    refusal = check_header(sent)
    assert check_header(sent) == refusal
    if refusal is None:
        image = image_of(sent)
        assert image.rows > 0
        assert len(image.study_instance_uid) <= 64
        assert len(image.patient_id) <= 64
        assert len(image.patient_name) <= 324
        assert len(image.accession_number) <= 16
        texts = (image.patient_id, image.patient_name, image.study_description)
        assert not [c for text in texts for c in text if unicodedata.category(c) in {"Cc", "Cs"}]
    else:
        assert refusal.code in CATALOGUE
        assert len(refusal.found) <= 64
        assert refusal.found.isprintable()


@given(st.text(), st.text())
def test_no_refusal_repeats_what_names_a_patient(patient_id, name):
    canary = "zq-canary"
    refusal = check_header(header(PatientID=f"{canary}{patient_id}", PatientName=f"{canary}{name}"))
    assert refusal is None or canary not in f"{refusal.found}{refusal.detail}{refusal.remedy}"
