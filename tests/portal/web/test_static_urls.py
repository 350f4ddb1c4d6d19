import re
from pathlib import Path

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client

from portal.web import static_urls

SHEET = "web/css/tokens.css"


def test_an_address_has_a_hash_of_the_content(tmp_path, monkeypatch):
    before = static(SHEET)
    assert re.fullmatch(rf"/static/{SHEET}\?v=[0-9a-f]{{12}}", before)
    changed = tmp_path / "tokens.css"
    changed.write_bytes(Path(finders.find(SHEET)).read_bytes() + b"\n")
    monkeypatch.setattr(static_urls.finders, "find", lambda _name: str(changed))
    static_urls.version_of.cache_clear()
    try:
        assert static(SHEET) != before
    finally:
        static_urls.version_of.cache_clear()


def test_a_missing_file_has_none():
    assert static("web/none.css") == "/static/web/none.css"


def test_it_is_served_for_a_year(db):
    answer = Client().get(static(SHEET))
    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    answer.close()


def test_every_static_file_of_a_page_has_one(db):
    page = Client().get("/sign-in").content.decode()
    addresses = re.findall(r'"(/static/[^"]+)"', page)
    assert addresses
    assert [a for a in addresses if not re.search(r"\?v=[0-9a-f]{12}$", a)] == []


def test_no_static_file_names_another_without_one():
    own = [p for app in ("web", "api") for p in Path(f"portal/{app}/static").rglob("*.*")]
    texts = {
        p: p.read_text() for p in own if p.suffix in {".css", ".js"} and "vendor" not in str(p)
    }
    assert [p for p, text in texts.items() if re.search(r"url\(|/static/|@import", text)] == []
