"""Where each role starts, and where it can go. Who may open what is in `tests/authorisation`."""

import pytest

from tests.factories import make_user
from tests.portal.web.pages import at

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "start"),
    [
        ("uploader", "upload"),
        ("reader", "worklist"),
        ("reviewer", "worklist"),
        ("adjudicator", "worklist"),
        ("pacs_admin", "worklist"),
        ("auditor", "audit"),
        ("data_scientist", "models"),
        ("site_admin", "users"),
    ],
)
def test_everybody_starts_where_their_work_is(role, start, site, as_):
    assert as_(make_user(site, role)).get(at("home"))["Location"] == at(start)


@pytest.mark.parametrize(
    ("role", "entries"),
    [
        ("uploader", ["Upload", "My uploads", "About the model"]),
        ("reviewer", ["Worklist", "Upload", "Models", "Watch"]),
        ("pacs_admin", ["Worklist", "Upload", "Failed work", "About the model"]),
        ("auditor", ["Audit", "About the model", "Watch"]),
        ("site_admin", ["Users", "Models", "Watch"]),
    ],
)
def test_the_navigation_offers_what_may_be_opened(role, entries, site, as_):
    response = as_(make_user(site, role)).get(at("about"))
    assert [place.label for place, _ in response.context["entries"]] == entries


def test_a_form_without_its_token_is_refused_in_words(site, reviewer):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(reviewer)
    response = client.post(at("theme"), {"theme": "dark"})
    assert response.status_code == 403
    assert "opened too long ago" in response.content.decode()
