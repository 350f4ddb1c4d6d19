"""Every route with every role, at home and at the other site, against the table of roles."""

import pytest

from portal.accounts.roles import Role
from portal.api import urls
from portal.api.preconditions import etag_of
from portal.reviews.services import Read, sign_review
from tests.factories import PASSWORD, make_user, scored_study
from tests.portal.api.people import API, client_of

pytestmark = pytest.mark.django_db

SIGN = {"finding": "present", "password": "not mine"}
AMEND = SIGN | {"amend_reason": "Again."}
PUBLIC = {None, "openapi", "docs"}

# what each role is told: "ok", or the code of the refusal
SEES = dict.fromkeys(("reader", "reviewer", "adjudicator", "pacs_admin"), "ok")
NOT_CLINICAL = dict.fromkeys(("data_scientist", "auditor", "site_admin"), "forbidden")
LIST = {"uploader": "ok", **SEES, **NOT_CLINICAL}
STUDY = {"uploader": "no_such_study", **SEES, **NOT_CLINICAL}
SIGNS = dict.fromkeys(("reviewer", "adjudicator"), "password_wrong")
LOOKS_ON = dict.fromkeys(("reader", "pacs_admin"), "may_not_sign")
TAKES = ("reader", "reviewer", "adjudicator")
AUDIT = dict.fromkeys(Role.values, "forbidden") | {"auditor": "ok"}
UPLOAD = dict.fromkeys(("uploader", *SEES), "malformed_request")  # there was no file in it
TABLE = {
    "uploads": UPLOAD | dict.fromkeys(NOT_CLINICAL, "may_not_upload"),
    "prediction": STUDY | {"uploader": "no_such_prediction"},
    "studies": LIST,
    "search": LIST,
    "study": STUDY,
    "results": STUDY,
    "history": STUDY,
    "reviews": STUDY | SIGNS | LOOKS_ON,
    "amend": STUDY | SIGNS | LOOKS_ON | {"uploader": "no_such_review"},
    "next": dict.fromkeys(Role.values, "forbidden") | dict.fromkeys(TAKES, "ok"),
    "release": dict.fromkeys(Role.values, "forbidden") | dict.fromkeys(TAKES, "ok"),
    "changes": LIST,
    "models": dict.fromkeys(Role.values, "ok"),
    "events": AUDIT,
    "verify": AUDIT,
}
OUTSIDE = {
    "prediction": "no_such_prediction",
    "study": "no_such_study",
    "results": "no_such_study",
    "history": "no_such_study",
    "reviews": "no_such_study",
    "amend": "no_such_review",
    "release": "no_such_study",
}


@pytest.fixture
def addresses(site):
    """Return verb, path, body and headers of each route, about one study of the site."""
    author = make_user(site, "reviewer")
    study = scored_study(site, by=author)
    prediction = study.series.get().instances.get().predictions.get()
    review = sign_review(study=study, read=Read("present"), password=PASSWORD, by=author)
    return {
        "uploads": ("post", "uploads", None, {}),
        "prediction": ("get", f"predictions/{prediction.pk}", None, {}),
        "studies": ("get", "studies", None, {}),
        "search": ("post", "studies/search", {"patient_id": "P"}, {}),
        "study": ("get", f"studies/{study}", None, {}),
        "results": ("get", f"studies/{study}/results", None, {}),
        "history": ("get", f"studies/{study}/history", None, {}),
        "reviews": ("post", f"studies/{study}/reviews", SIGN, {}),
        "amend": ("post", f"reviews/{review.pk}/amend", AMEND, {"If-Match": etag_of(study)}),
        "next": ("post", "worklist/next", None, {}),
        "release": ("post", f"worklist/{study}/release", None, {}),
        "changes": ("get", "changes", None, {}),
        "models": ("get", "models", None, {}),
        "events": ("get", "audit/events", None, {}),
        "verify": ("get", "audit/verify", None, {}),
    }


def told(user, addresses) -> dict[str, str]:
    client, answers = client_of(user), {}
    for name, (verb, path, body, headers) in addresses.items():
        kind = {"format": "json" if body else "multipart"} if verb == "post" else {}
        response = getattr(client, verb)(f"{API}/{path}", body, headers=headers, **kind)
        answers[name] = "ok" if response.status_code < 300 else response.json()["code"]
    return answers


@pytest.mark.parametrize("role", Role.values)
def test_a_role_may_what_the_table_says(site, addresses, role):
    expected = {name: row[role] for name, row in TABLE.items()}
    assert told(make_user(site, role), addresses) == expected


@pytest.mark.parametrize("role", Role.values)
def test_at_the_other_site_nothing_of_it_exists(other_site, addresses, role):
    expected = {name: row[role] for name, row in TABLE.items()}
    for name, code in OUTSIDE.items():
        if expected[name] != "forbidden":
            expected[name] = code
    assert told(make_user(other_site, role), addresses) == expected


def test_every_route_has_a_row():
    assert {pattern.name for pattern in urls.urlpatterns} - PUBLIC == set(TABLE)
