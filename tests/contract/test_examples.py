"""The document's examples, sent to a running product as they are written down."""

import json
import re

import pytest

from portal.api import examples
from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD
from tests.contract.schemas import answer_faults

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
DONE_BY = {  # whom an example is about, where anybody would not do
    "upload_images": "uploader",
    "list_audit_events": "auditor",
    "verify_audit": "auditor",
    "retry_prediction": "pacs_admin",
    "cancel_prediction": "pacs_admin",
    "acknowledge_failure": "pacs_admin",
    "propose_model": "data_scientist",
    "withdraw_model": "data_scientist",
    "pause_model": "adjudicator",
    "propose_operating_point": "data_scientist",
    "shadow_model": "data_scientist",
    "compare_model": "data_scientist",
}
READING = ("take_next_study", "sign_review", "amend_review", "release_study")
TRYING = ("shadow_model", "compare_model", "end_model")
DECIDING = (
    "propose_model", "decline_model", "propose_model", "withdraw_model", "propose_model",
    "approve_model",
)  # fmt: skip
OPERATING = ("retry_prediction", "cancel_prediction", "acknowledge_failure")
STOPPING = ("pause_model", "resume_model", "rollback_model")
CHOOSING = (
    "propose_operating_point", "decline_operating_point", "propose_operating_point",
    "approve_operating_point", "withdraw_operating_point",
)  # fmt: skip
DAY = (*READING, *TRYING, *CHOOSING, *DECIDING, *OPERATING, *STOPPING)
SHOWN = {  # what an answer says in the very words of its example
    "state", "code", "why", "reason", "note", "meaning", "reason_code", "comment", "amend_reason",
}  # fmt: skip


@pytest.fixture(scope="module")
def real(contract):
    """What the placeholders of the examples stand for: a study of the example's UIDs, read."""
    study, image = examples.RESULTS["study_instance_uid"], examples.PREDICTION["sop_instance_uid"]
    uids = {"StudyInstanceUID": study, "SOPInstanceUID": image, "PatientID": "P0001"}
    content = radiographs.dicom(4100, **uids)
    token = contract.tokens["uploader"]
    (verdict,) = contract.overread.upload(token, ("chest.dcm", content))
    contract.overread.settled(token, [verdict["prediction"]], within=60)
    failed = contract.work(1)["failed"][0]
    contract.sign_studies()
    yield {
        "prediction_id": verdict["prediction"],
        "study_instance_uid": study,
        "file": content,
        "failed": failed,
        "model_id": contract.waits,
    }
    contract.make_live(contract.runs)


def operations(document) -> dict[str, tuple[str, str, dict]]:
    return {
        operation["operationId"]: (path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def request_of(operation, real) -> dict:
    """Return the example's body, with the password and the bytes that no document can hold."""
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        return {"files": [("files", ("chest.dcm", real["file"]))], "data": {"metadata": "[{}]"}}
    for kind, media in content.items():
        (example,) = media["examples"].values()
        body = {**example["value"]}
        if "password" in body:
            body["password"] = PASSWORD
        if "set_sha256" in body:
            body |= {"set_sha256": "", "until": "9999-12-31"}
        return {"data": json.dumps(body), "headers": {"Content-Type": kind}}
    return {}


def send(contract, operation_id: str, real, **changes):
    path, verb, operation = operations(contract.document)[operation_id]
    path = re.sub(r"{(\w+)}", lambda name: str(real[name[1]]), path)
    token = contract.tokens[DONE_BY.get(operation_id, "reviewer")]
    request = request_of(operation, real)
    headers = request.pop("headers", {}) | changes
    response = contract.overread.request(verb.upper(), path, token, headers=headers, **request)
    assert answer_faults(contract.document, operation, response) == [], operation_id
    return response


def example_of(operation) -> dict:
    """Return what the document shows of an operation that succeeds; nothing if it says nothing."""
    answer = operation["responses"][min(operation["responses"])]
    for media in answer.get("content", {}).values():
        (example,) = media["examples"].values()
        return example["value"]
    return {}


def asked_of(operation_id: str, real) -> dict:
    """Return the identifiers of a request: a retry asks for what failed, a cancel takes it back."""
    of = {"cancel_prediction": "again"} | dict.fromkeys(OPERATING[::2], "failed")
    return real | {"prediction_id": real[of.get(operation_id, "prediction_id")]}


def test_every_operation_does_what_its_example_shows(contract, real):
    """In the order of a day: whatever is not named here follows, as the document has it."""
    document = operations(contract.document)
    contract.make_live(contract.runs)
    etag, done = "", {}
    for operation_id in [*DAY, *(name for name in document if name not in DAY)]:
        headers = {"If-Match": etag} if operation_id == "amend_review" else {}
        response = send(contract, operation_id, asked_of(operation_id, real), **headers)
        done[operation_id] = response.status_code
        etag = response.headers.get("ETag", etag)
        answer = response.json() if response.content else {}
        shown = example_of(document[operation_id][2])
        assert differing(shown, answer) == {}, operation_id
        if operation_id == "sign_review":
            real["review_id"] = answer["id"]
        if operation_id == "propose_operating_point":
            real["point_id"] = answer["id"]
        if operation_id == "retry_prediction":
            real["again"] = answer["id"]
    good = {name: min(op["responses"]) for name, (_, _, op) in document.items()}
    missed = {name: status for name, status in done.items() if str(status) != good[name]}
    assert missed == {}
    assert set(done) == set(document)


def differing(shown: dict, answer: dict) -> dict:
    """Return what an answer says in other words than its example."""
    pairs = {name: (shown[name], answer.get(name)) for name in SHOWN & set(shown)}
    return {name: (said, found) for name, (said, found) in pairs.items() if said != found}


def test_what_has_not_changed_is_not_sent_again(contract, real):
    for operation_id in ("read_study", "read_results"):
        etag = send(contract, operation_id, real).headers["ETag"]
        again = send(contract, operation_id, real, **{"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_chunked_upload_is_told_to_say_its_length(contract):
    def chunks():
        yield b"--x\r\nContent-Disposition: form-data; name=files; filename=a\r\n\r\nx\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    token = contract.tokens["uploader"]
    response = contract.overread.request(
        "POST", "/api/v1/uploads", token, data=chunks(), headers=headers
    )
    assert (response.status_code, response.json()["code"]) == (411, "length_required")
    _, _, operation = operations(contract.document)["upload_images"]
    assert answer_faults(contract.document, operation, response) == []
