"""`verify_invariants` sees each breach that is planted, and none where there is none."""

import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from portal.accounts.models import RoleGrant
from portal.audit.models import AuditEvent
from portal.audit.services import Action, record_alone
from portal.predictions.deployment_selectors import live_version
from portal.predictions.models import Deployment, OperatingPoint, Pause, Prediction
from portal.predictions.pause_services import pause_model
from portal.predictions.worker_services import say_alive
from portal.reviews.services import Read, sign_review
from portal.studies.blobs import store
from portal.studies.models import Instance
from tests.factories import (
    PASSWORD,
    failed_study,
    keep_blob,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    make_user,
    not_applicable_study,
    scored_study,
    start,
)
from tests.portal.conftest import drop_triggers
from tests.portal.reviews.signed_worlds import chosen_point

HOUR = 3600.0


def verified() -> tuple[int, dict[str, str], str]:
    """Return exit code, state by invariant, and everything that was printed."""
    out = StringIO()
    code = 0
    try:
        call_command("verify_invariants", stdout=out, skip_checks=True)
    except SystemExit as left:
        code = int(left.code)
    words = out.getvalue()
    lines = [line for line in words.splitlines() if line.startswith("I-")]
    return code, {line.split()[0]: line.split()[1].rstrip(":") for line in lines}, words


def breached() -> tuple[set[str], str]:
    """Return the names of the broken invariants, and the words."""
    code, states, words = verified()
    broken = {name for name, state in states.items() if state == "BREACH"}
    assert code == (1 if broken else 0)
    return broken, words


@pytest.fixture
def busy(site, deployed, reviewer):
    """Return an instance at a site where a bit of everything has happened."""
    study = scored_study(site)
    not_applicable_study(site)
    failed_study(site)
    make_prediction(make_instance(make_study(site)))
    sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    return Instance.objects.get(series__study=study)


def blob_of(instance: Instance):
    return store.path(instance.sha256)


def test_an_empty_installation_breaks_nothing(db):
    code, states, _ = verified()
    assert code == 0
    assert states == {f"I-{number}": "OK" for number in (1, 2, 3, 4, 5, 6, 8, 9)}


def test_a_busy_one_does_not_either_and_says_what_it_looked_at(busy):
    code, _, words = verified()
    assert code == 0, words
    assert (
        "I-1 OK: every received file has one row and one blob with its SHA-256 (4 checked)" in words
    )
    assert "I-2 OK" in words
    assert "(3 checked)" in words  # unread studies


def test_i1_a_changed_byte(busy):
    content = bytearray(blob_of(busy).read_bytes())
    content[3] ^= 1
    blob_of(busy).write_bytes(content)
    broken, words = breached()
    assert broken == {"I-1"}
    assert f"instance {busy}: its blob has other bytes" in words


def test_i1_and_i5_a_missing_blob(busy):
    blob_of(busy).unlink()
    broken, words = breached()
    assert broken == {"I-1", "I-5"}
    assert "its blob is missing" in words
    assert f"row of {busy.sha256} has no blob" in words


def test_i1_a_size_that_is_not_the_blobs(busy):
    Instance.objects.filter(pk=busy.pk).update(size=busy.size + 1)
    assert breached()[0] == {"I-1"}


def test_i1_and_i4_something_received_that_has_no_row(busy):
    record_alone(Action.INSTANCE_RECEIVED, chain="demo", subject="instance:1.2.3", by=None)
    broken, words = breached()
    assert broken == {"I-1", "I-4"}
    assert "demo: instance:1.2.3 was received and has no row" in words


def test_i2_two_live_predictions_of_one_version(busy):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX prediction_one_live_per_version")
    first = Prediction.objects.get(instance=busy)
    Prediction.objects.create(
        site=first.site, instance=busy, model_version=first.model_version,
        requested_at=Now(), rung_at=Now(),
    )  # fmt: skip
    broken, words = breached()
    assert broken == {"I-2", "I-4"}
    assert "2 live predictions of one version" in words


def test_i2_a_prediction_at_another_site_than_its_instance(busy, other_site):
    Prediction.objects.filter(instance=busy).update(site=other_site)
    assert "I-2" in breached()[0]


