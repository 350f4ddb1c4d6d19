import re

import pytest
from django.test import Client
from django.urls import reverse

from portal.reviews.services import Read, sign_review
from portal.web import listing
from tests.factories import (
    DISCLAIMER,
    PASSWORD,
    failed_study,
    make_instance,
    make_prediction,
    make_study,
    not_applicable_study,
    scored_study,
    start,
)
from tests.portal.web.pages import NUMBER, at, events, prose_of, text_of

pytestmark = pytest.mark.django_db


def rows_of(response) -> list[str]:
    """Return the rows of the list as words."""
    rows = re.findall(r"<tr>(.*?)</tr>", text_of(response), re.S)[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_an_empty_list_says_what_to_do_next(reviewer, as_):
    response = as_(reviewer).get(at("worklist"))
    assert "No studies yet" in prose_of(response)
    assert at("upload") in text_of(response)


def test_each_study_says_how_far_machine_and_people_are(site, reviewer, as_, deployed):
    signed = scored_study(site)
    sign_review(study=signed, read=Read("present"), password=PASSWORD, by=reviewer)
    scored_study(site)
    not_applicable_study(site)
    failed_study(site)
    make_prediction(make_instance(make_study(site)))
    start(make_prediction(make_instance(make_study(site))))
    make_instance(make_study(site))
    states = [
        ("Without AI", "Not read"),
        ("Running", "Not read"),
        ("Waiting", "Not read"),
        ("Failed", "Not read"),
        ("Not applicable", "Not read"),
        ("Scored", "AI only"),
        ("Scored", "Signed"),
    ]
    rows = rows_of(as_(reviewer).get(at("worklist")))
    assert len(rows) == len(states)
    for row, (machine, report) in zip(rows, states, strict=True):
        assert machine in row
        assert report in row
    assert "Dr reviewer pneumonia present" in rows[-1]


def test_the_list_never_says_what_the_machine_said(site, reviewer, as_):
    scored_study(site, score=0.87)
    response = as_(reviewer).get(at("worklist"))
    assert "suggest" not in text_of(response)
    assert not NUMBER.search(prose_of(response))
    assert DISCLAIMER not in text_of(response)


def test_names_cannot_break_out_of_the_page(site, reviewer, as_):
    hostile = '<script>alert(1)</script>^"onload'
    make_instance(make_study(site, patient_name=hostile, patient_id="<img src=x onerror=y>"))
    html = text_of(as_(reviewer).get(at("worklist")))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, &quot;onload" in html


def test_another_sites_studies_are_not_listed(site, other_site, reviewer, as_):
    scored_study(other_site)
    assert rows_of(as_(reviewer).get(at("worklist"))) == []


def test_an_uploader_sees_their_own_uploads_only(site, uploader, reader, as_):
    mine = make_study(site, by=uploader, patient_name="Mine^M")
    make_instance(mine)
    make_instance(make_study(site, by=reader, patient_name="Theirs^T"))
    response = as_(uploader).get(at("worklist"))
    assert "<h1>My uploads</h1>" in text_of(response)
    assert [row.split()[0] for row in rows_of(response)] == ["Mine,"]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"outcome": "scored"}, 2),
        ({"outcome": "not_applicable"}, 1),
        ({"outcome": "failed"}, 1),
        ({"outcome": "waiting"}, 1),
        ({"outcome": "none"}, 1),
        ({"outcome": "rejected_quality"}, 0),
        ({"report_status": "final"}, 1),
        ({"report_status": "partial"}, 1),
        ({"report_status": "registered"}, 4),
        ({"report_status": "final", "outcome": "failed"}, 0),
    ],
)
def test_filters_narrow_the_list(chosen, found, site, reviewer, as_, deployed):
    sign_review(study=scored_study(site), read=Read("present"), password=PASSWORD, by=reviewer)
    scored_study(site)
    not_applicable_study(site)
    failed_study(site)
    make_prediction(make_instance(make_study(site)))
    make_instance(make_study(site))
    assert len(rows_of(as_(reviewer).get(at("worklist"), chosen))) == found


def test_a_filter_that_does_not_exist_leaves_nothing_out_and_says_so(site, reviewer, as_):
    scored_study(site)
    response = as_(reviewer).get(at("worklist"), {"outcome": "evil"})
    assert response.status_code == 422
    assert "There is no such filter" in prose_of(response)
    assert len(rows_of(response)) == 1


@pytest.mark.parametrize("words", ["P-1", "p-1", "A77", "okafor", "Chidi"])
def test_a_search_finds_id_accession_and_parts_of_a_name(words, site, reviewer, as_):
    study = make_study(site, patient_id="P-1", patient_name="Okafor^Chidi", accession_number="A77")
    make_instance(study)
    make_instance(make_study(site, patient_id="P-10", patient_name="Other^O"))
    rows = rows_of(as_(reviewer).post(at("worklist"), {"words": words}))
    assert [row.split(" P-1 ")[0] for row in rows] == ["Okafor, Chidi"]


