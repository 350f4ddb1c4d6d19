"""Both versions by scanner, view and age band, on the studies of one site."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_selectors import current_deployment
from portal.predictions.models import Prediction, ShadowScore
from portal.watch.comparison_selectors import comparison_at
from portal.watch.selectors import GROUPS
from tests.factories import make_instance, make_model_version, make_user
from tests.portal.watch.worlds import scanned


@pytest.fixture
def challenger(site, deployed):
    version = make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})
    by = make_user(site, "data_scientist")
    return start_shadow(version=version, why="Better.", by=by)


def said(challenger, image, score):
    now = timezone.now()
    ShadowScore.objects.create(
        deployment=challenger, instance=image, state="done", outcome="scored", score=score,
        lease_until=now, finished_at=now,
    )  # fmt: skip


def read_by_both(challenger, by, many, presence, scores, **more):
    """Let both have read so many studies of a kind, and somebody have signed them."""
    site, live = challenger.site, current_deployment(challenger.site).model_version
    rows = []
    for _ in range(many):
        row = scanned(site, live, by, at=timezone.now(), score=scores[0], presence=presence, **more)
        said(challenger, row.instance, scores[1])
        rows.append(row)
    return rows


def subgroup(site, challenger, group, value):
    found = comparison_at(site, challenger.model_version)
    (one,) = [one for one in found.subgroups if (one.group, one.value) == (group, value)]
    return one


def test_each_figure_is_of_both_versions_on_the_studies_of_the_group(site, challenger, reviewer):
    # only the challenger finds the sick, and it alone raises the alarms
    read_by_both(challenger, reviewer, 10, "present", (0.45, 0.45), view="PA")
    read_by_both(challenger, reviewer, 10, "absent", (0.1, 0.5), view="PA")
    read_by_both(challenger, reviewer, 3, "present", (0.9, 0.9), view="AP")
    one = subgroup(site, challenger, "view", "PA")
    assert (one.n_present, one.n_absent) == (10, 10)
    assert [share.found for share in one.sensitivity] == [0, 10]
    assert [share.found for share in one.specificity] == [10, 0]
    assert one.auc == (1.0, 0.0)


def test_of_few_it_says_nothing(site, challenger, reviewer):
    read_by_both(challenger, reviewer, 9, "present", (0.9, 0.9))
    read_by_both(challenger, reviewer, 10, "absent", (0.1, 0.1))
    one = subgroup(site, challenger, "scanner", "Acme Ray 7")
    assert (one.n_present, one.n_absent) == (9, 10)
    assert (one.sensitivity, one.auc) == (None, None)
    assert one.specificity.challenger.found == 10
    read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9))
    one = subgroup(site, challenger, "scanner", "Acme Ray 7")
    assert one.sensitivity.live.found == 10
    assert one.auc == (1.0, 1.0)


def test_every_study_is_in_one_subgroup_of_each_group_the_largest_first(site, challenger, reviewer):
    read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9), age=70.0, view="")
    read_by_both(challenger, reviewer, 2, "present", (0.9, 0.9), age=None, scanner=("Zeta", "One"))
    read_by_both(challenger, reviewer, 1, "indeterminate", (0.9, 0.9))  # counts nowhere
    found = comparison_at(site, challenger.model_version).subgroups
    assert [(one.group, one.value, one.n_present) for one in found] == [
        ("scanner", "Zeta One", 2),
        ("scanner", "Acme Ray 7", 1),
        ("view", "AP", 2),
        ("view", "not stated", 1),
        ("age", "not stated", 2),
        ("age", "65 years and more", 1),
    ]
    assert list(dict.fromkeys(one.group for one in found)) == list(GROUPS)


def test_of_several_images_the_first_that_was_scored_counts(site, challenger, reviewer):
    (row,) = read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9), view="PA")
    second = make_instance(row.instance.series.study)
    type(second).objects.filter(pk=second.pk).update(facts={"view": "LL"})
    said(challenger, second, 0.9)
    assert subgroup(site, challenger, "view", "PA").n_present == 1


def test_what_the_challenger_read_for_the_readers_is_grouped_too(site, challenger, reviewer):
    (row,) = read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9), view="PA")
    ShadowScore.objects.all().delete()
    row.pk, row.model_version = None, challenger.model_version
    Prediction.objects.bulk_create([row])
    assert subgroup(site, challenger, "view", "PA").n_present == 1


@pytest.mark.parametrize(("ago", "counts"), [(364, 1), (366, 0)])
def test_unless_asked_the_last_365_days_of_signing_count(site, challenger, reviewer, ago, counts):
    signed_at = timezone.now() - timedelta(days=ago)
    read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9), signed_at=signed_at)
    found = comparison_at(site, challenger.model_version)
    assert (found.n, len(found.subgroups)) == (counts, 3 * counts)
    assert (found.until - found.since).days == 365
    day = signed_at.date()
    found = comparison_at(site, challenger.model_version, (day, day))
    assert (found.n, found.since, found.until) == (1, day, day)
