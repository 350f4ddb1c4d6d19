"""The pack holds its version beside the others that read the same signed studies."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.evidence.comparisons import comparisons_of
from portal.evidence.services import export_evidence
from portal.predictions.challenger_services import start_shadow
from portal.studies.models import Study
from portal.watch.selectors import Scope
from tests.factories import make_model_version, make_user, scored_study
from tests.portal.reviews.signed_worlds import chosen_point, sign_studies
from tests.portal.reviews.test_signing import sign
from tests.portal.watch.test_comparison import in_shadow
from tests.portal.watch.test_subgroups import read_by_both

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


@pytest.fixture
def scope(site, deployed):
    return Scope(site, deployed, TODAY - timedelta(days=30), TODAY)


@pytest.fixture
def challenger(site, deployed):
    version = make_model_version(reported=True, version="2.0.0", threshold={"value": 0.4})
    by = make_user(site, "data_scientist")
    return start_shadow(version=version, why="Better.", days=5, by=by)


@pytest.fixture
def read(site, challenger, reviewer):
    """Four signed studies that both have read."""
    for live, shadow in ((0.9, 0.8), (0.9, 0.3), (0.1, 0.1), (0.2, 0.6)):
        study = scored_study(site, "present" if live > 0.5 else "absent", live)
        in_shadow(challenger, study, shadow)
        sign(study, reviewer, "present" if live > 0.5 else "absent")


def test_it_has_figures_of_both_and_their_difference(scope, challenger, read):
    (told,) = comparisons_of(scope)
    assert told["studies"] == {
        "present": 2, "absent": 2, "left_out_as_indeterminate": 0, "reader_had_seen_the_ai": 4,
    }  # fmt: skip
    assert told["version"]["model"] == "vgg16-pneumonia 1.0.0"
    assert told["other"]["model"] == "vgg16-pneumonia 2.0.0"
    assert told["other"]["threshold"] == 0.4
    assert told["other_minus_version"]["sensitivity"]["value"] == -0.5
    assert told["right_on_absent"] == {
        "both": 1, "only_version": 1, "only_other": 0, "none": 0,
    }  # fmt: skip


def test_it_is_of_the_year_of_signing_up_to_the_last_day(scope, challenger, reviewer):
    before = timezone.now() - timedelta(days=367)
    read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9), signed_at=before)
    assert comparisons_of(scope) == []
    read_by_both(challenger, reviewer, 1, "present", (0.9, 0.9))
    (told,) = comparisons_of(scope)
    assert told["signed"] == {"from": f"{TODAY - timedelta(days=365)}", "to": f"{TODAY}"}
    assert told["studies"]["present"] == 1


def test_it_has_the_subgroups_too(scope, read):
    (told,) = comparisons_of(scope)
    assert [(one["of"], one["present"], one["absent"]) for one in told["subgroups"]] == [
        ("scanner", 2, 2), ("view", 2, 2), ("age", 2, 2),
    ]  # fmt: skip
    assert told["subgroups"][0]["sensitivity"] is None


def test_it_is_in_the_pack_and_names_no_study(scope, read):
    stream = io.BytesIO()
    export_evidence(scope=scope, to=stream, by=None)
    member = zipfile.ZipFile(stream).read("comparisons.json").decode()
    assert len(json.loads(member)) == 1
    assert not any(study.study_instance_uid in member for study in Study.objects.all())


def test_a_version_that_read_nothing_together_with_it_is_not_there(scope, challenger):
    assert comparisons_of(scope) == []


def test_what_came_after_the_last_day_is_not_there(scope, read):
    before = Scope(scope.site, scope.version, scope.first, TODAY - timedelta(days=1))
    assert comparisons_of(before) == []


def test_the_cut_off_is_that_of_the_last_day(site, scope, challenger, read, reader):
    sign_studies(site, scope.version, reader)
    (before,) = comparisons_of(scope)
    assert not before["version"]["threshold_is_the_sites_own"]
    point = chosen_point(site, scope.version)
    (after,) = comparisons_of(scope)
    assert after["version"]["threshold"] == point.threshold
    assert after["version"]["threshold_is_the_sites_own"]
