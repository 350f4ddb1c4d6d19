"""What is refused at the door: nothing is stored of it but the event."""

import logging
from pathlib import Path

import pydicom.data
import pytest
from django.db import connection

from portal.audit.models import AuditEvent
from portal.intake import Described
from portal.intake.examine import AirlockDown
from portal.predictions.models import Prediction
from portal.studies.blobs import store
from portal.studies.models import Instance, Study
from tests.portal.intake.files import ABSENT, dicom, png, uid

CT = "1.2.840.10008.5.1.4.1.1.2"


def nothing_is_stored() -> bool:
    stored = Study.objects.exists() or Instance.objects.exists() or Prediction.objects.exists()
    return not stored and not list(store.hashes()) and not list(store.waiting())


@pytest.mark.parametrize(
    ("content", "code", "tag"),
    [
        (b"", "empty_file", ""),
        (b"hello", "unsupported_type", ""),
        (b"GIF89a" + b"\0" * 200, "unsupported_type", ""),
        (b"%PDF-1.7" + b"\0" * 200, "unsupported_type", ""),
        (b"MZ" + dicom()[2:], "executable_preamble", ""),
        (dicom(StudyInstanceUID=ABSENT), "missing_element", "(0020,000d) StudyInstanceUID"),
        (dicom(SeriesInstanceUID=""), "missing_element", "(0020,000e) SeriesInstanceUID"),
        (dicom(StudyInstanceUID="../../etc/x"), "invalid_uid", "(0020,000d) StudyInstanceUID"),
        (dicom(SOPClassUID=CT), "unsupported_sop_class", "(0008,0016) SOPClassUID"),
        (
            dicom(meta={"MediaStorageSOPInstanceUID": "1.2.3"}),
            "file_meta_mismatch",
            "(0002,0003) MediaStorageSOPInstanceUID",
        ),
        (
            dicom().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.77"),
            "unsupported_transfer_syntax",
            "(0002,0010) TransferSyntaxUID",
        ),
        (dicom(Rows=ABSENT), "missing_element", "(0028,0010) Rows"),
        (
            dicom(Rows=65535, Columns=65535),
            "too_many_pixels",
            "(0028,0010) Rows, (0028,0011) Columns",
        ),
        (dicom(BitsStored=9), "image_attribute_invalid", "(0028,0101) BitsStored"),
        (
            dicom(NumberOfFrames="2147483647"),
            "impossible_frame_count",
            "(0028,0008) NumberOfFrames",
        ),
        (dicom(PixelData=ABSENT), "pixel_data_missing", "(7fe0,0010) PixelData"),
        (dicom(PixelData=b"\0" * 100), "pixel_data_length", "(7fe0,0010) PixelData"),
        (dicom(PatientID="x" * 65), "text_too_long", "(0010,0020) PatientID"),
        (dicom(PatientID=b"P1\\P2 "), "several_values", "(0010,0020) PatientID"),
        (dicom(AccessionNumber=b"A\x07"), "control_character", "(0008,0050) AccessionNumber"),
        (dicom()[:700], "truncated", None),
        (dicom()[:-1], "truncated", "(7fe0,0010) PixelData"),
    ],
)
def test_a_refusal_names_code_tag_and_remedy_and_stores_nothing(
    upload, deployed, content, code, tag
):
    (verdict,) = upload(content)
    assert (verdict.status, verdict.code) == ("refused", code)
    assert tag is None or verdict.tag == tag
    assert verdict.detail
    assert verdict.remedy
    assert (verdict.study_instance_uid, verdict.prediction) == ("", None)
    assert nothing_is_stored()
    (event,) = AuditEvent.objects.filter(action="upload.refused")
    assert event.detail == {"code": code, "tag": verdict.tag, "found": verdict.found}


@pytest.mark.parametrize(
    ("described", "tag"),
    [
        (Described(age="old"), "age"),
        (Described(sex="?"), "sex"),
        (Described(view="sideways"), "view"),
        (Described(patient_id="x" * 65), "patient_id"),
        (Described(patient_name="a\nb"), "patient_name"),
    ],
)
def test_metadata_that_are_not_usable_are_refused(upload, deployed, described, tag):
    (verdict,) = upload(png(), described=[described])
    assert (verdict.code, verdict.tag) == ("metadata_invalid", tag)
    assert nothing_is_stored()


def test_every_file_that_pydicom_ships_gets_a_verdict_and_never_an_error(upload, deployed):
    folder = Path(pydicom.data.__file__).parent / "test_files"
    verdicts = [v for path in sorted(folder.rglob("*.dcm")) for v in upload(path.read_bytes())]
    assert len(verdicts) > 50
    assert {v.status for v in verdicts} <= {"accepted", "refused", "duplicate"}
    assert all(v.code and v.detail and v.remedy for v in verdicts if v.status == "refused")


def test_a_refused_file_does_not_hold_up_its_neighbours(upload, deployed):
    verdicts = upload(b"no", png(), dicom(Rows=ABSENT))
    assert [v.status for v in verdicts] == ["refused", "accepted", "refused"]
    assert Instance.objects.count() == 1


