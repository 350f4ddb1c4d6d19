import re
from pathlib import Path

import pytest
from django.test import Client

from portal.settings import BASE_DIR
from tests.portal.web.pages import at, prose_of, text_of

TEMPLATES = sorted((BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted((BASE_DIR / "portal/web/static/web").rglob("*.js"))


@pytest.mark.django_db
def test_an_address_that_is_not_there_says_what_to_do(reviewer, as_):
    response = as_(reviewer).get("/no-such-page")
    assert response.status_code == 404
    assert "Start again from your list" in prose_of(response)


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_a_bad_request(client):
    response = client.get(at("sign-in"), headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "makes no sense" in prose_of(response)


@pytest.mark.django_db
def test_a_bug_gets_a_page_that_needs_nothing(reviewer, monkeypatch):
    def broken(*_args: object) -> None:
        raise ZeroDivisionError("a secret of the server")

    monkeypatch.setattr("portal.web.views.about.current_deployment", broken)
    client = Client(raise_request_exception=False)
    client.force_login(reviewer)
    response = client.get(at("about"))
    assert response.status_code == 500
    assert "Something broke on the server" in prose_of(response)
    assert "secret" not in text_of(response)


@pytest.mark.django_db
def test_the_policy_allows_nothing_inline(client):
    policy = client.get(at("sign-in"))["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline(path: Path):
    html = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)
    assert "|safe" not in html.replace("field.help_text|safe", "")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_our_scripts_build_no_html_from_text(path: Path):
    if "vendor" not in path.parts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|new Function", path.read_text()
        )


def test_the_licence_of_what_we_vendor_is_beside_it():
    vendored = BASE_DIR / "portal/web/static/web/vendor"
    assert [d.name for d in vendored.iterdir() if not (d / "LICENSE").exists()] == []
