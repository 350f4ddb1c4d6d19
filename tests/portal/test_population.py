"""The studies that are measured on are such as the product itself would have written."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from benchmarks.population import A_DAY, QUEUED, Place, populate
from portal.predictions.models import Prediction
from portal.reviews.models import Review
from portal.reviews.worklist_selectors import described, worklist
from portal.studies.models import Instance, Study
from tests.factories import make_instance, make_model_version, make_study, scored_study

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def place(site, uploader, reviewer):
    return Place(site, uploader, [reviewer], make_model_version())


def test_it_writes_as_many_as_asked_and_the_newest_wait(place, reviewer):
    heard = []
    populate(place, 2 * A_DAY, now=NOW, told=heard.append)
    assert heard == [2 * A_DAY]
    assert Study.objects.count() == 2 * A_DAY <= Instance.objects.count()
    rows = described(reviewer, list(worklist(reviewer)))
    assert [row.state for row in rows[:QUEUED]] == ["queued"] * QUEUED
    assert rows[-1].received_at < NOW
    endings = Counter(Prediction.objects.values_list("outcome", flat=True))
    assert endings["scored"] > 10 * endings["not_applicable"] > 0
    assert 0.9 < Review.objects.count() / (A_DAY - 1) <= 1
    overridden = Review.objects.exclude(finding__reason_code="").count()
    assert 0 < overridden < 0.25 * A_DAY


def test_the_same_seed_draws_the_same_studies(place):
    populate(place, 20, seed=7, now=NOW)
    populate(place, 20, seed=8, now=NOW)
    first = list(Study.objects.order_by("pk").values_list("study_instance_uid", flat=True))
    assert len(set(first)) == 40
    Prediction.objects.all().delete()
    Instance.objects.all().delete()
    for study in Study.objects.all():
        study.series.all().delete()
    Study.objects.all().delete()
    populate(place, 20, seed=7, now=NOW)
    again = Study.objects.order_by("pk").values_list("study_instance_uid", flat=True)
    assert list(again) == first[:20]


def test_life_goes_on_after_it(place, site):
    populate(place, 30, now=NOW)
    make_instance(make_study(site))
    assert scored_study(site).pk > 30
