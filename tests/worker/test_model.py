"""Which classifier answers for which version, and when none may."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
from django.db import connections
from django.db.models.functions import Now

from inference import Refusal
from inference.bundle import read_bundle
from inference.choice import EngineUnavailable
from inference.manifest import write_manifest
from inference.vgg16 import DeviceUnavailable
from portal.operations import health
from portal.predictions.models import Deployment, ModelVersion, Prediction, Worker
from portal.predictions.selectors import live_versions
from portal.predictions.version_services import register_model_version
from tests.bundles import tiny_bundle
from tests.factories import make_instance, make_model_version, make_prediction, make_study, start
from worker import golden, leases, lifecycle, model, reading, tasks

pytestmark = pytest.mark.django_db
NOTHING = [Refusal("unreadable", "Not an image.", "failed")]


def test_a_version_is_loaded_once_a_process(shipped):
    assert model.classifier_of(shipped) is model.classifier_of(shipped)
    assert model.loaded_models() == "tiny 0.0.1"


def test_the_bundle_is_found_by_name_and_version_beside_the_shipped_one(shipped, bundle, settings):
    other = tiny_bundle(bundle.parent / "tiny-0.0.2", version="0.0.2")
    settings.OVERREAD_BUNDLE = str(other)
    assert model.bundle_folder(shipped) == bundle
    assert model.classifier_of(shipped).manifest.version == "0.0.1"


def test_a_folder_of_any_name_will_do_for_the_shipped_bundle(shipped, bundle, settings):
    settings.OVERREAD_BUNDLE = str(shutil.move(bundle, bundle.parent / "current"))
    assert model.classifier_of(shipped).manifest.version == "0.0.1"


def test_another_version_in_its_place_is_not_used_for_it(shipped, bundle):
    shutil.rmtree(bundle)
    tiny_bundle(bundle, version="0.0.2")
    with pytest.raises(model.ModelUnavailable, match=r"tiny 0\.0\.1 is not at"):
        model.classifier_of(shipped)


def test_other_weights_than_those_registered_are_not_used(shipped):
    ModelVersion.objects.update(weights_sha256="0" * 64)
    shipped.refresh_from_db()
    with pytest.raises(model.ModelUnavailable, match="not those registered"):
        model.classifier_of(shipped)


def test_a_flipped_bit_is_found_before_anything_is_claimed(
    shipped, bundle, site, uploader, caplog, monkeypatch
):
    make_prediction(make_instance(make_study(site)), version=shipped)
    weights = bundle / "head.npz"
    content = bytearray(weights.read_bytes())
    content[-40] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(tasks, "airlock_listens", lambda: True)
    tasks.drain()
    row = Prediction.objects.get()
    assert (row.state, row.attempt) == ("queued", 0)
    assert "is not the file that was released" in caplog.text


def test_a_row_of_a_version_that_is_gone_fails_in_words_and_its_mates_are_read(
    shipped, site, uploader, monkeypatch
):
    monkeypatch.setattr(tasks, "airlock_listens", lambda: True)
    read = []

    def begin(_classifier, rows):
        read.extend(rows)
        return lambda: NOTHING

    monkeypatch.setattr(reading, "begin", begin)
    gone = make_prediction(make_instance(make_study(site)), version=shipped)
    here = make_prediction(make_instance(make_study(site)), version=shipped)
    Prediction.objects.filter(pk=gone.pk).update(model_version=make_model_version())
    tasks.drain()
    codes = dict(Prediction.objects.values_list("pk", "code"))
    assert codes == {gone.pk: "model_unavailable", here.pk: "unreadable"}
    assert [row.pk for row in read] == [here.pk]


def test_a_live_version_that_is_not_here_holds_no_other_up_and_is_said(
    other_site, shipped, site, monkeypatch, caplog
):
    monkeypatch.setattr(tasks, "airlock_listens", lambda: True)
    monkeypatch.setattr(reading, "begin", lambda _classifier, rows: lambda: NOTHING * len(rows))
    elsewhere = make_model_version()
    Deployment.objects.filter(site=other_site).update(model_version=elsewhere)
    lacking = make_prediction(make_instance(make_study(other_site)), version=elsewhere)
    here = make_prediction(make_instance(make_study(site)), version=shipped)
    tasks.drain()
    states = dict(Prediction.objects.values_list("pk", "state"))
    assert states == {lacking.pk: "queued", here.pk: "failed"}
    assert Prediction.objects.get(pk=lacking.pk).attempt == 0
    leases.beat()
    assert f"The bundle of {elsewhere} is not at" in Worker.objects.get().trouble
    tasks.drain()
    assert caplog.text.count(f"nothing is claimed for {elsewhere}") == 1
    Deployment.objects.filter(site=other_site).update(model_version=shipped)
    tasks.drain()
    leases.beat()
    assert Worker.objects.get().trouble == ""


def test_loading_is_said_once_a_change_of_state(shipped, bundle, caplog, monkeypatch):
    """A worker that lacks a bundle, or its device, is asked again and again."""
    caplog.set_level("INFO")
    away = shutil.move(bundle, bundle.parent / "elsewhere")
    for _ in range(3):
        model.live_classifiers()
    assert said(caplog) == [f"nothing is claimed for {shipped}"]

    def no_device(*_):
        raise DeviceUnavailable("There is no GPU here.")

    shutil.move(away, bundle)
    with monkeypatch.context() as patch:
        patch.setattr(model, "Classifier", no_device)
        for _ in range(3):
            model.live_classifiers()
    assert said(caplog)[1:] == [
        f"model {shipped} is loading",
        f"nothing is claimed for {shipped}",
    ]
    for _ in range(3):
        model.live_classifiers()
    assert said(caplog)[3:] == [f"model {shipped} is loaded after"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineUnavailable("The engine ncnn cannot run it here."), "The engine ncnn cannot run it"),
        (ValueError("weights of 64"), "are not those of its network: weights of 64."),
    ],
)
def test_why_a_network_does_not_run_here_is_said_to_who_asks(shipped, monkeypatch, error, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(model, "Classifier", fail)
    # What a thread of its own would close is the connection of the test.
    monkeypatch.setattr(connections["default"], "close", lambda: None)
    lifecycle.load_live_models()
    assert said in Worker.objects.get().trouble
    assert said in health.database_parts()[-1].reason


def said(caplog):
    """Return the lines of the worker without their ends."""
    about = r"(nothing is claimed for \S+ \S+|model \S+ \S+ is load(?:ing|ed after))"
    return [found[1].rstrip(":") for r in caplog.records if (found := re.match(about, r.message))]


@pytest.fixture
def replaced(shipped, bundle, site, uploader):
    """A version that is loaded, and was live until another took its place."""
    model.live_classifiers()
    tiny_bundle(bundle.parent / "tiny-0.0.2", version="0.0.2")
    found = read_bundle(bundle.parent / "tiny-0.0.2").manifest
    other = register_model_version(
        manifest=json.loads(write_manifest(found)), weights_sha256=found.weights_sha256
    )
    Deployment.objects.update(status="replaced", until=Now())
    Deployment.objects.create(site=site, model_version=other, status="live")
    return shipped


def loaded_now():
    """Return what is loaded after versions were looked up."""
    model.live_classifiers()
    return model.loaded_models()


def test_a_version_that_was_replaced_is_dropped_and_no_longer_checked(replaced, caplog):
    caplog.set_level("INFO")
    golden._due[replaced.pk] = 0.0
    assert loaded_now() == "tiny 0.0.2"
    assert "model tiny 0.0.1 is no longer needed here" in caplog.text
    assert replaced.pk not in golden._due
    assert model.classifier_of(replaced).manifest.version == "0.0.1"  # who asks for it has it


@pytest.mark.parametrize("begin", [lambda row: row, start], ids=["queued", "running"])
def test_while_a_row_is_not_done_with_its_version_stays(replaced, site, begin):
    row = make_prediction(make_instance(make_study(site)))
    Prediction.objects.update(model_version=replaced)
    begin(row)
    assert loaded_now() == "tiny 0.0.1, tiny 0.0.2"
    Prediction.objects.all().delete()
    assert loaded_now() == "tiny 0.0.2"


@pytest.mark.parametrize("status", ["shadow", "paused"])
def test_what_is_tried_or_may_be_resumed_at_any_site_stays(replaced, other_site, uploader, status):
    tried = {"reads_from": Now(), "started_by": uploader, "why": "Better."}
    here = {"site": other_site, "model_version": replaced, "status": status}
    row = Deployment.objects.create(**here, **(tried if status == "shadow" else {}))
    assert loaded_now() == "tiny 0.0.1, tiny 0.0.2"
    Deployment.objects.filter(pk=row.pk).update(status="replaced", until=Now())
    assert loaded_now() == "tiny 0.0.2"


def test_two_threads_may_look_and_load_at_once(shipped, monkeypatch):
    """The heartbeat tells what is loaded while the warm-up loads; both settle what was missing."""

    class Loading:
        device = "cpu"

        @property
        def manifest(self):
            model._loaded[len(model._loaded)] = self  # meanwhile the other thread is done
            return SimpleNamespace(name="tiny", version="9")

    class Missing(dict):
        def __iter__(self):
            return iter([*self.keys(), 999])  # which the other thread has just settled

    monkeypatch.setattr(model, "_loaded", {-1: Loading(), -2: Loading()})
    monkeypatch.setattr(model, "_trouble", Missing())
    assert model.loaded_models() == "tiny 9, tiny 9"
    monkeypatch.setattr(model, "_loaded", {})
    assert model.live_classifiers()[1] == []


def test_only_versions_that_are_live_somewhere_are_loaded_ahead(shipped, other_site):
    assert list(live_versions()) == [shipped]
