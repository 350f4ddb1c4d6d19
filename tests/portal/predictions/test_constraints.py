"""What the database itself refuses, whoever writes."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from portal.predictions.models import Deployment, ModelVersion, Prediction
from tests.factories import make_instance, make_model_version, make_prediction, make_study, start

NOW = timezone.now()
QUEUED = {"state": "queued"}
RUNNING = {
    "state": "running",
    "attempt": 1,
    "started_at": NOW,
    "lease_token": uuid.uuid4(),
    "lease_until": NOW,
}
ENDED = {"lease_token": None, "lease_until": None, "started_at": NOW, "finished_at": NOW}
SCORED = ENDED | {
    "state": "done",
    "outcome": "scored",
    "score": 0.5,
    "threshold": 0.5,
    "finding": "present",
    "disclaimer": "No diagnosis.",
}
REFUSED = ENDED | {
    "state": "done",
    "outcome": "not_applicable",
    "code": "view_not_frontal",
    "disclaimer": "No diagnosis.",
}
MAP = {"map_png": b"PNG", "map_maximum": 1.0}
FAILED = ENDED | {"state": "failed", "code": "gave_up"}
CANCELLED = {"state": "cancelled", "finished_at": NOW}


@pytest.fixture
def prediction(site):
    return make_prediction(make_instance(make_study(site)))


def write(prediction: Prediction, fields: dict) -> None:
    Prediction.objects.filter(pk=prediction.pk).update(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        QUEUED, RUNNING, REFUSED, FAILED, CANCELLED, *(SCORED | {"score": s} for s in (0.0, 1.0)),
        *(SCORED | MAP | {"map_maximum": most} for most in (0.0, 12.5)),
    ],
)  # fmt: skip
def test_a_row_that_is_whole_is_taken(prediction, fields):
    write(prediction, fields)
    assert Prediction.objects.get(pk=prediction.pk).state == fields["state"]


@pytest.mark.parametrize(
    "fields",
    [
        *(SCORED | {"score": score} for score in (-0.1, 1.1, 2, -1, float("inf"), float("nan"))),
        *(SCORED | {"score": None}, SCORED | {"threshold": None}, SCORED | {"finding": ""}),
        *(SCORED | {"disclaimer": ""}, SCORED | {"finished_at": None}, SCORED | {"outcome": ""}),
        SCORED | {"started_at": None},
        REFUSED | {"score": 0.4},
        REFUSED | {"threshold": 0.4},
        REFUSED | {"finding": "absent"},
        REFUSED | {"disclaimer": ""},
        REFUSED | {"code": ""},
        FAILED | {"code": ""},
        FAILED | {"outcome": "scored"},
        FAILED | {"outcome": "not_applicable"},
        FAILED | {"score": 0.4},
        FAILED | {"finished_at": None},
        CANCELLED | {"finished_at": None},
        CANCELLED | {"outcome": "not_applicable", "code": "x"},
        QUEUED | {"lease_token": uuid.uuid4()},
        QUEUED | {"lease_until": NOW},
        QUEUED | {"finished_at": NOW},
        QUEUED | {"score": 0.4},
        RUNNING | {"attempt": 0},
        RUNNING | {"lease_token": None},
        RUNNING | {"lease_until": None},
        RUNNING | {"started_at": None},
        RUNNING | {"finished_at": NOW},
        RUNNING | {"outcome": "not_applicable", "code": "x"},
        SCORED | {"started_at": NOW, "finished_at": NOW - timezone.timedelta(seconds=1)},
        {"state": "lost"},
    ],
)
def test_a_row_that_contradicts_itself_is_refused(prediction, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        write(prediction, fields)


def copy_of(prediction: Prediction) -> Prediction:
    return Prediction(
        site=prediction.site,
        instance=prediction.instance,
        model_version=prediction.model_version,
        requested_at=NOW,
        rung_at=NOW,
    )


@pytest.mark.parametrize("fields", [QUEUED, RUNNING, SCORED, REFUSED | {"code": "multi_frame"}])
def test_a_second_live_prediction_of_one_version_is_refused(prediction, fields):
    write(prediction, fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_of(prediction).save()


@pytest.mark.parametrize("fields", [FAILED, CANCELLED, REFUSED | {"code": "age_outside_range"}])
def test_after_a_failure_there_may_be_a_new_one(prediction, fields):
    write(prediction, fields)
    copy_of(prediction).save()
    assert Prediction.objects.count() == 2


def test_one_version_is_live_at_a_site(site, deployed):
    second = make_model_version(version="2.0.0")
    with pytest.raises(IntegrityError), transaction.atomic():
        Deployment.objects.create(site=site, model_version=second, status="live")


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"threshold": float("nan")},
        {"prevalence": 1.5},
        {"disclaimer": ""},
        {"disclaimer_version": ""},
        {"weights_sha256": "x" * 64},
        {"version": "1.0.0"},
    ],
)
def test_a_version_that_cannot_be_is_refused(model_version, changes):
    fields = {
        "name": model_version.name,
        "version": "3.0.0",
        "threshold": 0.5,
        "prevalence": 0.5,
        "disclaimer": "No diagnosis.",
        "disclaimer_version": "1",
        "weights_sha256": "0" * 64,
        "manifest": {},
    } | changes
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.create(**fields)


def test_rows_that_others_point_to_stay(prediction):
    from django.db.models import ProtectedError

    start(prediction)
    for row in (prediction.instance, prediction.instance.series.study, prediction.model_version):
        with pytest.raises(ProtectedError):
            row.delete()


def test_the_previous_release_may_still_ask_for_predictions(db):
    """It knows nothing of ``request_id``: the column fills itself."""
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, "predictions_prediction")
    (found,) = [column for column in columns if column.name == "request_id"]
    assert found.default is not None


@pytest.mark.parametrize(
    "fields",
    [
        REFUSED | MAP, FAILED | MAP, QUEUED | MAP, RUNNING | MAP, CANCELLED | MAP,
        SCORED | MAP | {"map_png": None}, SCORED | MAP | {"map_maximum": None},
        *(SCORED | MAP | {"map_maximum": most} for most in (-0.1, float("inf"))),
    ],
)  # fmt: skip
def test_a_map_stands_beside_a_score_alone_and_whole(prediction, fields):
    with pytest.raises(IntegrityError, match="map_only_when_scored"), transaction.atomic():
        write(prediction, fields)