def test_the_log_says_the_same_words_and_neither_name_nor_filename(upload, deployed, caplog):
    caplog.set_level(logging.INFO, logger="portal.intake")
    (verdict,) = upload(dicom(PatientName="Canary^Zoe", PatientID="C-77", Rows=ABSENT))
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("portal.intake")]
    for words in (verdict.code, verdict.tag, verdict.detail, verdict.remedy):
        assert words in line
    assert "\n" not in line
    for secret in ("Canary", "C-77", verdict.filename):
        assert secret not in line


def test_a_program_in_the_preamble_raises_an_alarm(upload, deployed, caplog):
    upload(b"MZ" + dicom()[2:])
    (line,) = [r for r in caplog.records if r.name.startswith("portal.intake")]
    assert line.levelno == logging.WARNING


def test_neither_events_nor_answers_hold_names(upload, deployed):
    names = {"PatientName": "Canary^Zoe", "PatientID": "Canary-7", "AccessionNumber": "CanaryAcc"}
    study = uid()
    upload(dicom(**names, StudyInstanceUID=study), dicom(**names, Rows=ABSENT))
    verdicts = upload(
        dicom(**names | {"PatientID": "Canary-8"}, StudyInstanceUID=study),
        png(),
        described=[Described(), Described(view="Canary^Zoe")],
    )
    assert [v.status for v in verdicts] == ["refused", "refused"]
    assert "canary" not in str(verdicts).lower()
    for event in AuditEvent.objects.all():
        assert "canary" not in f"{event.subject}{event.detail}".lower()


def test_a_study_of_another_patient_is_refused(upload, deployed):
    study = uid()
    upload(dicom(StudyInstanceUID=study, PatientID="P1"))
    (verdict,) = upload(dicom(StudyInstanceUID=study, PatientID="P2"))
    assert (verdict.status, verdict.code) == ("refused", "patient_mismatch")
    assert verdict.tag == "(0010,0020) PatientID"
    assert verdict.found == ""
    assert Instance.objects.count() == 1
    assert len(list(store.hashes())) == 1


def test_a_study_without_patient_id_does_not_belong_to_just_anybody(upload, deployed):
    study = uid()
    upload(dicom(StudyInstanceUID=study, PatientID="P1"))
    (verdict,) = upload(dicom(StudyInstanceUID=study, PatientID=ABSENT))
    assert verdict.code == "patient_mismatch"


def test_the_same_study_at_the_other_site_may_be_of_another_patient(
    upload, deployed, other_reviewer
):
    study = uid()
    upload(dicom(StudyInstanceUID=study, PatientID="P1"))
    (verdict,) = upload(dicom(StudyInstanceUID=study, PatientID="P2"), by=other_reviewer)
    assert verdict.status == "accepted"


def test_other_bytes_under_the_same_uid_are_refused_and_the_first_is_kept(upload, deployed):
    same = {"SOPInstanceUID": uid(), "StudyInstanceUID": uid(), "SeriesInstanceUID": uid()}
    first = dicom(**same)
    upload(first)
    (verdict,) = upload(dicom(**same, PatientComments="changed"))
    assert (verdict.status, verdict.code) == ("refused", "sop_instance_conflict")
    assert verdict.found == same["SOPInstanceUID"]
    assert store.path(Instance.objects.get().sha256).read_bytes() == first
    assert len(list(store.hashes())) == 1


def test_a_duplicate_described_as_another_patients_is_refused(upload, deployed):
    content = png()
    upload(content, described=[Described(patient_id="P1")])
    for said, status in (("P1", "duplicate"), ("", "duplicate"), ("P2", "refused")):
        (verdict,) = upload(content, described=[Described(patient_id=said)])
        assert verdict.status == status
    assert verdict.code == "patient_mismatch"


def test_dicom_described_as_another_patients_is_refused(upload, deployed):
    (verdict,) = upload(dicom(PatientID="P1"), described=[Described(patient_id="P2")])
    assert verdict.code == "patient_mismatch"
    assert nothing_is_stored()


def test_without_the_airlock_nothing_is_stored(upload, deployed, settings, tmp_path):
    known = dicom()
    upload(known)
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody.sock")
    with pytest.raises(AirlockDown):
        upload(known, b"", png())
    assert Instance.objects.count() == 1
    assert list(store.waiting()) == []
    assert [v.status for v in upload(known, b"")] == ["duplicate", "refused"]


def test_what_fails_at_the_end_of_the_transaction_leaves_no_row(upload, deployed, uploader):
    """The audit event is last: if it cannot be written, nothing was received."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON audit_auditevent WHEN NEW.action = "
                "'instance.received' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            cursor.execute(
                "ALTER TABLE audit_auditevent ADD CONSTRAINT broken "
                "CHECK (action <> 'instance.received') NOT VALID"
            )
    from django.db import DatabaseError

    with pytest.raises(DatabaseError):
        upload(png())
    assert not Study.objects.exists()
    assert not Prediction.objects.exists()
