"""A widening from its signatures to the score: it counts at the moment of reading, for its site."""

from datetime import timedelta

import pytest

from portal.errors import Conflict
from portal.predictions.models import Prediction
from portal.predictions.operator_services import NotFailed, retry_prediction
from portal.predictions.services import claim_predictions
from portal.predictions.widening_services import (
    approve_widening,
    propose_widening,
    withdraw_widening,
)
from portal.predictions.wider import Wider
from tests.airlock_server import running
from tests.dicom_files import png_chest
from tests.factories import PASSWORD, make_instance, make_prediction, make_study, make_user
from worker.reading import open_files, settle_all

pytestmark = pytest.mark.django_db
ADULT = {"age_years": 40, "view": "AP"}


@pytest.fixture(autouse=True)
def airlock(tmp_path, settings):
    with running(tmp_path / "airlock.sock") as door:
        settings.OVERREAD_AIRLOCK_SOCKET = str(door.socket)
        yield


@pytest.fixture
def widened(site, shipped):
    """Let the site score adults, and return that with the person who signed last."""
    scientist, admin = make_user(site, "data_scientist"), make_user(site, "site_admin")
    said = {"why": "Ours.", "password": PASSWORD, "by": scientist}

    def sign():
        row = propose_widening(version=shipped, wider=Wider(age_years=(0, 130)), **said)
        return approve_widening(widening=row, password=PASSWORD, by=admin), admin

    return sign


def send(site, version, **facts):
    image = make_instance(make_study(site), content=png_chest(), facts=ADULT | facts)
    return make_prediction(image, version=version)


def work():
    """Read and settle everything that waits, as a drain does."""
    while batch := claim_predictions(limit=8, worker="w", lease=timedelta(minutes=1)):
        settle_all(batch, open_files(batch)())


def ending(prediction):
    prediction.refresh_from_db()
    return prediction.outcome, prediction.code, prediction.widening


def test_refused_then_widened_then_refused_again(site, shipped, widened):
    first = send(site, shipped)
    work()
    assert ending(first) == ("not_applicable", "age_outside_range", None)
    widening, admin = widened()
    second = send(site, shipped)
    work()
    assert ending(second) == ("scored", "", widening)
    assert second.provenance["outside_use"] == ["age_outside_range"]
    assert second.score is not None
    withdraw_widening(widening=widening, reason="Alarms.", by=admin)
    third = send(site, shipped)
    work()
    assert ending(third) == ("not_applicable", "age_outside_range", None)
    assert ending(second) == ("scored", "", widening)  # what was scored says so for ever


def test_a_batch_mixes_sites_and_only_one_is_widened(site, other_site, shipped, widened):
    widening, _ = widened()
    here, abroad = send(site, shipped), send(other_site, shipped)
    work()
    assert ending(here) == ("scored", "", widening)
    assert ending(abroad) == ("not_applicable", "age_outside_range", None)


def test_what_the_model_was_made_for_is_not_said_to_be_widened(site, shipped, widened):
    widened()
    child = send(site, shipped, age_years=4)
    work()
    assert ending(child) == ("scored", "", None)


def test_what_the_widening_does_not_name_stays_refused(site, shipped, widened):
    widened()
    lateral = send(site, shipped, view="LL")
    work()
    assert ending(lateral) == ("not_applicable", "view_not_frontal", None)


def test_what_waited_when_it_was_taken_back_is_refused(site, shipped, widened):
    widening, admin = widened()
    waiting = send(site, shipped)
    withdraw_widening(widening=widening, reason="Alarms.", by=admin)
    work()
    assert ending(waiting) == ("not_applicable", "age_outside_range", None)


def test_what_was_refused_before_is_read_again_when_somebody_asks(site, shipped, widened):
    operator = make_user(site, "pacs_admin")
    refused = send(site, shipped)
    work()
    refused.refresh_from_db()
    with pytest.raises(NotFailed):
        retry_prediction(prediction=refused, by=operator)
    widening, _ = widened()
    again = retry_prediction(prediction=refused, by=operator)
    with pytest.raises(Conflict):
        retry_prediction(prediction=refused, by=operator)
    work()
    assert ending(again) == ("scored", "", widening)
    assert Prediction.objects.filter(instance=refused.instance).count() == 2


def test_what_the_widening_did_not_help_is_not_asked_for_again(site, shipped, widened):
    operator = make_user(site, "pacs_admin")
    widened()
    lateral = send(site, shipped, view="LL")
    work()
    lateral.refresh_from_db()
    with pytest.raises(NotFailed):
        retry_prediction(prediction=lateral, by=operator)
