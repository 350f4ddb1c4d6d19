import pytest

from portal.audit.models import AuditEvent
from portal.intake import Described
from portal.predictions.models import Prediction
from portal.studies.models import Instance, UploadAnswer
from portal.studies.services import KeyReused, begin_answer, finish_answer
from tests.portal.intake.files import dicom, png


def test_the_same_key_and_content_get_the_same_answer_again(upload, deployed):
    content = dicom()
    first = upload(content, b"no", idempotency_key="k1")
    second = upload(content, b"no", idempotency_key="k1")
    assert second == first
    assert [v.status for v in first] == ["accepted", "refused"]
    assert Prediction.objects.count() == 1


def test_the_repetition_is_audited_too(upload, deployed):
    content = dicom()
    for _ in range(3):
        upload(content, b"no", idempotency_key="k1")
    actions = AuditEvent.objects.filter(subject__regex="^(instance|upload):")
    assert sorted(actions.values_list("action", flat=True)) == [
        "instance.received",
        *["upload.refused"] * 3,
        *["upload.repeated"] * 2,
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"described": [Described(age="4")]},
        {"priority": 1},
    ],
)
def test_the_same_key_with_other_metadata_is_refused(upload, deployed, changes):
    content = png()
    upload(content, idempotency_key="k1")
    with pytest.raises(KeyReused):
        upload(content, idempotency_key="k1", **changes)


def test_the_same_key_with_another_file_is_refused_and_stores_nothing(upload, deployed):
    upload(png(1), idempotency_key="k1")
    with pytest.raises(KeyReused):
        upload(png(2), idempotency_key="k1")
    with pytest.raises(KeyReused):
        upload(png(1), png(2), idempotency_key="k1")
    assert Instance.objects.count() == 1


def test_another_persons_key_is_another_key(upload, deployed, reader):
    upload(png(1), idempotency_key="k1")
    (verdict,) = upload(png(2), idempotency_key="k1", by=reader)
    assert verdict.status == "accepted"


def test_another_key_for_the_same_bytes_says_duplicate(upload, deployed):
    content = png()
    upload(content, idempotency_key="k1")
    (verdict,) = upload(content, idempotency_key="k2")
    assert verdict.status == "duplicate"


def test_a_key_whose_first_request_broke_off_may_be_used_again(
    upload, deployed, settings, tmp_path
):
    from portal.intake.examine import AirlockDown

    content, socket = png(), settings.OVERREAD_AIRLOCK_SOCKET
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody.sock")
    with pytest.raises(AirlockDown):
        upload(content, idempotency_key="k1")
    settings.OVERREAD_AIRLOCK_SOCKET = socket
    (verdict,) = upload(content, idempotency_key="k1")
    assert verdict.status == "accepted"
    assert upload(content, idempotency_key="k1") == [verdict]


def test_of_two_answers_to_one_key_the_first_stands(uploader):
    twins = [begin_answer(user=uploader, key="k", fingerprint="f" * 64) for _ in range(2)]
    assert finish_answer(twins[0], [{"status": "accepted"}]) == [{"status": "accepted"}]
    assert finish_answer(twins[1], [{"status": "duplicate"}]) == [{"status": "accepted"}]
    assert UploadAnswer.objects.count() == 1
