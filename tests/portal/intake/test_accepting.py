"""What is taken, and what is stored of it."""

import hashlib

import pytest

from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
from portal.dicom.uid import is_uid
from portal.intake import Described, MayNotUpload, RequestInvalid, accept_uploads
from portal.predictions.models import Prediction
from portal.predictions.pause_services import pause_model
from portal.studies.blobs import store
from portal.studies.models import Instance, Series, Study
from tests.portal.intake.conftest import received
from tests.portal.intake.files import ABSENT, dicom, jpeg, png, uid


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("seq"))


def test_a_radiograph_becomes_study_series_instance_and_a_waiting_prediction(upload, deployed):
    content = dicom()
    (verdict,) = upload(content, priority=2)
    instance = Instance.objects.get()
    prediction = Prediction.objects.get()
    assert verdict.status == "accepted"
    assert verdict.code == ""
    assert verdict.study_instance_uid == instance.series.study.study_instance_uid
    assert verdict.sop_instance_uid == instance.sop_instance_uid
    assert verdict.prediction == str(prediction.pk)
    assert (prediction.state, prediction.priority) == ("queued", 2)
    assert prediction.model_version == deployed


def test_the_file_is_kept_byte_for_byte(upload, deployed):
    content = dicom()
    upload(content)
    instance = Instance.objects.get()
    assert instance.sha256 == hashlib.sha256(content).hexdigest()
    assert instance.size == len(content)
    assert store.path(instance.sha256).read_bytes() == content
    assert list(store.waiting()) == []


def test_what_the_header_says_is_stored_by_allow_list(upload, deployed, uploader):
    scanner = {"Manufacturer": "Acme", "ManufacturerModelName": "Ray 7"}
    upload(dicom(PatientComments="never stored", InstitutionName="nor this", **scanner))
    study, series, instance = Study.objects.get(), Series.objects.get(), Instance.objects.get()
    assert (study.patient_id, study.patient_name, study.patient_sex) == ("P1", "Doe^Jane", "F")
    assert (str(study.patient_birth_date), str(study.study_date)) == ("2020-01-02", "2024-02-03")
    assert (study.accession_number, study.study_description) == ("A1", "Chest")
    assert (study.received_by, instance.received_by) == (uploader, uploader)
    assert series.modality == "CR"
    assert (instance.kind, instance.rows, instance.columns) == ("dicom", 80, 96)
    assert instance.facts == {
        "modality": "CR",
        "body_part": "CHEST",
        "view": "AP",
        "age_years": 4.0,
        "sex": "F",
        "photometric_interpretation": "MONOCHROME2",
        "bits_stored": 8,
        "frames": 1,
        "manufacturer": "Acme",
        "manufacturer_model_name": "Ray 7",
    }


def test_images_of_one_study_and_series_meet_there(upload, deployed):
    shared = {"StudyInstanceUID": uid(), "SeriesInstanceUID": uid()}
    upload(dicom(**shared), dicom(**shared), dicom(**shared | {"SeriesInstanceUID": uid()}))
    assert (Study.objects.count(), Series.objects.count()) == (1, 2)
    assert Instance.objects.count() == 3


def test_the_same_bytes_again_are_a_duplicate_with_the_same_ids(upload, deployed):
    content = dicom()
    (first,), (second,) = upload(content), upload(content)
    assert second.status == "duplicate"
    assert second.study_instance_uid == first.study_instance_uid
    assert second.sop_instance_uid == first.sop_instance_uid
    assert second.prediction == first.prediction
    assert Prediction.objects.count() == 1
    assert list(store.waiting()) == []


def test_the_same_file_twice_in_one_request_is_stored_once(upload, deployed):
    content = dicom()
    assert [v.status for v in upload(content, content)] == ["accepted", "duplicate"]
    assert Instance.objects.count() == Prediction.objects.count() == 1


def test_the_other_site_stores_the_same_bytes_for_itself(upload, deployed, other_reviewer):
    content = png()
    (here,), (there,) = upload(content), upload(content, by=other_reviewer)
    assert there.status == "accepted"
    assert there.study_instance_uid != here.study_instance_uid
    assert Instance.objects.count() == 2
    assert len(list(store.hashes())) == 1


def test_without_a_live_model_the_study_is_stored_to_be_read_without_one(upload):
    (verdict,) = upload(dicom())
    assert (verdict.status, verdict.code) == ("accepted", "no_live_model")
    assert verdict.prediction is None
    assert verdict.detail == "No model is live at this site; read it without the AI."
    assert Study.objects.count() == 1
    (again,) = upload(png())
    assert again.code == "no_live_model"


def test_while_the_model_is_paused_the_study_is_stored_to_be_read_without_it(
    upload, deployed, reviewer
):
    pause_model(version=deployed, reason="x", by=reviewer)
    (verdict,) = upload(dicom())
    assert (verdict.status, verdict.code) == ("accepted", "no_live_model")
    assert verdict.detail == "The model is paused at this site; read it without the AI."
    assert not Prediction.objects.exists()


def test_a_verdict_for_each_file_in_their_order(upload, deployed):
    verdicts = upload(dicom(), b"", png(), b"hello", jpeg())
    assert [v.status for v in verdicts] == [
        "accepted", "refused", "accepted", "refused", "accepted"
    ]  # fmt: skip
    assert [v.filename for v in verdicts] == [f"{n}.dcm" for n in range(5)]