def test_a_search_is_in_the_trail_without_its_words(site, reviewer, as_):
    make_instance(make_study(site, patient_name="Okafor^Chidi"))
    as_(reviewer).post(at("worklist"), {"words": "Okafor"})
    (event,) = events("studies.searched")
    assert event.actor == "reviewer"
    assert event.detail["found"] == 1
    assert "Okafor" not in f"{event.subject} {event.detail}"


def test_a_search_never_gets_into_an_address(site, reviewer, as_):
    client = as_(reviewer)
    make_instance(make_study(site, patient_name="Okafor^Chidi"))
    ignored = client.get(at("worklist"), {"words": "nobody"})
    assert len(rows_of(ignored)) == 1
    searched = text_of(client.post(at("worklist"), {"words": "Okafor"}))
    addresses = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', searched)
    assert addresses
    assert not [address for address in addresses if "okafor" in address.lower()]


def test_without_words_a_search_is_a_link(reviewer, as_):
    sent = {"words": "", "outcome": "failed", "report_status": ""}
    response = as_(reviewer).post(at("worklist"), sent)
    assert response["Location"] == f"{reverse('worklist')}?outcome=failed"
    assert events("studies.searched").count() == 0


def test_words_that_no_name_has_are_refused(reviewer, as_):
    assert as_(reviewer).post(at("worklist"), {"words": "x" * 65}).status_code == 422
    assert as_(reviewer).post(at("worklist"), {"words": "a\0b"}).status_code == 422


def test_polls_of_a_search_are_the_same_search(site, reviewer, as_):
    client = as_(reviewer)
    make_instance(make_study(site, patient_name="Okafor^Chidi"))
    client.post(at("worklist"), {"words": "Okafor"})
    for _ in range(3):
        client.post(at("worklist-rows"), {"words": "Okafor"})
    assert events("studies.searched").count() == 1
    client.post(at("worklist-rows"), {"words": "Somebody else"})
    assert events("studies.searched").count() == 2


def test_a_poll_gets_the_table_alone_and_nothing_if_nothing_changed(site, reviewer, as_):
    client = as_(reviewer)
    scored_study(site)
    page = client.get(at("worklist"))
    seen = page.context["listing"].digest
    assert client.post(at("worklist-rows"), {"seen": seen}).status_code == 204
    scored_study(site)
    changed = client.post(at("worklist-rows"), {"seen": seen})
    assert changed.status_code == 200
    assert "<html" not in text_of(changed)
    assert len(rows_of(changed)) == 2


def test_a_list_with_work_in_progress_asks_again_sooner(site, reviewer, as_):
    client = as_(reviewer)
    scored_study(site)
    assert 'hx-trigger="every 20s"' in text_of(client.get(at("worklist")))
    make_prediction(make_instance(make_study(site)))
    assert 'hx-trigger="every 4s"' in text_of(client.get(at("worklist")))


def test_fifty_studies_make_a_page(site, reviewer, as_):
    for number in range(53):
        make_study(site, patient_name=f"Same^N{number}", by=reviewer)
    client = as_(reviewer)
    first = client.get(at("worklist"))
    assert len(rows_of(first)) == 50
    assert "?page=2" in text_of(first)
    assert len(rows_of(client.get(at("worklist"), {"page": 2}))) == 3
    beyond = client.get(at("worklist"), {"page": 999})
    assert beyond.status_code == 200
    assert "Studies 1 to 50" in text_of(beyond)
    searched = client.post(at("worklist"), {"words": "Same", "page": "2"})
    assert len(rows_of(searched)) == 3
    assert '<button class="button" form="again" name="page" value="1">' in text_of(searched)


def test_what_lies_beyond_the_last_page_is_searched_for(site, reviewer, as_, monkeypatch):
    monkeypatch.setattr(listing, "PAGES", 2)
    for _ in range(101):
        make_study(site, by=reviewer)
    client = as_(reviewer)
    assert "For older studies" not in text_of(client.get(at("worklist")))
    last = text_of(client.get(at("worklist"), {"page": 2}))
    assert "Studies 51 to 100" in last
    assert "For older studies, search or filter." in last
    assert "page=3" not in last


@pytest.mark.parametrize("studies", [1, 20])
def test_the_number_of_queries_does_not_grow_with_the_list(
    studies, site, reviewer, as_, django_assert_max_num_queries
):
    for _ in range(studies):
        study = scored_study(site)
        sign_review(study=study, read=Read("present"), password=PASSWORD, by=reviewer)
    client: Client = as_(reviewer)
    with django_assert_max_num_queries(10):
        client.get(at("worklist"))


def test_a_picture_says_what_it_is_where_dicom_says_its_modality(site, reviewer, as_):
    make_instance(make_study(site), kind="png")
    assert " PNG " in rows_of(as_(reviewer).get(at("worklist")))[0]
