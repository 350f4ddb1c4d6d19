"""Every page with every role, at home and at the other site. A new route needs a row here."""

import pytest

from portal.accounts.roles import Role
from portal.reviews.services import Read, sign_review
from portal.web import urls
from tests.factories import PASSWORD, make_user, scored_study
from tests.portal.web.pages import at

pytestmark = pytest.mark.django_db

CLINICAL = ("uploader", "reader", "reviewer", "adjudicator", "pacs_admin")
EVERYBODY = dict.fromkeys(Role.values, 200)
LISTS = dict.fromkeys(Role.values, 403) | dict.fromkeys(CLINICAL, 200)
STUDIES = LISTS | {"uploader": 404}  # it is somebody else's upload
AUDIT = dict.fromkeys(Role.values, 403) | {"auditor": 200}
SIGNS = dict.fromkeys(Role.values, 403) | dict.fromkeys(CLINICAL, 422) | {"uploader": 404}

MODELS = dict.fromkeys(Role.values, 403)
PROPOSES = MODELS | {"data_scientist": 422}
DECIDES = MODELS | dict.fromkeys(("reviewer", "site_admin"), 409)
OPERATES = dict.fromkeys(Role.values, 403)
WORK = OPERATES | {"pacs_admin": 200}
SENDS = OPERATES | {"pacs_admin": 302}

# name of the route -> verb, what each role gets, what the reviewer of another site gets
TABLE = {
    "home": ("get", dict.fromkeys(Role.values, 302), 302),
    "password": ("get", EVERYBODY, 200),
    "about": ("get", EVERYBODY, 200),
    "models": ("get", EVERYBODY, 200),
    "model": ("get", EVERYBODY, 200),
    "propose-model": ("post", PROPOSES, 403),
    "withdraw-model": ("post", MODELS | {"data_scientist": 409}, 403),
    "approve-model": ("post", DECIDES, 409),
    "decline-model": ("post", MODELS | dict.fromkeys(("reviewer", "site_admin"), 422), 422),
    "pause-model": ("post", MODELS | dict.fromkeys(("reviewer", "adjudicator"), 422), 422),
    "resume-model": ("post", DECIDES, 409),
    "failed": ("get", WORK, 403),
    "failed-cause": ("get", WORK, 403),
    "retry-failed": ("post", SENDS, 403),
    "acknowledge-failed": ("post", SENDS, 403),
    "retry": ("post", SENDS, 403),
    "cancel": ("post", SENDS, 403),
    "worklist": ("get", LISTS, 200),
    "worklist-rows": ("post", LISTS, 200),
    "upload": ("get", LISTS, 200),
    "study": ("get", STUDIES, 404),
    "study-answer": ("get", STUDIES, 404),
    "rendition": ("get", STUDIES, 404),
    "sign-review": ("post", SIGNS, 404),
    "amend-review": ("post", SIGNS, 404),
    "audit": ("get", AUDIT, 403),
    "audit-verify": ("post", AUDIT, 403),
    "sign-out": ("post", dict.fromkeys(Role.values, 302), 302),
}
BEFORE_SIGN_IN = {"sign-in": 200, "theme": 405, "set-password": 200}


@pytest.fixture
def addresses(site, portal_airlock):
    """Return the address of each route, about one signed study of the site."""
    author = make_user(site, "reviewer")
    study = scored_study(site, by=author)
    review = sign_review(study=study, read=Read("present"), password=PASSWORD, by=author)
    uid = study.study_instance_uid
    image = study.series.get().instances.get().sop_instance_uid
    prediction = study.series.get().instances.get().predictions.get()
    acts = ("propose", "withdraw", "approve", "decline", "pause", "resume")
    about = {
        **{f"{act}-model": (prediction.model_version_id,) for act in acts},
        "model": (prediction.model_version_id,),
        "retry": (prediction.pk,),
        "cancel": (prediction.pk,),
        **dict.fromkeys(("failed-cause", "retry-failed", "acknowledge-failed"), ("gave_up",)),
        "study": (uid,),
        "study-answer": (uid,),
        "sign-review": (uid,),
        "rendition": (uid, image),
        "amend-review": (review.pk,),
        "set-password": ("MQ", "abc-def"),
    }
    return {name: at(name, *about.get(name, ())) for name in (*TABLE, *BEFORE_SIGN_IN)}


def test_every_route_has_a_row():
    assert {pattern.name for pattern in urls.urlpatterns} == {*TABLE, *BEFORE_SIGN_IN}


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("name", TABLE)
def test_a_role_gets_what_the_table_says(name, role, addresses, site, as_):
    verb, answers, _ = TABLE[name]
    response = getattr(as_(make_user(site, role)), verb)(addresses[name])
    assert response.status_code == answers[role]


@pytest.mark.parametrize("name", TABLE)
def test_another_site_does_not_exist(name, addresses, other_reviewer, as_):
    verb, _, abroad = TABLE[name]
    response = getattr(as_(other_reviewer), verb)(addresses[name])
    assert response.status_code == abroad


@pytest.mark.parametrize("name", TABLE)
def test_a_stranger_is_asked_to_sign_in(name, addresses, client):
    verb, _, _ = TABLE[name]
    response = getattr(client, verb)(addresses[name])
    assert response.status_code == 302
    assert response["Location"].startswith(at("sign-in"))


@pytest.mark.parametrize("name", BEFORE_SIGN_IN)
def test_these_need_no_sign_in(name, addresses, client):
    assert client.get(addresses[name]).status_code == BEFORE_SIGN_IN[name]


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if row[0] == "get"])
def test_what_a_person_is_signed_in_to_see_is_not_cached(name, addresses, reviewer, as_):
    assert "no-store" in as_(reviewer).get(addresses[name])["Cache-Control"]


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
        ("site_admin", "models"),
    ],
)
def test_everybody_starts_where_their_work_is(role, start, site, as_):
    assert as_(make_user(site, role)).get(at("home"))["Location"] == at(start)


@pytest.mark.parametrize(
    ("role", "entries"),
    [
        ("uploader", ["Upload", "My uploads", "About the model"]),
        ("reviewer", ["Worklist", "Upload", "Models"]),
        ("pacs_admin", ["Worklist", "Upload", "Failed work", "About the model"]),
        ("auditor", ["Audit", "About the model"]),
        ("site_admin", ["Models"]),
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
