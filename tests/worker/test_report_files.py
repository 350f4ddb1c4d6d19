"""The report of a bundle: read once, looked over, and refused in a sentence."""

import json

import pytest

from inference import BundleBroken
from portal.audit.models import AuditEvent
from portal.errors import Conflict
from portal.predictions.models import ModelReport, ReportPicture
from tests.reports import document, png
from worker import report_files
from worker.report_files import read_report
from worker.shipping import register_shipped_model, shipped_manifest

pytestmark = pytest.mark.django_db


@pytest.fixture
def manifest(bundle):
    return shipped_manifest()


@pytest.fixture
def reported(bundle, manifest):
    """The tiny bundle with a report of its own weights and one picture."""
    write(bundle, document(weights_sha256=manifest.weights_sha256))
    (bundle / "pictures").mkdir()
    (bundle / "pictures" / "val-roc.png").write_bytes(png())
    return bundle


def write(bundle, what) -> None:
    text = what if isinstance(what, str) else json.dumps(what)
    (bundle / "report.json").write_text(text, encoding="utf-8")


def test_report_and_pictures_are_stored_with_the_version(reported, manifest):
    version = register_shipped_model(manifest)
    picture = ReportPicture.objects.get(report=version.report)
    assert version.report.document["splits"]["test_internal"]["auc"] == 0.957
    assert (picture.name, bytes(picture.content)) == ("val-roc.png", png())
    event = AuditEvent.objects.get(action="model.reported")
    assert (event.chain, event.subject) == ("system", f"model:{version}")


def test_registered_again_it_is_the_same_row(reported, manifest):
    first = register_shipped_model(manifest)
    assert register_shipped_model(manifest) == first
    assert (ModelReport.objects.count(), ReportPicture.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="model.reported").count() == 1


def test_a_version_without_a_report_gets_it_later(bundle, manifest):
    version = register_shipped_model(manifest)
    assert not ModelReport.objects.exists()
    write(bundle, document(weights_sha256=manifest.weights_sha256))
    assert register_shipped_model(manifest) == version
    assert ModelReport.objects.get().model_version == version


def test_a_report_that_is_gone_again_stays_stored(reported, manifest):
    register_shipped_model(manifest)
    (reported / "report.json").unlink()
    register_shipped_model(manifest)
    assert ModelReport.objects.count() == 1


def test_another_report_of_the_same_version_is_refused(reported, manifest):
    register_shipped_model(manifest)
    write(reported, document(weights_sha256=manifest.weights_sha256, created="2026-12-01"))
    with pytest.raises(Conflict, match="another report"):
        register_shipped_model(manifest)


def test_another_picture_is_another_report(reported, manifest):
    register_shipped_model(manifest)
    (reported / "pictures" / "val-roc.png").write_bytes(png(7))
    with pytest.raises(Conflict, match="another report"):
        register_shipped_model(manifest)


@pytest.mark.parametrize("schema", [None, 1, 3, "2"])
def test_a_report_of_another_schema_is_none(bundle, manifest, schema):
    write(bundle, document(schema=schema, weights_sha256=manifest.weights_sha256))
    assert read_report(bundle, manifest) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not valid JSON"),
        ('{"schema": 2, "a": NaN}', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[2]", "not an object"),
        ('{"schema": 2, "a": "\\u0000"}', "not an object of plain text"),
        ('{"schema": 2, "weights_sha256": "0"}', "about other weights"),
        ('{"a": "' + "x" * report_files.MAX_REPORT + '"}', "larger than 1 MB"),
    ],
)
def test_what_is_no_report_is_refused(bundle, manifest, text, says):
    write(bundle, text)
    with pytest.raises(BundleBroken, match=says):
        register_shipped_model(manifest)
    assert not ModelReport.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ROC.png", png(), "is not named"),
        ("roc curve.png", png(), "is not named"),
        ("roc.svg", png(), "is not named"),
        (f"{'x' * 61}.png", png(), "is not named"),
        ("roc.png", b"GIF89a", "roc.png is not a PNG"),
        ("roc.png", b"", "roc.png is not a PNG"),
        ("roc.png", png() + b"x" * report_files.MAX_PICTURE, "larger than 2 MB"),
    ],
)
def test_what_is_no_picture_is_refused(reported, manifest, name, content, says):
    (reported / "pictures" / name).write_bytes(content)
    with pytest.raises(BundleBroken, match=says):
        register_shipped_model(manifest)


def test_a_folder_in_the_place_of_a_picture_is_refused(reported, manifest):
    (reported / "pictures" / "folder.png").mkdir()
    with pytest.raises(BundleBroken, match=r"folder\.png cannot be read"):
        read_report(reported, manifest)


def test_more_pictures_than_forty_are_refused(reported, manifest):
    for number in range(report_files.MOST_PICTURES):
        (reported / "pictures" / f"{number}.png").write_bytes(png())
    with pytest.raises(BundleBroken, match="has 41 pictures; 40 are allowed"):
        read_report(reported, manifest)
    (reported / "pictures" / "0.png").unlink()
    found = read_report(reported, manifest)
    assert found
    assert len(found.pictures) == report_files.MOST_PICTURES
