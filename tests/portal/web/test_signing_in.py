from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from portal.accounts.link_services import make_link
from portal.accounts.services import set_password
from tests.factories import PASSWORD
from tests.portal.web.pages import at, events, prose_of, text_of

pytestmark = pytest.mark.django_db
FRESH = "a quite different phrase 9"


def sign_in(client, username, password=PASSWORD, **more):
    return client.post(at("sign-in"), {"username": username, "password": password} | more)


def link_for(user) -> str:
    return urlsplit(make_link(user=user)).path


def test_name_and_password_lead_to_the_start_page(client, reviewer):
    response = sign_in(client, "reviewer")
    assert (response.status_code, response["Location"]) == (302, at("home"))
    assert [event.actor for event in events("user.signed_in")] == ["reviewer"]


def test_a_name_may_be_typed_with_capitals(client, reviewer):
    assert sign_in(client, " Reviewer ").status_code == 302


def test_a_wrong_password_is_refused_with_what_to_do(client, reviewer):
    response = sign_in(client, "reviewer", "wrong")
    assert response.status_code == 403
    assert "do not belong together" in prose_of(response)
    assert "wrong" not in text_of(response)
    assert [event.subject for event in events("user.sign_in_refused")] == ["user:reviewer"]


def test_a_strangers_name_gets_the_same_answer_and_is_not_kept(client, reviewer):
    stranger = sign_in(client, "hunter2", "x")
    assert stranger.status_code == 403
    assert "do not belong together" in prose_of(stranger)
    assert [event.subject for event in events("user.sign_in_refused")] == ["user:unknown"]


def test_a_closed_account_cannot_sign_in(client, reviewer, django_user_model):
    django_user_model.objects.filter(pk=reviewer.pk).update(is_active=False)
    assert sign_in(client, "reviewer").status_code == 403


def test_one_does_not_get_sent_to_another_server(client, reviewer):
    response = sign_in(client, "reviewer", next="https://evil.example/")
    assert response["Location"] == at("home")


def test_one_gets_back_to_where_one_wanted_to_go(client, reviewer):
    assert sign_in(client, "reviewer", next=at("about"))["Location"] == at("about")


def test_signing_out_ends_the_session_and_is_remembered(reviewer, as_):
    client = as_(reviewer)
    assert client.get(at("sign-out")).status_code == 405
    assert client.post(at("sign-out"))["Location"] == at("sign-in")
    assert client.get(at("worklist")).status_code == 302
    assert events("user.signed_out").count() == 1


def test_a_one_time_link_sets_a_password_once(client, reviewer):
    link = link_for(reviewer)
    page = client.get(link, follow=True)
    assert "Choose a password" in prose_of(page)
    form = {"new_password1": FRESH, "new_password2": FRESH}
    assert client.post(page.request["PATH_INFO"], form)["Location"] == at("sign-in")
    assert sign_in(client, "reviewer", FRESH).status_code == 302
    assert [event.actor for event in events("user.password_set")] == ["reviewer"]
    client.post(at("sign-out"))
    assert "does not work any more" in prose_of(client.get(link, follow=True))


def test_a_one_time_link_refuses_a_weak_password(client, reviewer):
    page = client.get(link_for(reviewer), follow=True)
    response = client.post(
        page.request["PATH_INFO"], {"new_password1": "short", "new_password2": "short"}
    )
    assert "at least 12" in prose_of(response)
    assert events("user.password_set").count() == 0


def test_a_link_with_another_persons_number_does_not_work(client, reviewer, reader):
    token = link_for(reader).rstrip("/").split("/")[-1]
    link = at("set-password", urlsafe_base64_encode(force_bytes(reviewer.pk)), token)
    assert "does not work any more" in prose_of(client.get(link, follow=True))


def test_a_newer_link_replaces_an_older_one(client, reviewer):
    older, newer = link_for(reviewer), link_for(reviewer)
    assert "does not work any more" in prose_of(client.get(older, follow=True))
    assert "Choose a password" in prose_of(client.get(newer, follow=True))


def test_a_link_of_a_closed_account_does_not_work(client, reviewer, django_user_model):
    link = link_for(reviewer)
    django_user_model.objects.filter(pk=reviewer.pk).update(is_active=False)
    assert "does not work any more" in prose_of(client.get(link, follow=True))


@pytest.mark.parametrize(("hours", "said"), [(71, "Choose a"), (73, "does not work any more")])
def test_a_link_lasts_three_days(hours, said, client, reviewer):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        link = link_for(reviewer)
        clock.shift(timedelta(hours=hours))
        assert said in prose_of(client.get(link, follow=True))


def test_a_link_dies_between_its_page_and_its_form(client, reviewer):
    page = client.get(link_for(reviewer), follow=True)
    set_password(user=reviewer, password=FRESH)
    form = {"new_password1": FRESH + "x", "new_password2": FRESH + "x"}
    assert "does not work any more" in prose_of(client.post(page.request["PATH_INFO"], form))
    reviewer.refresh_from_db()
    assert reviewer.check_password(FRESH)


def own_password(client, old=PASSWORD, new=FRESH, again=FRESH):
    form = {"old_password": old, "new_password1": new, "new_password2": again}
    return client.post(at("password"), form)


def test_ones_own_password_can_be_changed_and_one_stays_signed_in(reviewer, as_):
    client, elsewhere = as_(reviewer), as_(reviewer)
    assert own_password(client).status_code == 302
    assert client.get(at("about")).status_code == 200
    assert elsewhere.get(at("about")).status_code == 302
    assert events("user.password_set").count() == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"old": "not it"}, "This is not your password"),
        ({"again": "something else 12"}, "two password fields"),
        ({"new": "reviewer", "again": "reviewer"}, "too similar"),
    ],
)
def test_ones_own_password_is_not_changed_by_mistake(sent, said, reviewer, as_):
    response = own_password(as_(reviewer), **sent)
    assert response.status_code == 422
    assert said in prose_of(response)
    assert PASSWORD not in text_of(response)
    assert events("user.password_set").count() == 0


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_the_theme_is_kept_in_a_cookie(chosen, client):
    response = client.post(at("theme"), {"theme": chosen, "next": at("sign-in")})
    assert response["Location"] == at("sign-in")
    assert f'data-theme="{chosen}"' in text_of(client.get(at("sign-in")))


def test_the_theme_of_the_system_is_the_default(client):
    client.post(at("theme"), {"theme": "dark"})
    client.post(at("theme"), {"theme": "system"})
    assert "data-theme" not in text_of(client.get(at("sign-in")))


def test_a_forged_theme_is_not_written_into_the_page(client):
    client.cookies["theme"] = '"><script>alert(1)</script>'
    assert "alert(1)" not in text_of(client.get(at("sign-in")))


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_the_theme_form_leads_nowhere_else(where, client):
    assert client.post(at("theme"), {"theme": "dark", "next": where})["Location"] == at("home")
