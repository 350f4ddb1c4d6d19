"""The demo signs made-up studies for a refit; nowhere else does a program sign anything."""

import io

import pydicom
import pytest
from django.core.management import CommandError, call_command

from inference.samples import practice_samples
from portal.accounts.models import User
from portal.predictions.services import Answer
from portal.reviews.models import Review
from tests.factories import finish, make_instance, make_prediction, make_study, make_user
from worker import demo
from worker.demo_reviews import COMMENT

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_the_demo(shipped, own_data_folder):
    """The demo's sites and people, as ``serve --demo`` makes them."""
    demo.make_sites_and_users(demo.demo_password())


@pytest.fixture
def front_door(site, monkeypatch):
    """A front door that stores what is sent and has it read: present, whatever it is."""

    def upload(samples, address, origin):
        return [taken(sample) for sample in samples]

    def taken(sample):
        uid = str(pydicom.dcmread(io.BytesIO(sample.content)).StudyInstanceUID)
        study = site.studies.filter(study_instance_uid=uid).first()
        if study is None:
            study = make_study(site, study_instance_uid=uid)
            answer = Answer(outcome="scored", score=0.9, finding="present")
            finish(make_prediction(make_instance(study)), answer)
        return {"filename": sample.filename, "study_instance_uid": uid, "prediction": None}

    monkeypatch.setattr(demo, "upload", upload)


def signed(*more):
    said = io.StringIO()
    call_command("sign_demo", *more, stdout=said)
    return said.getvalue()


@pytest.mark.usefixtures("at_the_demo", "front_door")
def test_its_reviewer_signs_what_was_drawn_and_says_why_where_the_ai_says_otherwise():
    assert "4 studies signed by the demo's reviewer" in signed("--studies", "4")
    reviews = Review.objects.order_by("study__study_instance_uid")
    assert [(one.finding.presence, one.finding.reason_code) for one in reviews] == [
        ("absent", "OTHER"), ("present", ""), ("absent", "OTHER"), ("present", ""),
    ]  # fmt: skip
    assert {one.reviewer.username for one in reviews} == {"reviewer"}
    assert reviews[0].finding.comment == COMMENT
    assert {one.finding.stage for one in reviews} == {"after"}
    assert "0 studies signed" in signed("--studies", "4")


@pytest.mark.usefixtures("shipped", "own_data_folder", "front_door")
def test_where_there_never_was_a_demo_nothing_is_sent_or_signed(site):
    make_user(site, "reviewer", username="reviewer")
    with pytest.raises(CommandError, match="This is not the demo"):
        signed()
    assert not Review.objects.exists()
    assert not site.studies.exists()


@pytest.mark.usefixtures("at_the_demo", "front_door")
def test_a_reviewer_whose_password_is_no_longer_the_demos_is_a_person(site):
    person = User.objects.get(username="reviewer")
    person.set_password("of their own, 1 secret")
    person.save()
    with pytest.raises(CommandError, match="This is not the demo"):
        signed()
    assert not site.studies.exists()


@pytest.mark.usefixtures("at_the_demo")
def test_another_machine_is_not_the_demo_and_who_does_not_answer_is_said():
    with pytest.raises(CommandError, match="on this machine only"):
        signed("--url", "https://hospital.example")
    with pytest.raises(CommandError, match=r"does not answer at http://127\.0\.0\.1:9"):
        signed("--url", "http://127.0.0.1:9", "--studies", "1")


def test_what_is_sent_is_made_up_and_says_so():
    samples = practice_samples(4)
    files = [pydicom.dcmread(io.BytesIO(one.content)) for one in samples]
    assert [str(one.PatientName) for one in files] == ["Demo^Practice"] * 4
    assert (
        len({one.PatientID for one in files}) == len({one.StudyInstanceUID for one in files}) == 4
    )
    clear, hazy = (
        [one.pixel_array.mean() for one, sample in zip(files, samples, strict=True)
         if word in sample.filename]
        for word in ("clear", "hazy")
    )  # fmt: skip
    assert max(hazy) < min(clear)  # MONOCHROME1: less is whiter
    assert [one.content for one in samples] == [one.content for one in practice_samples(4)]
