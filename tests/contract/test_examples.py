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
}


@pytest.fixture(scope="module")
def real(contract):
    """What the placeholders of the examples stand for: a study of the example's UIDs, read."""
    study, image = examples.RESULTS["study_instance_uid"], examples.PREDICTION["sop_instance_uid"]
    uids = {"StudyInstanceUID": study, "SOPInstanceUID": image, "PatientID": "P0001"}
    content = radiographs.dicom(4100, **uids)
    token = contract.tokens["uploader"]
    (verdict,) = contract.overread.upload(token, ("chest.dcm", content))
    contract.overread.settled(token, [verdict["prediction"]], within=60)
    return {"prediction_id": verdict["prediction"], "study_instance_uid": study, "file": content}


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


def test_every_operation_does_what_its_example_shows(contract, real):
    """In the order of a day: whatever is not named here follows, as the document has it."""
    document = operations(contract.document)
    order = ["take_next_study", "sign_review", "amend_review", "release_study"]
    etag, done = "", {}
    for operation_id in [*order, *(name for name in document if name not in order)]:
        headers = {"If-Match": etag} if operation_id == "amend_review" else {}
        response = send(contract, operation_id, real, **headers)
        done[operation_id] = response.status_code
        etag = response.headers.get("ETag", etag)
        if operation_id == "sign_review":
            real["review_id"] = response.json()["id"]
    good = {name: min(op["responses"]) for name, (_, _, op) in document.items()}
    missed = {name: status for name, status in done.items() if str(status) != good[name]}
    assert missed == {}
    assert set(done) == set(document)


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
