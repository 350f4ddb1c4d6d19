"""The state machine, over the full product of states and acts."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.predictions.models import Prediction
from portal.predictions.services import (
    Answer,
    NotRunning,
    claim_predictions,
    complete_prediction,
    fail_prediction,
    renew_leases,
    sweep,
)
from tests.factories import make_instance, make_prediction, make_study, start

SCORED = Answer(outcome="scored", score=0.9, finding="present")
BROKEN = Answer(outcome="failed", code="pixels_undecodable", detail="No.")
MINUTE = timedelta(minutes=1)
STATES = (
    "queued",
    "running",
    "expired",
    "expired for the third time",
    "done",
    "failed",
    "cancelled",
)
ACTS = ("claim", "complete", "fail", "renew", "sweep")
AFTER = {
    ("queued", "claim"): "running",
    ("running", "complete"): "done",
    ("running", "fail"): "failed",
    # the row is still ours until the sweep has taken it back
    ("expired", "complete"): "done",
    ("expired", "fail"): "failed",
    ("expired", "sweep"): "queued",
    ("expired for the third time", "complete"): "done",
    ("expired for the third time", "fail"): "failed",
    ("expired for the third time", "sweep"): "failed",
}
"""What changes; everything else is refused or does nothing."""


@pytest.fixture
def prediction(site):
    return make_prediction(make_instance(make_study(site)))


def brought_to(prediction: Prediction, state: str) -> Prediction:
    """Return the prediction in ``state``, as a worker holds it."""
    if state == "queued":
        return Prediction.objects.select_related("site", "model_version").get(pk=prediction.pk)
    if state == "cancelled":
        now = timezone.now()
        Prediction.objects.filter(pk=prediction.pk).update(state="cancelled", finished_at=now)
        return Prediction.objects.select_related("site", "model_version").get(pk=prediction.pk)
    if state == "expired for the third time":
        Prediction.objects.filter(pk=prediction.pk).update(attempt=2)
    running = start(prediction, lease=-MINUTE if "expired" in state else MINUTE)
    if state == "done":
        complete_prediction(running, SCORED)
    if state == "failed":
        fail_prediction(running, BROKEN)
    return running


def act_on(prediction: Prediction, act: str) -> bool:
    """Return whether the act was allowed."""
    try:
        if act == "claim":
            return bool(claim_predictions(limit=1, worker="w", lease=MINUTE))
        if act == "renew":
            return bool(renew_leases(tokens=[prediction.lease_token or uuid.uuid4()], lease=MINUTE))
        if act == "sweep":
            return bool(sweep())
        answer = SCORED if act == "complete" else BROKEN
        {"complete": complete_prediction, "fail": fail_prediction}[act](prediction, answer)
    except NotRunning:
        return False
    return True


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_an_act_in_a_state_does_what_the_table_says(prediction, state, act):
    held = brought_to(prediction, state)
    before = Prediction.objects.values().get(pk=prediction.pk)
    allowed = act_on(held, act)
    after = Prediction.objects.values().get(pk=prediction.pk)
    if (state, act) in AFTER:
        assert allowed
        assert after["state"] == AFTER[state, act]
    elif (state, act) == ("running", "renew"):
        assert allowed
        assert after["lease_until"] >= before["lease_until"]
        assert after | {"lease_until": None} == before | {"lease_until": None}
    else:
        assert not allowed
        assert after == before


@pytest.mark.parametrize("state", ["queued", "done", "failed", "cancelled"])
def test_what_does_not_run_has_no_lease(prediction, state):
    brought_to(prediction, state)
    row = Prediction.objects.get(pk=prediction.pk)
    assert (row.lease_token, row.lease_until) == (None, None)
