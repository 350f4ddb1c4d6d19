"""A worker that computes other scores than were computed once claims nothing, and says so."""

import dataclasses
import time
from types import SimpleNamespace

import pytest
from django.db import connections

from inference.airlock.client import AirlockUnavailable
from inference.bundle import read_bundle
from inference.engines import DenseHead
from inference.manifest import write_manifest
from portal.audit.models import AuditEvent
from portal.operations import health
from portal.predictions.models import Prediction, Worker
from tests.bundles import golden_bundle
from tests.factories import make_instance, make_prediction, make_study
from worker import golden, leases, lifecycle, model, tasks
from worker.shipping import deploy_everywhere, register_shipped_model, shipped_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_connection(db, monkeypatch):
    """What a thread of its own would close is the connection of the test."""
    monkeypatch.setattr(connections["default"], "close", lambda: None)


@pytest.fixture
def live(bundle, airlock, site, settings):
    """A live version whose bundle has a golden image."""
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    golden_bundle(bundle, airlock)
    version = register_shipped_model(shipped_manifest())
    deploy_everywhere(version)
    return version


def disturb(version):
    """Change a weight in the memory of this process."""
    kernel, _, _ = model.classifier_of(version)._head._layers[0]
    kernel *= 1.01


def a_day_later(monkeypatch):
    later = time.monotonic() + golden.EVERY_SECONDS + 1
    monkeypatch.setattr(golden, "time", SimpleNamespace(monotonic=lambda: later))


def test_a_sound_worker_is_checked_and_claims(live, uploader, site, caplog):
    caplog.set_level("INFO")
    make_prediction(make_instance(make_study(site)), version=live)
    tasks.drain()
    assert Prediction.objects.get().state == "failed"  # it is no image, but it was claimed
    assert f"the golden image of {live} scores as it must" in caplog.text
    assert golden.drift() == ""


def test_a_worker_that_drifts_claims_nothing_any_more_and_says_so(
    live, uploader, site, monkeypatch, caplog
):
    lifecycle.load_live_models()
    assert health.database_parts()[-1].is_up
    disturb(live)
    make_prediction(make_instance(make_study(site)), version=live)
    a_day_later(monkeypatch)
    lifecycle.load_live_models()
    tasks.drain()
    row = Prediction.objects.get()
    assert (row.state, row.attempt) == ("queued", 0)
    assert "nothing is claimed any more" in caplog.text
    worker = Worker.objects.get()
    assert worker.model == ""
    assert (
        f"drifts and reads nothing any more: of {live}, the golden image scores" in worker.trouble
    )
    model_part = health.database_parts()[-1]
    assert (model_part.name, model_part.is_up) == ("model", False)
    assert worker.trouble in model_part.reason


def test_a_drift_is_in_the_trail_once_and_does_not_pass(live, monkeypatch):
    lifecycle.load_live_models()
    disturb(live)
    for _ in range(2):
        a_day_later(monkeypatch)
        lifecycle.load_live_models()
    event = AuditEvent.objects.get(action="model.drifted")
    assert (event.chain, event.subject) == ("system", f"model:{live}")
    assert "the golden image scores" in event.detail["why"]
    kernel, _, _ = model.classifier_of(live)._head._layers[0]
    kernel /= 1.01
    a_day_later(monkeypatch)
    lifecycle.load_live_models()
    assert golden.drift()


def test_it_is_checked_again_a_day_later_and_not_before(live, monkeypatch):
    lifecycle.load_live_models()
    disturb(live)
    lifecycle.load_live_models()
    assert golden.drift() == ""
    a_day_later(monkeypatch)
    lifecycle.load_live_models()
    assert golden.drift()


@pytest.fixture
def packed_elsewhere(bundle, airlock, site, settings):
    """A live version that was packed on another engine, whose scores may lie 1e-3 off."""
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    manifest = read_bundle(golden_bundle(bundle, airlock)).manifest
    other = dataclasses.replace(manifest.golden, engine="another 1 cpu")
    said = write_manifest(dataclasses.replace(manifest, golden=other))
    (bundle / "manifest.json").write_text(said)
    version = register_shipped_model(shipped_manifest())
    deploy_everywhere(version)
    lifecycle.load_live_models()
    return version


def test_a_process_is_held_to_its_own_first_score(packed_elsewhere, monkeypatch):
    _, bias, _ = model.classifier_of(packed_elsewhere)._head._layers[0]
    bias += 0.002
    a_day_later(monkeypatch)
    lifecycle.load_live_models()
    assert "in this process it was" in golden.drift()


def test_so_it_is_when_a_version_is_loaded_again(packed_elsewhere, monkeypatch):
    golden.forget(packed_elsewhere.pk)
    model._loaded.clear()
    monkeypatch.setattr(DenseHead, "logits", shifted(DenseHead.logits))
    lifecycle.load_live_models()
    assert "in this process it was" in golden.drift()


def shifted(logits):
    """Return what computes logits a little too high."""
    return lambda head, features: logits(head, features) + 0.002


def test_another_worker_that_is_sound_keeps_the_model_up_and_the_drift_is_still_said(
    live, monkeypatch
):
    Worker.objects.all().delete()
    lifecycle.load_live_models()
    leases.say_alive(name="sound", queue_name="inference", model=str(live))
    disturb(live)
    a_day_later(monkeypatch)
    lifecycle.load_live_models()
    part = health.database_parts()[-1]
    assert part.is_up
    assert "drifts" in part.reason


def test_a_bundle_from_before_goes_on_and_the_log_says_that_nothing_is_checked(shipped, caplog):
    model.live_classifiers()
    assert f"no golden image in the bundle of {shipped}" in caplog.text
    assert model.loaded_models() == "tiny 0.0.1"
    assert golden.drift() == ""


def test_while_nobody_opens_the_picture_nothing_is_loaded(live, settings, airlock, tmp_path):
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody.sock")
    with pytest.raises(AirlockUnavailable):
        lifecycle.load_live_models()
    assert model.loaded_models() == ""
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    lifecycle.load_live_models()
    assert model.loaded_models() == "tiny 0.0.1"
