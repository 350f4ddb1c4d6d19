"""Stored scores come out again, or the trail says which did not."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.predictions.models import Prediction
from portal.predictions.replay_selectors import not_reproduced_lately
from portal.studies.blobs import store
from tests.dicom_files import child_chest, png_chest
from tests.factories import make_instance, make_prediction, make_study
from tests.portal.reviews.signed_worlds import chosen_point, sign_studies
from worker import golden, model, tasks
from worker.shipping import deploy_everywhere, register_shipped_model, shipped_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(bundle, airlock, site, settings):
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    version = register_shipped_model(shipped_manifest())
    deploy_everywhere(version)
    return version


@pytest.fixture
def scored(live, site, uploader):
    """Two predictions of real files, read by a real worker."""
    for content in (child_chest(), png_chest()):
        make_prediction(make_instance(make_study(site), content=content), version=live)
    tasks.drain()
    rows = list(Prediction.objects.order_by("requested_at"))
    assert [row.outcome for row in rows] == ["scored", "scored"]
    return rows


@pytest.fixture
def replay(capsys):
    """Run the command and return its exit code and what it printed."""

    def run(*arguments):
        code = 0
        try:
            call_command("replay", *arguments)
        except SystemExit as end:
            code = end.code
        return code, capsys.readouterr().out

    return run


def alerts():
    events = AuditEvent.objects.filter(action="prediction.not_reproduced")
    return [(e.chain, e.subject, e.detail["code"]) for e in events]


def test_a_score_is_stored_with_all_that_replaying_needs(scored, live):
    said = scored[0].provenance
    assert said["calibration"] == {"slope": 1.0, "intercept": 0.0}
    assert set(said["libraries"]) == {"imagecodecs", "numpy", "pillow", "pydicom"}
    assert said["weights_sha256"] == live.weights_sha256
    assert said["preprocessing"] == "squash-bilinear-1"
    assert len(said["pixel_sha256"]) == 64
    assert isinstance(said["logit"], float)


def test_what_was_stored_comes_out_again(scored, replay, site):
    assert replay() == (0, "2 of 2 scores were reproduced\n")
    assert replay("--site", "demo", "--sample", "1") == (0, "1 of 1 scores were reproduced\n")
    assert alerts() == []
    assert not_reproduced_lately(site) is None


def test_a_changed_score_is_found_and_told(scored, replay, site):
    changed, sound = scored
    Prediction.objects.filter(pk=changed.pk).update(score=changed.score + 2e-4)
    code, said = replay()
    assert code == 1
    assert f"{changed.pk} at Demo hospital: other_score" in said
    assert "1 of 2 scores were reproduced" in said
    assert alerts() == [("demo", f"prediction:{changed.pk}", "other_score")]
    assert replay("--prediction", str(sound.pk))[0] == 0
    assert replay("--prediction", str(changed.pk))[0] == 1
    seen = not_reproduced_lately(site)
    assert seen is not None
    assert seen.subjects == 1


def test_by_another_engine_a_little_more_is_allowed(scored, replay):
    row = scored[0]
    row.provenance["engine"] = "tiny 1 numpy 1.0"
    changed = {"score": row.score + 2e-4, "provenance": row.provenance}
    Prediction.objects.filter(pk=row.pk).update(**changed)
    assert replay()[0] == 0
    Prediction.objects.filter(pk=row.pk).update(score=row.score + 2e-3)
    assert replay()[0] == 1


def test_a_missing_file_says_so(scored, replay):
    store.path(scored[0].instance.sha256).unlink()
    code, said = replay()
    assert code == 1
    assert "file_missing: There is no score now. The file is no longer where it was stored" in said
    assert [code for *_, code in alerts()] == ["file_missing"]


@pytest.mark.parametrize(
    ("key", "code"), [("pixel_sha256", "other_pixels"), ("weights_sha256", "other_weights")]
)
def test_other_pixels_and_other_weights_have_a_name(scored, replay, key, code):
    row = scored[0]
    row.provenance[key] = "0" * 64
    row.provenance["libraries"]["pillow"] = "1.0"
    Prediction.objects.filter(pk=row.pk).update(provenance=row.provenance)
    assert replay("--prediction", str(row.pk))[0] == 1
    assert [code for *_, code in alerts()] == [code]
    why = AuditEvent.objects.get(action="prediction.not_reproduced").detail["why"]
    assert ("pillow was 1.0" in why) is (code == "other_pixels")


@pytest.mark.parametrize("change", [{"threshold": 0.123}, {"finding": "present"}])
def test_another_finding_of_the_same_score_is_found(scored, replay, change):
    row = scored[0]
    Prediction.objects.filter(pk=row.pk).update(**change)
    assert replay("--prediction", str(row.pk))[0] == 1
    assert [code for *_, code in alerts()] == ["other_finding"]


def test_the_cut_off_of_the_site_is_no_difference(live, replay, site, uploader):
    sign_studies(site, live, uploader)
    point = chosen_point(site, live)
    make_prediction(make_instance(make_study(site), content=child_chest()), version=live)
    tasks.drain()
    row = Prediction.objects.get(operating_point=point)
    assert (row.threshold, row.finding) == (0.4, "present" if row.score >= 0.4 else "absent")
    assert replay("--prediction", str(row.pk))[0] == 0
    Prediction.objects.filter(pk=row.pk).update(threshold=live.threshold)
    assert replay("--prediction", str(row.pk))[0] == 1
    why = AuditEvent.objects.get(action="prediction.not_reproduced").detail["why"]
    assert "the cut-off of First spring at" in why


def test_a_bundle_that_is_gone_says_so(scored, replay, bundle, monkeypatch):
    monkeypatch.setattr(model, "_loaded", {})
    (bundle / "head.npz").unlink()
    code, said = replay("--sample", "1")
    assert code == 1
    assert "model_unavailable: tiny-0.0.1 lacks head.npz" in said


def test_a_worker_that_drifts_itself_is_no_measure(scored, monkeypatch):
    monkeypatch.setitem(golden._drift, 1, "It drifts.")
    with pytest.raises(CommandError, match=r"Nothing can be compared here: It drifts") as refusal:
        call_command("replay")
    assert refusal.value.returncode == 2
    assert alerts() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--prediction", str(uuid.uuid4())], "There is no scored prediction"),
        (["--site", "nowhere"], "nowhere"),
        (["--sample", "0"], "at least 1 is expected"),
        (["--prediction", "1"], "invalid UUID"),
    ],
)
def test_what_cannot_be_looked_at_is_a_usage_error(live, arguments, sentence):
    with pytest.raises(CommandError, match=sentence) as refusal:
        call_command("replay", *arguments)
    assert refusal.value.returncode in (1, 2)  # on a command line argparse's own are 2


def test_a_prediction_of_another_site_is_not_of_this_one(scored, other_site):
    with pytest.raises(CommandError, match="is not of other") as refusal:
        call_command("replay", "--site", "other", "--prediction", str(scored[0].pk))
    assert refusal.value.returncode == 2


def test_without_an_airlock_nothing_is_looked_at(live, settings, tmp_path):
    settings.OVERREAD_AIRLOCK_SOCKET = str(tmp_path / "nobody.sock")
    with pytest.raises(CommandError, match="start Overread first") as refusal:
        call_command("replay")
    assert refusal.value.returncode == 2
