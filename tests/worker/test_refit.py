"""The round trip of docs/refit.md: signed reviews, their export, a head fitted, read in shadow."""

import re
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from inference.training.__main__ import main
from inference.training.body import load_body
from inference.training.run import read_run
from portal.predictions.challenger_services import start_shadow
from portal.predictions.models import Deployment, ModelVersion, ShadowScore
from portal.predictions.services import Answer
from portal.studies.models import Instance
from tests.factories import finish, make_prediction, make_user
from tests.inference.training.conftest import base
from tests.worker.test_export_labels import airlock, signed
from worker.labels import Wish, _Alias, export_labels, split_of
from worker.shadow import read_in_shadow

__all__ = ["airlock", "base"]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.timeout(600),  # a real fit: minutes on a slow processor
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "refit.md"
PATIENTS = [f"P{number}" for number in range(9)]


def secret_with(fewest):
    """Return a secret by which so many patients are fitted and chosen on."""
    for number in count():
        secret = bytes([number])
        splits = [split_of(_Alias(secret).number("split", f"patient {one}")) for one in PATIENTS]
        if min(splits.count("train"), splits.count("val")) >= fewest:
            return secret
    raise AssertionError("unreachable")


@pytest.fixture
def patient_database(db):
    """Let the transaction of the test wait while a head is fitted: PostgreSQL would end it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@pytest.mark.usefixtures("shipped", "patient_database")
def test_a_head_fitted_on_exported_reviews_reads_a_study_in_shadow(
    site, reviewer, airlock, base, tmp_path, settings
):
    for number, patient in enumerate(PATIENTS):
        for presence in ("absent", "present"):
            seed = 2 * number + (presence == "present")
            signed(site, reviewer, seed, presence, patient=patient)
    export_labels(Wish(site, tmp_path / "labels"), airlock, secret_with(3))
    (words,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "statements.toml").write_text(words)
    asked = ["--data", str(tmp_path / "labels"), "--recipe", "head"]
    asked += ["--base-weights", str(base), "--out", str(tmp_path / "run")]
    assert main(["fit", *asked]) == 0
    run, before = read_run(tmp_path / "run"), load_body(str(base))
    assert run.record.images["train"] >= 6
    assert run.head.blocks == (4, 5)
    assert run.body.fingerprint == before.fingerprint
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    version = _pack_and_register(tmp_path)
    assert (tmp_path / "bundles" / "vgg16-site-0.0.1" / "manifest.json").exists()
    _read_in_shadow(version, site)


def _pack_and_register(folder):
    """Steps 3 and 4: not without words of one's own, and the portal knows them."""
    asked = ["--run", str(folder / "run"), "--data", str(folder / "labels"), "--limit", "6"]
    asked += ["--out", str(folder / "vgg16-site-0.0.1"), "--name", "vgg16-site"]
    asked += ["--version", "0.0.1"]
    assert main(["pack", *asked]) == 2
    assert not (folder / "vgg16-site-0.0.1").exists()
    assert main(["pack", *asked, "--statements", str(folder / "statements.toml")]) == 0
    call_command("register_model", str(folder / "vgg16-site-0.0.1"))
    version = ModelVersion.objects.get(name="vgg16-site")
    assert "St Mary's Hospital" in version.manifest["intended_use"]["statement"]
    assert "St Mary's Hospital" in version.disclaimer
    document = version.report.document
    assert document["data"] == [
        "Frontal chest radiographs of St Mary's Hospital, signed by its own readers in 2026"
    ]
    assert "Kermany" not in version.report.text
    return version


def _read_in_shadow(version, site):
    """Step 4: what the live version has read, the new head reads too, and no reader is told."""
    images = list(Instance.objects.order_by("pk")[:4])
    answer = Answer(outcome="scored", score=0.9, finding="present")
    reads = [finish(make_prediction(image), answer) for image in images]
    scientist = make_user(site, "data_scientist")
    challenger = start_shadow(version=version, why="To see what it says.", by=scientist)
    assert not read_in_shadow()  # what was read before it came
    earlier = reads[0].requested_at - timedelta(seconds=1)
    Deployment.objects.filter(pk=challenger.pk).update(reads_from=earlier)
    while read_in_shadow():
        pass
    rows = list(ShadowScore.objects.order_by("instance"))
    assert [(row.deployment, row.instance) for row in rows] == [(challenger, one) for one in images]
    assert {row.state for row in rows} == {"done"}
    scored = [row for row in rows if row.outcome == "scored"]
    assert scored, [row.code for row in rows]
    assert all(0 < row.score < 1 for row in scored)
    assert {row.provenance["weights_sha256"] for row in scored} == {version.weights_sha256}
    assert [list(image.predictions.all()) for image in images] == [[read] for read in reads]
