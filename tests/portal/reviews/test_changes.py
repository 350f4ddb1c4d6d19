"""What changed: nothing twice, nothing left out, nothing that is not yours to see."""

import pytest

from portal.audit.services import Action, record_alone
from portal.predictions.operator_services import acknowledge_failure, cancel_prediction
from portal.reviews.change_selectors import CursorAhead, changes_since
from portal.reviews.services import Read, amend_review, sign_review
from tests.factories import (
    PASSWORD,
    failed_study,
    make_instance,
    make_prediction,
    make_study,
    scored_study,
)

pytestmark = pytest.mark.django_db
WRITERS, EACH = 8, 12
SEED = """
from portal.predictions.version_services import deploy_model
from tests.factories import make_model_version, make_site, make_user
site = make_site("demo")
deploy_model(site=site, version=make_model_version())
make_user(site, "reader", username="poller")
for number in range(8):
    make_user(site, "reader", username=f"w{number}")
"""
RACE = f"""
import time
from django.db import transaction
from portal.accounts.selectors import user_named
from portal.accounts.models import Site
from portal.predictions.services import request_prediction
from portal.reviews.change_selectors import changes_since
from tests.factories import make_instance, make_study
user = user_named(sys.argv[1])
ready()
if sys.argv[1] == "poller":
    seen, cursor, ends = [], 0, time.monotonic() + 60
    while len(seen) < {WRITERS * EACH * 2} and time.monotonic() < ends:
        page = changes_since(user, after=cursor, limit=7)
        assert page.cursor >= cursor
        cursor = page.cursor
        seen += [[c.kind, c.sop_instance_uid, str(c.prediction or "")] for c in page.changes]
    say(seen)
else:
    made = []
    for _ in range({EACH}):
        with transaction.atomic():
            instance = make_instance(make_study(user.site, by=user), by=user)
            row = request_prediction(instance=instance, by=user)
            time.sleep(0.002)
        made.append([instance.sop_instance_uid, str(row.pk)])
    say(made)
"""


def kinds(user, after=0, limit=50):
    return [change.kind for change in changes_since(user, after=after, limit=limit).changes]


def test_what_happened_to_a_study_is_told_in_its_order(site, reviewer):
    study = scored_study(site)
    review = sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    read = Read("absent", reason_code="FP_device")
    new = amend_review(review=review, read=read, amend_reason="x", password=PASSWORD, by=reviewer)
    failed_study(site)
    found = changes_since(reviewer, after=0, limit=50)
    assert [change.kind for change in found.changes] == [
        "instance.received", "prediction.requested", "prediction.completed", "review.signed",
        "review.amended", "instance.received", "prediction.requested", "prediction.failed",
    ]  # fmt: skip
    instance = study.series.get().instances.get()
    prediction = instance.predictions.get()
    assert {change.study_instance_uid for change in found.changes[:5]} == {str(study)}
    assert {change.sop_instance_uid for change in found.changes[:3]} == {str(instance)}
    assert [change.prediction for change in found.changes[:3]] == [None, *[prediction.pk] * 2]
    assert [change.review for change in found.changes[3:5]] == [review.pk, new.pk]
    assert not found.more


def test_what_was_cancelled_is_told_and_that_a_failure_was_noted_is_not(site, pacs_admin):
    waiting = make_prediction(make_instance(make_study(site)))
    cancel_prediction(prediction=waiting, by=pacs_admin)
    failed = failed_study(site).series.get().instances.get().predictions.get()
    acknowledge_failure(prediction=failed, by=pacs_admin)
    assert kinds(pacs_admin) == [
        "instance.received", "prediction.requested", "prediction.cancelled",
        "instance.received", "prediction.requested", "prediction.failed",
    ]  # fmt: skip
    assert changes_since(pacs_admin, after=0, limit=50).changes[2].prediction == waiting.pk


def test_an_empty_page_has_a_cursor_to_come_back_with(site, reader):
    study = make_study(site)
    empty = changes_since(reader, after=0, limit=5)
    assert (empty.changes, empty.more) == ([], False)
    record_alone(Action.STUDY_OPENED, chain="demo", subject=f"study:{study}", by=reader)
    after = changes_since(reader, after=empty.cursor, limit=5)
    assert after.changes == []
    assert after.cursor == empty.cursor + 1  # so that nothing is looked at twice
    make_instance(study)
    assert kinds(reader, after.cursor) == ["instance.received"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_neither_skip_nor_repeat(site, reader, limit):
    for _ in range(4):
        scored_study(site)
    whole = changes_since(reader, after=0, limit=100)
    found, page = [], changes_since(reader, after=0, limit=limit)
    found += page.changes
    while page.more:
        page = changes_since(reader, after=page.cursor, limit=limit)
        found += page.changes
    assert found == whole.changes
    assert page.cursor == whole.cursor


def test_an_uploader_is_told_of_their_own(site, uploader, reviewer):
    own, other = scored_study(site, by=uploader), scored_study(site, by=reviewer)
    for study in (own, other):
        sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    page = changes_since(uploader, after=0, limit=50)
    assert {change.study_instance_uid for change in page.changes} == {str(own)}
    assert len(page.changes) == 4
    pages = [changes_since(uploader, after=n, limit=1) for n in range(page.cursor)]
    assert any(one.more and not one.changes for one in pages)  # not theirs, and there is more


def test_a_colleagues_image_in_an_uploaders_study_is_not_told(site, uploader, reviewer):
    study = make_study(site, by=uploader)
    make_instance(study, by=uploader)
    make_instance(study, by=reviewer)
    assert kinds(uploader) == ["instance.received"]
    assert kinds(reviewer) == ["instance.received"] * 2


def test_nothing_of_another_site_is_told(site, other_reviewer):
    scored_study(site)
    assert kinds(other_reviewer) == []


@pytest.mark.parametrize("role", ["auditor", "data_scientist", "site_admin"])
def test_who_sees_no_studies_is_told_nothing(site, role, request):
    scored_study(site)
    assert kinds(request.getfixturevalue(role)) == []


def test_a_cursor_from_before_a_restored_backup_is_refused(site, reader):
    end = changes_since(reader, after=0, limit=5).cursor
    assert changes_since(reader, after=end, limit=5).changes == []
    with pytest.raises(CursorAhead):
        changes_since(reader, after=end + 1, limit=5)


def test_eight_writers_at_once_and_a_poller_misses_nothing(own_portal):
    own_portal.run(SEED)
    writers = [f"w{number}" for number in range(WRITERS)]
    seen, *made = own_portal.race(RACE, ["poller", *writers])
    images = [image for one in made for image, _ in one]
    predictions = [prediction for one in made for _, prediction in one]
    assert len(images) == WRITERS * EACH
    received = [image for kind, image, _ in seen if kind == "instance.received"]
    requested = [prediction for kind, _, prediction in seen if kind == "prediction.requested"]
    assert sorted(received) == sorted(images)
    assert sorted(requested) == sorted(predictions)
