from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from portal.accounts.link_services import make_link
from portal.accounts.services import PasswordWrong, confirm_password, set_password
from portal.http.client import client_address, client_network
from tests.factories import PASSWORD, scored_study
from tests.portal.web.pages import at, events, prose_of, reviewed, text_of

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


def exhaust(client, username):
    for _ in range(10):
        assert sign_in(client, username, "wrong").status_code == 403


def test_who_tries_too_often_is_told_in_words_when_to_go_on(client, reviewer):
    exhaust(client, "reviewer")
    response = sign_in(client, "reviewer")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 300
    assert "Wait 5 minutes and try again" in prose_of(response)
    assert 'value="reviewer"' in text_of(response)
    assert PASSWORD not in text_of(response)
    assert client.get(at("about")).status_code == 302


def test_a_browser_that_was_signed_in_before_is_not_locked_out(client, reviewer):
    at_home = Client()
    sign_in(at_home, "reviewer")
    at_home.post(at("sign-out"))
    exhaust(client, "reviewer")
    assert sign_in(client, "reviewer").status_code == 429
    assert sign_in(at_home, "reviewer").status_code == 302


def test_a_browser_known_to_one_person_is_strange_to_another(client, reviewer, reader):
    sign_in(client, "reader")
    client.post(at("sign-out"))
    exhaust(client, "reviewer")
    assert sign_in(client, "reviewer").status_code == 429


def test_a_forged_device_helps_nobody(client, reviewer):
    exhaust(client, "reviewer")
    client.cookies["device"] = '{"x": "y"}:forged'
    assert sign_in(client, "reviewer").status_code == 429


def test_a_one_time_link_makes_the_browser_known(client, reviewer):
    exhaust(client, "reviewer")
    page = client.get(link_for(reviewer), follow=True)
    client.post(page.request["PATH_INFO"], {"new_password1": FRESH, "new_password2": FRESH})
    assert sign_in(client, "reviewer", FRESH).status_code == 302


def test_the_device_cookie_names_nobody(client, reviewer):
    sign_in(client, "reviewer")
    cookie = client.cookies["device"]
    assert "reviewer" not in cookie.value
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_ones_own_password_is_asked_for_only_so_often(reviewer, as_):
    client = as_(reviewer)
    for _ in range(10):
        assert own_password(client, old="wrong").status_code == 422
    response = own_password(client)
    told = [event.detail["code"] for event in events("user.change_refused")]
    assert told == [*["password_wrong"] * 10, "too_many_attempts"]
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Too many passwords" in prose_of(response)


def test_a_signature_is_asked_for_only_so_often(site, reviewer, as_):
    study = scored_study(site)
    for _ in range(10):
        with pytest.raises(PasswordWrong):
            confirm_password(user=reviewer, password="wrong")
    client = as_(reviewer)
    response = client.post(at("sign-review", study.study_instance_uid), reviewed())
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Too many passwords" in prose_of(response)
    answer = client.post(
        f"/api/v1/studies/{study}/reviews",
        {"finding": "present", "password": PASSWORD},
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    "where",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\t//x"],
)
def test_no_way_in_leads_elsewhere(where, client, reviewer):
    assert sign_in(client, "reviewer", next=where)["Location"] == at("home")
    client.post(at("sign-out"))
    for headers in ({"HX-Request": "true", "HX-Current-URL": where}, {"Referer": where}):
        answer = client.post(at("worklist-rows"), headers=headers)
        address = answer.get("HX-Redirect") or answer["Location"]
        assert address.split("?")[0] == at("sign-in")
        assert "next" not in address


def test_a_poll_after_the_session_sends_the_whole_page_to_sign_in_and_back(client, reviewer):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/worklist?outcome=failed"}
    answer = client.post(at("worklist-rows"), headers=headers)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/sign-in?next=%2Fworklist%3Foutcome%3Dfailed"
    page = client.get(answer["HX-Redirect"])
    assert 'name="next" value="/worklist?outcome=failed"' in text_of(page)


def test_what_was_sent_too_late_is_not_lost_without_a_word(client, reviewer):
    headers = {"Referer": "http://testserver/studies/1.2.3"}
    answer = client.post(at("sign-review", "1.2.3"), reviewed(), headers=headers)
    assert answer["Location"] == "/sign-in?next=%2Fstudies%2F1.2.3&unsent=1"
    assert "nothing of it was stored" in prose_of(client.get(answer["Location"]))


def test_the_sign_in_page_says_whom_to_ask_for_a_forgotten_password(client):
    assert "Forgotten your password?" in prose_of(client.get(at("sign-in")))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "' OR 1=1", "unknown"),
    ],
)
def test_a_forwarded_address_is_believed_as_far_as_the_setting_says(
    proxies, forwarded, seen, rf, settings
):
    settings.OVERREAD_TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == seen


def test_guesses_from_one_ipv6_household_are_counted_together(rf):
    networks = {
        client_network(rf.get("/", REMOTE_ADDR=address))
        for address in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
    }
    assert networks == {"2001:db8::/64", "2001:db8:0:1::/64"}