def test_i2_a_prediction_whose_instance_is_gone(busy):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL checks the foreign key before anybody can look")
    (lost,) = Prediction.objects.filter(state="queued")
    Prediction.objects.filter(pk=lost.pk).update(instance_id=10**6)
    broken, words = breached()
    assert "I-2" in broken
    assert f"prediction {lost.pk}: its instance is gone" in words
    Prediction.objects.filter(pk=lost.pk).update(instance_id=lost.instance_id)


def test_i3_a_prediction_that_runs_past_its_lease(busy):
    (waiting,) = Prediction.objects.filter(state="queued")
    start(waiting, lease=-timedelta(seconds=20))
    assert breached()[0] == set()
    Prediction.objects.filter(pk=waiting.pk).update(lease_until=Now() - timedelta(seconds=31))
    broken, words = breached()
    assert broken == {"I-3"}
    assert f"prediction {waiting.pk}: it runs past its lease" in words


def test_i3_a_prediction_that_nobody_rings_for_while_a_worker_is_up(busy):
    waiting = Prediction.objects.filter(state="queued")
    waiting.update(rung_at=Now() - timedelta(seconds=61))
    assert breached()[0] == set()
    say_alive(name="w1", queue_name="inference")
    assert breached()[0] == {"I-3"}
    waiting.update(rung_at=Now())
    assert breached()[0] == set()


@pytest.mark.parametrize(
    "action",
    [
        "instance.received",
        "prediction.requested",
        "prediction.completed",
        "prediction.failed",
        "review.signed",
    ],
)
def test_i4_an_act_without_its_event(busy, action):
    event = AuditEvent.objects.filter(chain="demo", action=action).latest("seq")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            drop_triggers(cursor)
        else:
            cursor.execute("DROP TRIGGER audit_auditevent_no_change ON audit_auditevent")
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [event.pk])
    broken, words = breached()
    assert broken == {"I-4"}
    assert "has 0 events" in words
    assert f"the chain breaks at event {event.seq}" in words


@pytest.mark.parametrize("action", ["prediction.completed", "instance.received"])
def test_i4_an_act_with_two_events(busy, action):
    event = AuditEvent.objects.filter(chain="demo", action=action).latest("seq")
    record_alone(Action(action), chain="demo", subject=event.subject, by=None)
    broken, words = breached()
    assert broken == {"I-4"}
    assert f"{event.subject} has 2 events" in words


def test_i4_an_event_of_a_review_that_is_not_there(busy):
    record_alone(Action.REVIEW_SIGNED, chain="demo", subject="study:1", by=None, review=10**6)
    broken, words = breached()
    assert broken == {"I-4"}
    assert "review 1000000 has an event and no row" in words


def test_i5_a_blob_without_a_row(busy):
    sha256, _ = keep_blob(b"nobody's")
    assert breached()[0] == set()
    long_ago = time.time() - HOUR - 60
    os.utime(store.path(sha256), (long_ago, long_ago))
    broken, words = breached()
    assert broken == {"I-5"}
    assert f"blob {sha256} has no row" in words


def test_i5_a_file_left_in_incoming(busy):
    left = store.begin().finish()
    long_ago = time.time() - HOUR - 60
    os.utime(left.path, (long_ago, long_ago))
    assert breached()[0] == {"I-5"}


def test_i6_a_study_that_nobody_can_see(site, deployed):
    uploader = make_user(site, "uploader")
    study = make_study(site, by=uploader)
    broken, words = breached()
    assert broken == {"I-6"}
    assert f"demo: study {study} is unread and on nobody's worklist" in words
    RoleGrant.objects.filter(user=uploader).update(role="reader")
    assert breached()[0] == set()


def test_what_is_broken_only_for_a_moment_is_no_breach(busy, monkeypatch):
    """Work goes on while it is checked: a row may come between two looks."""
    from portal.reviews import invariants

    looks = []

    def flickering(invariant):
        looks.append(invariant)
        invariant.count += 1
        yield "always"
        if len(looks) == 1:
            yield "for a moment"

    monkeypatch.setattr(invariants, "_CHECKS", (("I-9", "x", flickering),))
    (found,) = invariants.check_invariants()
    assert (found.breaches, found.count, len(looks)) == (["always"], 1, 2)


