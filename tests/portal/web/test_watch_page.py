"""The watch page, its tables as files, and the answer to an alert."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.watch.models import Acknowledgement, Alert
from portal.watch.panels import Panel
from portal.watch.selectors import monday
from portal.watch.tables import csv_of
from tests.portal.watch.worlds import scanned
from tests.portal.web.pages import prose_of
from tests.reports import make_report

pytestmark = pytest.mark.django_db
SEE = ("reviewer", "adjudicator", "data_scientist", "auditor", "site_admin")


@pytest.fixture
def at():
    return timezone.now() - timedelta(days=1)


@pytest.fixture
def busy(site, deployed, reviewer, at):
    make_report(deployed)
    for score, presence in ((0.9, "present"), (0.9, "absent"), (0.1, "absent")):
        scanned(site, deployed, reviewer, at=at, score=score, presence=presence)
    scanned(site, deployed, reviewer, at=at, score=0.4, scanner=("=HYPERLINK(1)", ""), view="PA")


@pytest.fixture
def alert(site, deployed):
    return Alert.objects.create(
        site=site, model_version=deployed, rule="overrides", scanner="Acme Ray 7",
        week=monday(timezone.now().date()),
        figures={"rate": 0.4, "before": 0.1, "overridden": 10, "read": 25, "read_before": 50},
    )  # fmt: skip


@pytest.fixture
def as_(client, request):
    def become(who):
        client.force_login(request.getfixturevalue(who))
        return client

    return become


@pytest.mark.parametrize("who", SEE)
def test_those_who_answer_for_the_model_see_it(as_, who, busy):
    page = as_(who).get("/watch")
    assert page.status_code == 200
    assert "Volume and outcomes" in page.text
    assert '<a href="/watch"' in page.text


def test_every_chart_has_its_table_and_its_file(as_, busy):
    page = as_("auditor").get("/watch").text
    charts = set(re.findall(r'data-chart="([\w-]+)"', page))
    assert charts >= {"volume", "scores", "drift", "calibration", "agreement", "reasons"}
    for slug in charts:
        section = page.split(f'aria-labelledby="{slug}-title"')[1].split("</section>")[0]
        assert "<table" in section
        assert f"/watch/{slug}.csv" in section
    assert "<script>" not in page
    assert 'style="' not in page


def test_a_table_comes_as_a_file(as_, busy):
    answer = as_("auditor").get("/watch/volume.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(int(row["Scored"]) for row in rows) == 4


def test_what_a_spreadsheet_would_run_is_defused(as_, busy):
    rows = list(csv.reader(io.StringIO(as_("auditor").get("/watch/by-scanner.csv").text)))
    assert {row[0] for row in rows[1:]} == {"Acme Ray 7", "'=HYPERLINK(1)"}


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_each_dangerous_beginning_is_defused_and_numbers_stay(first):
    panel = Panel("x", "X", "", ("A", "B"), [(f"{first}1+1", -1.5)])
    assert list(csv.reader(io.StringIO(csv_of(panel), newline="")))[1] == [f"'{first}1+1", "-1.5"]


def test_a_group_alone_is_shown_and_its_files_too(as_, busy):
    client = as_("auditor")
    page = client.get("/watch", {"group": "view:PA"})
    assert page.status_code == 200
    assert page.context["found"].counted.whole.asked == 1
    assert "group=view%3APA" in page.text
    rows = list(csv.DictReader(io.StringIO(client.get("/watch/by-view.csv?group=view:PA").text)))
    assert [row["View"] for row in rows] == ["PA"]


@pytest.mark.parametrize(
    "asked",
    [{"version": "99999"}, {"first": "2026-02-01", "last": "2026-01-01"}, {"group": "name:Doe"},
     {"first": "2020-01-01", "last": "2026-01-01"}, {"last": "x"}],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_said(as_, busy, asked):
    client = as_("auditor")
    page = client.get("/watch", asked)
    assert page.status_code == 422
    assert "the usual view is shown" in page.text
    assert client.get("/watch/volume.csv", asked).status_code == 404


def test_there_is_no_file_of_another_name(as_, busy):
    assert as_("auditor").get("/watch/patients.csv").status_code == 404


def test_without_a_model_the_page_says_so(as_, auditor):
    page = as_("auditor").get("/watch")
    assert page.status_code == 200
    assert "No model has been live" in page.text
    assert as_("auditor").get("/watch/volume.csv").status_code == 404


def test_without_predictions_the_page_says_so(as_, deployed):
    assert "Nothing was asked of" in as_("auditor").get("/watch").text


def test_without_a_report_there_is_nothing_to_compare_with(as_, site, deployed, reviewer, at):
    scanned(site, deployed, reviewer, at=at, score=0.4)
    assert "nothing to compare" in as_("auditor").get("/watch").text


def test_another_sites_predictions_are_not_there(as_, busy, other_reviewer):
    assert "Nothing was asked of" in as_("other_reviewer").get("/watch").text


def test_it_takes_a_dozen_queries(as_, busy, alert, django_assert_max_num_queries):
    client = as_("auditor")
    client.get("/watch")
    with django_assert_max_num_queries(14):  # three of them say who is signed in
        client.get("/watch")


def test_an_alert_is_answered_by_a_form(as_, alert):
    client = as_("reviewer")
    page = client.get("/watch").text
    assert "Overrides have doubled" in page
    assert "40 % of 25" in page
    said = {"act": "scanner_checked", "words": "The grid was wrong."}
    answer = client.post(f"/watch/alerts/{alert.pk}/acknowledge", said, follow=True)
    assert "What was done is noted" in answer.text
    assert "The grid was wrong." in answer.text
    assert Acknowledgement.objects.get().alert == alert


def test_an_answer_without_words_keeps_what_was_chosen(as_, alert):
    page = as_("reviewer").post(f"/watch/alerts/{alert.pk}/acknowledge", {"act": "watched"})
    assert page.status_code == 422
    assert "Nothing was noted" in page.text
    assert '<option value="watched" selected>' in page.text


def test_an_auditor_sees_the_alert_without_a_form(as_, alert):
    client = as_("auditor")
    assert "Note what was done" not in client.get("/watch").text
    said = {"act": "watched", "words": "So."}
    assert client.post(f"/watch/alerts/{alert.pk}/acknowledge", said).status_code == 403


@pytest.mark.parametrize(
    ("scanner", "words"),
    [("", "the whole site"), ("not stated", "scanner not stated"), ("Acme X", "scanner Acme X")],
)
def test_an_alert_says_what_it_is_about(as_, site, deployed, scanner, words):
    figures = {"psi": 0.41, "bound": 0.25, "scored": 120}
    week = monday(timezone.now().date())
    Alert.objects.create(
        site=site, model_version=deployed, rule="drift", scanner=scanner, week=week, figures=figures
    )
    page = as_("auditor").get("/watch")
    assert f"Scores have shifted: {words} PSI 0.41" in prose_of(page)
