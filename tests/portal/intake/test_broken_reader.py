"""A reader that breaks at the door: nobody can tell at first whether the file did it."""

import pytest

from portal import airlock
from portal.airlock import Refusal
from portal.studies.models import Instance
from tests.portal.intake.files import png

CRASHED = Refusal("airlock_crashed", "Reading the file broke the reader.", remedy="Send it again.")
TOO_LONG = Refusal("airlock_time_limit", "It took too long.", remedy="Send it again.")


@pytest.fixture
def reader(monkeypatch):
    """Have the next answers of the airlock replaced by these; return how often it was asked."""
    honest, asked = airlock.header, []

    def breaks(*answers):
        left = list(answers)

        def header(file):
            asked.append(file)
            return left.pop(0) if left else honest(file)

        monkeypatch.setattr(airlock, "header", header)
        return asked

    return breaks


@pytest.mark.usefixtures("portal_airlock", "deployed")
def test_a_reader_that_was_killed_is_asked_once_more(upload, reader):
    asked = reader(CRASHED)
    (verdict,) = upload(png())
    assert verdict.status == "accepted"
    assert len(asked) == 2


@pytest.mark.usefixtures("portal_airlock", "deployed")
def test_a_file_that_breaks_its_reader_twice_is_refused(upload, reader):
    asked = reader(CRASHED, CRASHED)
    (verdict,) = upload(png())
    assert (verdict.status, verdict.code) == ("refused", "airlock_crashed")
    assert len(asked) == 2
    assert not Instance.objects.exists()


@pytest.mark.usefixtures("portal_airlock", "deployed")
def test_a_file_that_took_too_long_is_not_tried_for_as_long_again(upload, reader):
    asked = reader(TOO_LONG)
    (verdict,) = upload(png())
    assert verdict.code == "airlock_time_limit"
    assert len(asked) == 1


@pytest.mark.usefixtures("portal_airlock", "deployed")
@pytest.mark.parametrize("answers", [(CRASHED, CRASHED), (TOO_LONG,)])
def test_a_refusal_that_says_send_it_again_is_not_what_the_key_is_answered_for_ever(
    upload, reader, answers
):
    reader(*answers)
    (refused,) = upload(png(), idempotency_key="a")
    (accepted,) = upload(png(), idempotency_key="a")
    (again,) = upload(png(), idempotency_key="a")
    assert (refused.status, accepted.status) == ("refused", "accepted")
    assert again == accepted


@pytest.mark.usefixtures("portal_airlock", "deployed")
def test_a_refusal_that_is_the_files_fault_is_what_the_key_is_answered(upload, reader):
    asked = reader()
    (first,) = upload(b"hello", idempotency_key="a")
    (again,) = upload(b"hello", idempotency_key="a")
    assert first == again
    assert first.code == "unsupported_type"
    assert len(asked) == 1
