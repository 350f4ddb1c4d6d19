import pytest
from django.db import IntegrityError, transaction

from portal.studies.models import Instance, Series, Study
from portal.studies.selectors import (
    NoSuchInstance,
    NoSuchStudy,
    identified,
    instance_of,
    instance_with_bytes,
    matching,
    study_of,
    visible_instances,
    visible_studies,
)
from tests.factories import make_instance, make_study

BAD_UIDS = ["", "x", "1", "1.02", "1..2", "1.2\n", "../../evil", "3.1", "1.2 "]
ROLES_THAT_SEE = ["reader", "reviewer", "adjudicator", "pacs_admin"]


@pytest.mark.parametrize("uid", BAD_UIDS)
def test_the_database_refuses_what_is_no_uid(site, uid):
    study = make_study(site)
    series = Series.objects.create(study=study, series_instance_uid="1.2.3")
    for write in (
        lambda: make_study(site, study_instance_uid=uid),
        lambda: Series.objects.create(study=study, series_instance_uid=uid),
        lambda: Instance.objects.create(
            site=site, series=series, sop_instance_uid=uid, sop_class_uid="1.2", kind="dicom",
            sha256="0" * 64, size=1, rows=1, columns=1, received_by=study.received_by,
        ),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 63 + "\n"])
def test_the_database_refuses_what_is_no_hash(site, sha256):
    from django.db import DatabaseError

    instance = make_instance(make_study(site))
    with pytest.raises(DatabaseError), transaction.atomic():
        Instance.objects.filter(pk=instance.pk).update(sha256=sha256)


def test_a_study_is_once_at_a_site(site, other_site):
    study = make_study(site)
    make_study(other_site, study_instance_uid=study.study_instance_uid)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_study(site, study_instance_uid=study.study_instance_uid)


def test_an_instance_is_once_at_a_site(site, other_site):
    instance = make_instance(make_study(site))
    make_instance(make_study(other_site), sop_instance_uid=instance.sop_instance_uid)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_instance(make_study(site), sop_instance_uid=instance.sop_instance_uid)


@pytest.mark.parametrize("role", ROLES_THAT_SEE)
def test_these_see_all_of_their_site_and_nothing_of_another(site, other_site, request, role):
    person = request.getfixturevalue(role)
    mine, other = make_study(site), make_study(other_site)
    instance = make_instance(mine)
    make_instance(other)
    assert list(visible_studies(person)) == [mine]
    assert list(visible_instances(person)) == [instance]
    assert study_of(person, mine.study_instance_uid) == mine
    with pytest.raises(NoSuchStudy):
        study_of(person, other.study_instance_uid)


@pytest.mark.parametrize("role", ["data_scientist", "auditor", "site_admin"])
def test_these_see_none(site, request, role):
    make_instance(make_study(site))
    person = request.getfixturevalue(role)
    assert not visible_studies(person).exists()
    assert not visible_instances(person).exists()


def test_an_uploader_sees_what_they_sent(site, uploader, reader):
    theirs, shared = make_study(site, by=reader), make_study(site, by=reader)
    make_instance(theirs, by=reader)
    hers = make_instance(shared, by=reader)
    mine = make_instance(shared, by=uploader)
    assert list(visible_studies(uploader)) == [shared]
    assert list(visible_instances(uploader)) == [mine]
    assert instance_of(uploader, shared, mine.sop_instance_uid) == mine
    with pytest.raises(NoSuchInstance):
        instance_of(uploader, shared, hers.sop_instance_uid)
    with pytest.raises(NoSuchStudy):
        study_of(uploader, theirs.study_instance_uid)


def test_a_closed_account_sees_nothing(site, reviewer):
    make_instance(make_study(site))
    reviewer.is_active = False
    assert not visible_studies(reviewer).exists()


def test_a_search_finds_id_and_accession_whole_and_a_part_of_the_name(site):
    study = make_study(site, patient_id="P-77", accession_number="ACC9", patient_name="Müller^Jörg")
    make_study(site, patient_id="P-771", patient_name="Meier^Jo")
    for words in ("P-77", "p-77", "ACC9", "Müller", "Jörg"):
        assert list(matching(Study.objects.all(), words)) == [study], words
    assert matching(Study.objects.all(), "").count() == 2
    assert not matching(Study.objects.all(), "P-7").exists()


def test_an_identified_study_matches_everything_that_is_said(site):
    study = make_study(site, patient_id="P1", accession_number="A1", patient_name="Doe^Jane")
    make_study(site, patient_id="P1", accession_number="A2", patient_name="Doe^John")
    rows = Study.objects.all()
    assert identified(rows, patient_id="P1").count() == 2
    assert list(identified(rows, patient_id="P1", accession_number="A1")) == [study]
    assert list(identified(rows, patient_name="jane")) == [study]
    assert not identified(rows, patient_id="p1").exists()


def test_bytes_are_known_at_their_own_site_alone(site, other_site):
    instance = make_instance(make_study(site))
    assert instance_with_bytes(site, instance.sha256) == instance
    assert instance_with_bytes(other_site, instance.sha256) is None