def test_i4_an_act_on_a_model_without_its_event_or_twice(busy, deployed, reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    assert breached()[0] == set()
    record_alone(Action.MODEL_PAUSED, chain="demo", subject=f"model:{deployed}", by=None)
    broken, words = breached()
    assert broken == {"I-4"}
    assert f"demo: model:{deployed} has 2 events model.paused, not 1" in words


def test_i4_a_deployment_that_nobody_decided_on(busy, site):
    ended = {"status": "replaced", "until": Now()}
    Deployment.objects.create(site=site, model_version=make_model_version(version="9"), **ended)
    broken, words = breached()
    assert broken == {"I-4"}
    assert "has 0 events model.deployed, not 1" in words


def test_i4_a_cancellation_that_nobody_answers_for(busy):
    Prediction.objects.filter(state="queued").update(state="cancelled", finished_at=Now())
    broken, words = breached()
    assert broken == {"I-4"}
    assert "has 0 events prediction.cancelled" in words


def test_i9_a_cut_off_whose_set_is_another_and_a_signature_nobody_gave(busy, site, reviewer):
    for presence, score in (*[("present", 0.8)] * 9, *[("absent", 0.3)] * 10):
        study = scored_study(site, presence, score)
        sign_review(study=study, read=Read(presence), password=PASSWORD, by=reviewer)
    point = chosen_point(site, live_version(site))
    scored_study(site, "present", 0.45)
    assert breached()[0] == set()
    rows = OperatingPoint.objects.filter(pk=point.pk)
    rows.update(set_sha256="0" * 64)
    broken, words = breached()
    assert broken == {"I-9"}
    assert "its set does not come out again" in words
    rows.update(set_sha256=point.set_sha256, state="declined")
    broken, words = breached()
    assert broken == {"I-4"}
    assert "has 1 events operating_point.approved, not 0" in words


def test_i8_a_pause_that_nobody_made_and_one_that_nobody_ended(busy, site, deployed, reviewer):
    here = Deployment.objects.filter(site=site)
    here.update(status="paused")
    broken, words = breached()
    assert broken == {"I-8"}
    assert "nobody paused it" in words
    here.update(status="live")
    pause_model(version=deployed, reason="x", by=reviewer)
    assert breached()[0] == set()
    here.update(status="live")
    broken, words = breached()
    assert broken == {"I-8"}
    assert "it goes on, and nobody let it" in words


def long_ago() -> None:
    """Let whatever was started have been so before any pause."""
    started = Prediction.objects.exclude(started_at=None)
    started.update(started_at=Now() - timedelta(hours=1))


def test_i8_an_inference_that_was_started_while_the_model_rested(busy, site, deployed, reviewer):
    pause_model(version=deployed, reason="x", by=reviewer)
    long_ago()
    Pause.objects.update(paused_at=Now() - timedelta(seconds=10))
    late = Prediction.objects.filter(outcome="scored")
    late.update(started_at=Now() - timedelta(seconds=6), finished_at=Now())
    assert breached()[0] == set()  # a batch may be claimed in the moment of the pause
    late.update(started_at=Now() - timedelta(seconds=4))
    broken, words = breached()
    assert broken == {"I-8"}
    assert f"prediction {late.get().pk}: it was started while" in words


def test_i8_what_waits_for_a_paused_model_although_somebody_sweeps(busy, site, deployed, reviewer):
    waiting = Prediction.objects.filter(state="queued").get()
    pause_model(version=deployed, reason="x", by=reviewer)
    Prediction.objects.filter(pk=waiting.pk).update(
        state="queued", finished_at=None, rung_at=Now(), code=""
    )
    long_ago()
    Pause.objects.update(paused_at=Now() - timedelta(seconds=61))
    assert "I-8" not in breached()[0]
    say_alive(name="g", queue_name="general")
    broken, words = breached()
    assert "I-8" in broken
    assert "1 predictions wait for it" in words
