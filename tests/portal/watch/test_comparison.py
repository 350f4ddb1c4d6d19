"""A challenger beside the live version, on the signed studies of one site."""

import hashlib

import pytest
from django.utils import timezone

from portal.predictions.challenger_services import start_shadow
from portal.predictions.models import Prediction, ShadowScore
from portal.reviews.models import Review
from portal.watch import comparison_selectors
from portal.watch.comparison_selectors import comparison_at
from tests.factories import make_model_version, make_user, scored_study
from tests.portal.reviews.test_signing import WHY, sign


@pytest.fixture
def challenger(site, deployed):
    version = make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})
    by = make_user(site, "data_scientist")
    return start_shadow(version=version, why="Better.", by=by)


def in_shadow(challenger, study, score):
    """Store what the challenger says of the only image of ``study``."""
    image = Prediction.objects.get(instance__series__study=study).instance
    now = timezone.now()
    return ShadowScore.objects.create(
        deployment=challenger, instance=image, state="done", outcome="scored", score=score,
        lease_until=now, finished_at=now,
    )  # fmt: skip


def signed(site, by, challenger, live, shadow, presence):
    finding = "present" if live >= 0.5 else "absent"
    study = scored_study(site, finding, live)
    in_shadow(challenger, study, shadow)
    changed = {} if presence in (finding, "indeterminate") else WHY
    if presence == "indeterminate":
        changed = {"reason_code": "OTHER", "comment": "Nobody could say this one."}
    if presence == "present" and finding == "absent":
        changed = {"reason_code": "FN_subtle"}
    sign(study, by, presence, **changed)
    return study


def test_both_are_held_against_what_was_signed(site, deployed, challenger, reviewer):
    for live, shadow, presence in [
        (0.9, 0.8, "present"), (0.3, 0.7, "present"), (0.8, 0.3, "absent"),
        (0.2, 0.1, "absent"), (0.1, 0.6, "absent"), (0.7, 0.7, "indeterminate"),
    ]:  # fmt: skip
        signed(site, reviewer, challenger, live, shadow, presence)
    found = comparison_at(site, challenger.model_version)
    assert (found.n, found.n_present, found.n_absent, found.left_out) == (5, 2, 3, 1)
    assert found.saw_ai == 5
    assert (found.live.version, found.challenger.version) == (deployed, challenger.model_version)
    assert (found.live.threshold, found.challenger.threshold) == (0.5, 0.4)
    assert (found.live.sensitivity.found, found.challenger.sensitivity.found) == (1, 2)
    assert (found.live.specificity.found, found.challenger.specificity.found) == (2, 2)
    assert found.live.auc == pytest.approx(5 / 6)
    assert found.challenger.auc == 1
    assert found.auc.value == pytest.approx(1 / 6)
    assert (found.on_present.both, found.on_present.only_second) == (1, 1)
    assert (found.on_absent.only_first, found.on_absent.only_second) == (1, 1)


def test_the_set_has_a_name_that_anybody_can_write(site, challenger, reviewer):
    for live, shadow in ((0.9, 0.8), (0.7, 0.6)):
        signed(site, reviewer, challenger, live, shadow, "present")
    lines = sorted(
        f"{row.study.study_instance_uid} {row.pk} {row.finding.prediction.score!r} {shadow!r}\n"
        for row, shadow in zip(Review.objects.order_by("pk"), (0.8, 0.6), strict=True)
    )
    named = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert comparison_at(site, challenger.model_version).set_sha256 == named


def test_the_studies_on_which_they_differ_are_listed_newest_first(
    site, challenger, reviewer, monkeypatch
):
    signed(site, reviewer, challenger, 0.9, 0.8, "present")
    older = signed(site, reviewer, challenger, 0.9, 0.1, "absent")
    newer = signed(site, reviewer, challenger, 0.9, 0.2, "present")
    found = comparison_at(site, challenger.model_version)
    assert [one.study_instance_uid for one in found.cases] == [
        newer.study_instance_uid, older.study_instance_uid,
    ]  # fmt: skip
    assert [one.challenger_is_right for one in found.cases] == [False, True]
    assert [(one.live, one.challenger) for one in found.cases] == [(0.9, 0.2), (0.9, 0.1)]
    monkeypatch.setattr(comparison_selectors, "MOST_CASES", 1)
    shorter = comparison_at(site, challenger.model_version)
    assert (len(shorter.cases), shorter.more_cases) == (1, 1)


def test_what_is_not_signed_or_not_read_by_both_does_not_count(site, challenger, reviewer):
    in_shadow(challenger, scored_study(site), 0.9)  # nobody has signed it
    sign(scored_study(site), reviewer)  # the challenger has not read it
    found = comparison_at(site, challenger.model_version)
    assert (found.n, found.cases, found.auc, found.live.auc) == (0, [], None, None)


def test_another_site_lends_nothing(site, other_site, deployed, challenger, other_reviewer):
    study = scored_study(other_site)
    in_shadow(challenger, study, 0.9)
    sign(study, other_reviewer)
    assert comparison_at(site, challenger.model_version).n == 0


def test_the_live_version_is_not_compared_with_itself(site, deployed):
    assert comparison_at(site, deployed) is None


def test_where_nothing_is_live_there_is_nothing_to_compare_with(site):
    assert comparison_at(site, make_model_version()) is None


def test_it_takes_few_queries_however_many(
    site, challenger, reviewer, django_assert_max_num_queries
):
    for _ in range(4):
        signed(site, reviewer, challenger, 0.9, 0.8, "present")
    with django_assert_max_num_queries(11):
        assert comparison_at(site, challenger.model_version).n == 4
