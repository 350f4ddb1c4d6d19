"""The main job over real HTTP: uploaded, read by a worker, overridden by a person, provable."""

import json
import threading
import time

import pytest

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, overread, until

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
API = "/api/v1"


def read(hospital, verdicts, *, within=30):
    """Return the predictions of an upload once they are settled, in its order."""
    ids = [verdict["prediction"] for verdict in verdicts]
    settled = hospital.settled(hospital.tokens["uploader"], ids, within=within)
    return [settled[one] for one in ids]


def opposite(prediction):
    """Return a review that overrides the machine, with a reason that fits."""
    if prediction["finding"] == "present":
        return {"finding": "absent", "reason_code": "FP_atelectasis"}
    return {"finding": "present", "reason_code": "FN_subtle"}


def sign(hospital, who, uid, **review):
    """Send a review."""
    body = {"comment": "", "confidence": 4, "password": PASSWORD} | review
    return hospital.request("POST", f"{API}/studies/{uid}/reviews", hospital.tokens[who], json=body)


def study(hospital, who, uid):
    return hospital.request("GET", f"{API}/studies/{uid}", hospital.tokens[who])


def test_from_upload_to_signed_override_and_verified_audit(hospital):
    uid = a_dicom_and_a_png_are_read(hospital)
    override = a_reviewer_overrides_the_machine_and_nobody_else_does(hospital, uid)
    shown = study(hospital, "reader", uid).json()
    assert [review["finding"] for review in shown["reviews"]] == [override["finding"]]
    assert shown["predictions"][0]["finding"] != override["finding"]
    it_can_be_found_and_proved(hospital, uid)


def a_dicom_and_a_png_are_read(hospital):
    """Return the study of the DICOM."""
    described = {"patient_id": "PNG-1", "age": "003Y", "view": "PA"}
    verdicts = hospital.upload(
        hospital.tokens["uploader"],
        ("child.dcm", radiographs.dicom(1)),
        ("child.png", radiographs.png(2)),
        metadata=json.dumps([{}, described]),
    )
    assert [v["filename"] for v in verdicts] == ["child.dcm", "child.png"]
    assert [v["status"] for v in verdicts] == ["accepted", "accepted"]
    for prediction in read(hospital, verdicts):
        assert prediction["outcome"] == "scored"
        assert 0 <= prediction["score"] <= 1
        assert prediction["disclaimer"]
        present = prediction["score"] >= prediction["threshold"]
        assert prediction["finding"] == ("present" if present else "absent")
    again = hospital.upload(hospital.tokens["uploader"], ("again.dcm", radiographs.dicom(1)))[0]
    assert (again["status"], again["prediction"]) == ("duplicate", verdicts[0]["prediction"])
    return verdicts[0]["study_instance_uid"]


def a_reviewer_overrides_the_machine_and_nobody_else_does(hospital, uid):
    """Return the review that was signed."""
    before = study(hospital, "reviewer1", uid).json()
    override = opposite(before["predictions"][0])
    without_reason = override | {"reason_code": ""}
    assert sign(hospital, "reviewer1", uid, **without_reason).status_code == 422
    assert sign(hospital, "reviewer1", uid, **override, password="not mine").status_code == 403
    assert sign(hospital, "uploader", uid, **override).status_code in {403, 404}
    assert sign(hospital, "reviewer9", uid, **override).status_code == 404
    assert study(hospital, "reviewer9", uid).status_code == 404
    signed = sign(hospital, "reviewer1", uid, **override)
    assert signed.status_code == 201, signed.text
    after = study(hospital, "reviewer1", uid).json()
    assert before["report_status"] != after["report_status"]
    return override


def it_can_be_found_and_proved(hospital, uid):
    """Search, history, and the trail by REST and by command."""
    reader = hospital.tokens["reader"]
    found = hospital.request(
        "POST", f"{API}/studies/search", reader, json={"patient_id": "T000001"}
    ).json()
    assert [one["study_instance_uid"] for one in found["studies"]] == [uid]
    history = hospital.request("GET", f"{API}/studies/{uid}/history", reader)
    assert history.json()["history"]
    verified = hospital.request("GET", f"{API}/audit/verify", hospital.tokens["auditor"])
    assert verified.json()["intact"] is True
    assert "BROKEN" not in hospital.manage("verify_audit")


def test_a_letter_that_calls_itself_a_picture_is_refused_and_said_so(hospital):
    parts = [("files", ("letter.png", b"Dear colleague"))]
    answer = hospital.request("POST", f"{API}/uploads", hospital.tokens["uploader"], files=parts)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    verdict = answer.json()["uploads"][0]
    assert (verdict["status"], verdict["code"]) == ("refused", "unsupported_type")
    assert verdict["remedy"]


def test_an_adult_is_stored_and_not_scored(hospital):
    adult = radiographs.dicom(3, PatientAge="061Y", PatientBirthDate="19630301")
    prediction = read(hospital, hospital.upload(hospital.tokens["uploader"], ("adult.dcm", adult)))[
        0
    ]
    assert (prediction["state"], prediction["outcome"]) == ("done", "not_applicable")
    assert prediction["score"] is None
    assert prediction["code"]


def test_of_five_who_sign_at_once_one_wins_and_four_are_told(hospital):
    verdicts = hospital.upload(hospital.tokens["uploader"], ("five.dcm", radiographs.dicom(4)))
    review = opposite(read(hospital, verdicts)[0])
    uid = verdicts[0]["study_instance_uid"]
    statuses, start = [], threading.Barrier(5)

    def one(number):
        start.wait()
        statuses.append(sign(hospital, f"reviewer{number}", uid, **review).status_code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 409, 409, 409, 409]
    assert len(study(hospital, "reader", uid).json()["reviews"]) == 1
    assert "BROKEN" not in hospital.manage("verify_audit")


def test_the_real_model_reads_a_real_radiograph(tmp_path):
    """From the second start on: the shipped VGG16, on the engine of this machine."""
    from inference.samples import chest_dicom, chest_png

    lease = {"OVERREAD_LEASE_SECONDS": "60"}
    with overread(tmp_path, None, **lease) as one:
        one.start(within=120)
        one.tokens = one.people("uploader", "reviewer")
        assert one.stop() == 0
        started = time.monotonic()
        one.start(within=120)
        ready = time.monotonic() - started
        child = chest_dicom(1, ViewPosition="AP", PatientAge="004Y")
        verdicts = one.upload(one.tokens["uploader"], ("a.dcm", child), ("a.png", chest_png(2)))
        first, second = read(one, verdicts, within=120)
        print(f"ready after {ready:.1f} s, read after {time.monotonic() - started:.1f} s")
        until(lambda: one.said(r"inference \| .*model \S+ \S+ is loaded after"), within=5)
        for prediction in (first, second):
            assert prediction["outcome"] == "scored"
            assert prediction["model"]
        assert abs(first["score"] - second["score"]) < 0.2