@pytest.mark.parametrize(("content", "kind"), [(png(), "png"), (jpeg(), "jpeg")])
def test_a_picture_becomes_a_study_of_its_own(upload, deployed, content, kind):
    described = Described(patient_id=" P7 ", patient_name="Roe^Ann", age="18M", sex="f", view="pa")
    (verdict,) = upload(content, described=[described])
    instance = Instance.objects.get()
    study = instance.series.study
    assert instance.kind == kind
    assert instance.sop_class_uid == "1.2.840.10008.5.1.4.1.1.7"
    assert (study.patient_id, study.patient_name, study.patient_sex) == ("P7", "Roe^Ann", "F")
    assert instance.facts == {"view": "PA", "age_years": 1.5, "sex": "F"}
    for one in (study.study_instance_uid, verdict.sop_instance_uid):
        assert one.startswith("2.25.")
        assert is_uid(one)


def test_the_uids_of_a_picture_follow_from_site_and_bytes(upload, deployed, site, own_data_folder):
    from portal.dicom.described import raster_uids

    content = png()
    (verdict,) = upload(content)
    expected = raster_uids("demo", hashlib.sha256(content).hexdigest())
    assert (verdict.study_instance_uid, verdict.sop_instance_uid) == (expected[0], expected[2])


def test_pictures_of_a_group_become_one_study(upload, deployed):
    group = [Described(patient_id="P1", group="a"), Described(group="a"), Described(group="b")]
    verdicts = upload(png(1), png(2), png(3), described=group)
    assert verdicts[0].study_instance_uid == verdicts[1].study_instance_uid
    assert verdicts[2].study_instance_uid != verdicts[0].study_instance_uid
    assert Series.objects.count() == 2
    assert Instance.objects.filter(series__study__patient_id="P1").count() == 2


def test_a_group_sent_again_with_one_more_joins_its_study(upload, deployed):
    first = upload(png(1), png(2), described=[Described(group="a")] * 2)
    again = upload(png(1), png(2), png(3), described=[Described(group="x")] * 3)
    assert [v.status for v in again] == ["duplicate", "duplicate", "accepted"]
    assert {v.study_instance_uid for v in first + again} == {first[0].study_instance_uid}


def test_the_group_begins_with_the_first_picture_that_is_taken(upload, deployed):
    verdicts = upload(b"no", png(2), png(3), described=[Described(group="a")] * 3)
    assert [v.status for v in verdicts] == ["refused", "accepted", "accepted"]
    assert verdicts[1].study_instance_uid == verdicts[2].study_instance_uid


def test_two_patients_in_one_group_are_refused(upload, deployed):
    group = [Described(patient_id="P1", group="a"), Described(patient_id="P2", group="a")]
    verdicts = upload(png(1), png(2), described=group)
    assert [v.status for v in verdicts] == ["accepted", "refused"]
    assert verdicts[1].code == "patient_mismatch"


def test_dicom_files_keep_their_own_study_whatever_the_group(upload, deployed):
    upload(dicom(), dicom(), described=[Described(group="a")] * 2)
    assert Study.objects.count() == 2


def test_each_upload_has_exactly_one_event(upload, deployed):
    content = dicom()
    upload(content, b"no")
    upload(content)
    (received_event,) = events("instance.received")
    (refused_event,) = events("upload.refused")
    (repeated_event,) = events("upload.repeated")
    instance = Instance.objects.get()
    assert received_event.subject == repeated_event.subject == f"instance:{instance}"
    assert received_event.detail["sha256"] == instance.sha256
    assert received_event.actor == refused_event.actor == "uploader"
    assert refused_event.outcome == "refused"
    assert verify_chain("demo").intact


def test_the_event_of_an_instance_is_the_last_of_its_transaction(upload, deployed):
    upload(dicom())
    assert AuditEvent.objects.filter(chain="demo").latest("seq").action == "instance.received"


@pytest.mark.parametrize("role", ["uploader", "reader", "reviewer", "adjudicator", "pacs_admin"])
def test_those_may_upload(upload, request, role):
    (verdict,) = upload(png(), by=request.getfixturevalue(role))
    assert verdict.status == "accepted"


@pytest.mark.parametrize("role", ["data_scientist", "auditor", "site_admin"])
def test_the_others_may_not_and_leave_an_event(request, role):
    by = request.getfixturevalue(role)
    with pytest.raises(MayNotUpload):
        accept_uploads(files=[received(png())], by=by)
    assert list(store.waiting()) == []
    assert not Instance.objects.exists()
    (event,) = events("upload.refused")
    assert (event.actor, event.detail) == (role, {"code": "may_not_upload"})


@pytest.mark.parametrize(
    "options",
    [
        {"priority": 10},
        {"priority": -1},
        {"idempotency_key": "with space"},
        {"idempotency_key": "x" * 201},
        {"idempotency_key": "ä"},
        {"idempotency_key": "x\n"},
        {"described": [Described(), Described()]},
    ],
)
def test_a_request_that_makes_no_sense_stores_nothing(upload, deployed, options):
    with pytest.raises(RequestInvalid):
        upload(png(), **options)
    assert not Instance.objects.exists()
    assert list(store.waiting()) == []


def test_a_request_without_files_is_refused(upload):
    with pytest.raises(RequestInvalid):
        upload()


def test_dates_that_are_nonsense_are_left_out(upload, deployed):
    (verdict,) = upload(dicom(PatientBirthDate="20241341", StudyDate="00000000", PatientAge=ABSENT))
    study = Study.objects.get()
    assert verdict.status == "accepted"
    assert (study.patient_birth_date, study.study_date) == (None, None)
    assert "age_years" not in Instance.objects.get().facts
