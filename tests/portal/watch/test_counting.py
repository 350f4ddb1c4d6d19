"""What the database counts, against the rows counted anew by numpy and scikit-learn."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from portal.predictions.models import Prediction
from portal.reviews.models import Finding, Review
from portal.watch.ages import NOT_STATED
from portal.watch.panels import panels_of, summary_of
from portal.watch.selectors import Scope, counted, counted_by_scanner
from tests.factories import make_model_version
from tests.portal.watch.worlds import NOW, days, read, scanned

pytestmark = pytest.mark.django_db
SCANNERS = [("Acme", "Ray 7"), ("Bolt",), ()]


@pytest.fixture
def version(deployed):
    return deployed


@pytest.fixture
def scope(site, version):
    return Scope(site, version, days(40).date(), NOW.date())


@pytest.fixture
def busy(site, version, reviewer):
    """Return 300 predictions of five weeks, most of them read."""
    draw = random.Random(3)
    rows = []
    for _ in range(300):
        outcome = draw.choice(["scored"] * 8 + ["not_applicable", "rejected_quality"])
        more = {
            "outcome": outcome,
            "score": draw.betavariate(0.6, 0.6),
            "at": days(draw.random() * 34),
        }
        if outcome == "scored" and draw.random() < 0.8:
            more["presence"] = draw.choice(["present", "absent", "absent", "indeterminate"])
            more["shown"] = draw.choice([None, None, None, ""])
        scanner, age = draw.choice(SCANNERS), draw.choice([0.5, 4.0, 17.9, 40.0, 80.0, None])
        view = draw.choice(["AP", "PA", ""])
        rows.append(scanned(site, version, reviewer, scanner=scanner, age=age, view=view, **more))
    rows += [scanned(site, version, reviewer, state=s) for s in ("failed", "cancelled", "failed")]
    return rows


def plain(counts):
    """Return counts that can be compared: sums of scores depend on their order."""
    return replace(counts, expected=[round(one, 9) for one in counts.expected])


def panel(scope, slug, reference=()):
    return next(one for one in panels_of(counted(scope), reference) if one.slug == slug)


def test_outcomes_and_scores_are_those_of_the_rows(busy, scope):
    whole = counted(scope).whole
    assert whole.outcomes == Counter(row.outcome or row.state for row in busy)
    scores = [row.score for row in busy if row.score is not None]
    assert whole.bins == np.histogram(scores, 20, (0, 1))[0].tolist()
    assert whole.failed.found == 2
    assert whole.refused.of == sum(row.state == "done" for row in busy)


def test_each_group_is_counted_as_the_rows_say(busy, scope):
    groups = counted(scope).groups
    names = [" ".join(filter(None, (row.instance.facts.get("manufacturer"),
             row.instance.facts.get("manufacturer_model_name")))) for row in busy]  # fmt: skip
    assert {k: v.asked for k, v in groups["scanner"].items()} == Counter(
        name or NOT_STATED for name in names
    )
    views = Counter(row.instance.facts.get("view", NOT_STATED) for row in busy)
    assert {k: v.asked for k, v in groups["view"].items()} == views
    edges = [0, 1, 6, 18, 40, 65, 200]
    ages = [row.instance.facts.get("age_years") for row in busy]
    bands = np.histogram([age for age in ages if age is not None], edges)[0]
    names = ["under 1 year", "1 to 5 years", "6 to 17 years", "18 to 39 years", "40 to 64 years"]
    named = dict(zip([*names, "65 years and more"], bands, strict=True))
    named[NOT_STATED] = ages.count(None)
    assert {k: v.asked for k, v in groups["age"].items()} == {k: n for k, n in named.items() if n}


def test_calibration_is_scikit_learns(busy, scope):
    pairs = Finding.objects.exclude(presence="indeterminate").values_list(
        "presence", "prediction__score"
    )
    truth, scores = [one == "present" for one, _ in pairs], [score for _, score in pairs]
    observed, mean = calibration_curve(truth, scores, n_bins=10)
    rows = panel(scope, "calibration").rows
    assert [row[3] for row in rows] == pytest.approx(observed, abs=5e-5)
    assert [row[2] for row in rows] == pytest.approx(mean, abs=5e-5)
    for _, read_, _, share, low, high in rows:
        theirs = binomtest(round(share * read_), read_).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=5e-5)


def test_agreement_is_that_of_the_reads_that_saw_the_ai(busy, scope):
    seen = [(f.presence, f.shown) for f in Finding.objects.exclude(shown="")]
    whole = counted(scope).whole
    assert whole.seen == Counter(seen)
    agreed = sum(one == other for one, other in seen)
    assert (whole.agreement.found, whole.overrides.found) == (agreed, len(seen) - agreed)
    assert whole.reasons == Counter({"OTHER": len(seen) - agreed})
    rows = panel(scope, "agreement").rows
    assert sum(row[1] for row in rows) == len(seen)


def test_weeks_add_up_and_an_empty_week_is_there(site, version, reviewer, scope):
    scanned(site, version, reviewer, score=0.2)
    scanned(site, version, reviewer, score=0.2, at=days(14))
    found = counted(scope)
    assert [one.asked for one in found.weeks.values()] == [1, 0, 1]
    assert all(week.weekday() == 0 for week in found.weeks)


def test_a_score_of_one_is_in_the_last_bin(site, version, reviewer, scope):
    scanned(site, version, reviewer, score=1.0)
    assert counted(scope).whole.bins == [0] * 19 + [1]


def test_other_sites_versions_and_days_are_not_counted(
    site, other_site, version, reviewer, other_reviewer, scope
):
    other = make_model_version(version="2.0.0")
    scanned(other_site, version, other_reviewer, score=0.5, presence="present")
    scanned(site, other, reviewer, score=0.5, presence="present")
    scanned(site, version, reviewer, score=0.5, presence="present", at=days(41))
    scanned(site, version, reviewer, score=0.5, at=NOW + timedelta(days=1))
    found = counted(scope)
    assert (found.whole.asked, found.whole.agreement.of, found.weeks) == (0, 0, {})


@pytest.mark.parametrize(
    ("group", "value"),
    [("scanner", "Acme Ray 7"), ("scanner", NOT_STATED), ("view", "PA"), ("age", "1 to 5 years"),
     ("age", NOT_STATED)],
)  # fmt: skip
def test_a_group_alone_is_what_the_whole_says_of_it(busy, site, version, scope, group, value):
    alone = counted(Scope(site, version, scope.first, scope.last, group, value))
    assert alone.whole.asked > 0
    assert plain(alone.whole) == plain(counted(scope).groups[group][value])
    assert list(alone.groups[group]) == [value]


def test_an_amended_read_counts_once_as_it_stands(site, version, reviewer, scope):
    row = scanned(site, version, reviewer, score=0.9, presence="absent")
    first = Review.objects.get()
    finding = Finding.objects.create(
        study=first.study, prediction=row, reader=reviewer, shown="present", presence="present"
    )
    Review.objects.create(
        study=first.study, finding=finding, reviewer=reviewer, reviewer_name="R", signed_at=NOW,
        supersedes=first, meaning="amended", amend_reason="The lateral view.",
    )  # fmt: skip
    assert counted(scope).whole.seen == {("present", "present"): 1}


def test_everything_takes_four_queries(busy, scope, django_assert_num_queries):
    with django_assert_num_queries(4):
        counted(scope)
    with django_assert_num_queries(2):
        counted_by_scanner(scope)


def test_by_scanner_and_week_is_the_same_counted_otherwise(busy, scope):
    weeks, found = counted_by_scanner(scope), counted(scope)
    assert {week: plain(one[""]) for week, one in weeks.items()} == {
        week: plain(one) for week, one in found.weeks.items()
    }
    summed = sum(one["Bolt"].asked for one in weeks.values() if "Bolt" in one)
    assert summed == found.groups["scanner"]["Bolt"].asked


def test_of_nothing_the_panels_are_empty_and_say_so(scope):
    found = counted(scope)
    assert [one.slug for one in panels_of(found, []) if one.rows or one.drawn] == []
    assert dict(summary_of(found.whole, []))["Agreement"] is None


def test_without_a_reference_nothing_is_compared(busy, scope):
    assert panel(scope, "drift").rows == []
    assert {row[3] for row in panel(scope, "scores").rows} == {None}
    assert len(panel(scope, "scores").drawn["series"]) == 1
    assert len(panel(scope, "scores", [1.0] * 20).drawn["series"]) == 2
    assert len(panel(scope, "drift", [1.0] * 20).rows) == len(counted(scope).weeks)


def test_a_read_of_what_was_not_shown_calibrates_and_does_not_agree(site, version, reviewer, scope):
    row = scanned(site, version, reviewer, score=0.9)
    read(row, reviewer, "absent", shown="")
    found = counted(scope).whole
    assert (found.agreement.of, found.present.of) == (0, 1)
    assert Prediction.objects.count() == 1
