"""Reports of model versions, straight at the database."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from portal.predictions.models import ModelReport, ReportPicture
from tests.reports import document, make_report, png

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(model_version):
    return make_report(model_version)


def test_a_version_has_one_report(report):
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelReport.objects.create(model_version=report.model_version, text="{}")


def test_the_parts_keep_their_order(report):
    report.refresh_from_db()
    assert list(report.document["training"]["images"]) == ["train", "val"]
    assert list(report.document) == list(document())


@pytest.mark.parametrize(
    "wrong", [{"name": "network.png"}, {"name": "Roc.png"}, {"name": "roc"}, {"sha256": "x" * 64}]
)
def test_a_picture_is_named_once_and_plainly_and_its_hash_is_hex(report, wrong):
    fields = {"name": "roc.png", "sha256": "0" * 64} | wrong
    with pytest.raises(IntegrityError), transaction.atomic():
        ReportPicture.objects.create(report=report, content=png(), **fields)


@pytest.mark.parametrize("table", ["predictions_modelreport", "predictions_reportpicture"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_was_measured_is_never_changed(report, table, statement):
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
