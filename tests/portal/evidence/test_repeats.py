"""What did not come out again is counted in the pack: of the version, the site and the days."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.evidence.members import members_of
from portal.evidence.repeats import repeats_in
from portal.predictions.replay_services import record_not_reproduced
from portal.predictions.worker_services import record_drift
from portal.watch.selectors import Scope
from tests.factories import make_model_version
from tests.portal.watch.worlds import scanned

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


@pytest.fixture
def scope(site, deployed):
    return Scope(site, deployed, TODAY - timedelta(days=30), TODAY)


@pytest.fixture
def doubts(site, other_site, deployed, reviewer):
    """Two scores of the site, one of them twice, and a worker that drifts; and some of others."""
    other = make_model_version(version="9.0.0")
    first, second = (scanned(site, deployed, reviewer, score=0.9) for _ in range(2))
    record_not_reproduced(prediction=first, code="pixels_differ", why="Other pixels.")
    for row in (first, second, scanned(site, other, reviewer, score=0.9)):
        record_not_reproduced(prediction=row, code="score_differs", why="0.1 off.")
    elsewhere = scanned(other_site, deployed, reviewer, score=0.9)
    record_not_reproduced(prediction=elsewhere, code="score_differs", why="0.1 off.")
    for model in (deployed, deployed, other):
        record_drift(worker="inference@host", model=str(model), why="0.1 off.")


def test_those_of_the_version_at_the_site_and_its_workers_are_counted(doubts, scope):
    today = TODAY.isoformat()
    assert repeats_in(scope) == {
        "scores_not_reproduced": {
            "of": "the site", "events": 3, "scores": 2, "first": today, "last": today,
            "by_code": {"pixels_differ": 1, "score_differs": 2},
        },
        "workers_that_drifted": {
            "of": "the installation", "events": 2, "workers": 1, "first": today, "last": today,
        },
    }  # fmt: skip


def test_they_are_in_the_pack_and_name_neither_a_score_nor_a_machine(doubts, scope):
    content = members_of(scope)["watch/repeats.json"]
    assert json.loads(content) == repeats_in(scope)
    assert b"prediction:" not in content
    assert b"inference@host" not in content


def test_other_days_have_none(doubts, site, deployed):
    before = Scope(site, deployed, TODAY - timedelta(days=30), TODAY - timedelta(days=1))
    found = repeats_in(before)
    assert found["scores_not_reproduced"]["events"] == found["workers_that_drifted"]["events"] == 0
    assert found["workers_that_drifted"]["last"] is None
