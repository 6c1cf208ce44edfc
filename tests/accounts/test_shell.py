"""The page shell, headers, toasts, error pages and vendored files."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Role
from tests.accounts.making import make_account, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]


def test_shell_shows_who_where_and_only_pages_that_exist() -> None:
    client = signed_in(make_member(make_account("Acme"), Role.CSR, make_user(name="Dana Reed")))
    page = client.get("/").content.decode()
    assert "Dana Reed" in page and "CSR · Acme" in page
    assert re.search(r"Times in C[SD]T<", page) and 'title="America/Chicago"' in page
    assert re.search(r'<a href="/" aria-current="page">.*Dashboard</a>', page)
    assert re.search(r'<a href="/campaigns/">.*Campaigns</a>', page)
    assert "Calls" not in page, "not built yet"
    assert 'href="#main"' in page and 'id="main"' in page


def test_switcher_appears_with_a_second_account() -> None:
    user = make_member(make_account("Alpha"))
    client = signed_in(user)
    assert "Work in another account" not in client.get("/").content.decode()
    make_member(make_account("Beta"), user=user)
    page = client.get("/").content.decode()
    assert "Work in another account" in page and "Beta" in page


def test_names_are_escaped() -> None:
    client = signed_in(make_member(make_account("<script>alert(1)</script>")))
    assert "<script>alert" not in client.get("/").content.decode()


def test_scripts_load_in_order_without_defer() -> None:
    page = Client().get("/login/").content.decode()
    scripts = re.findall(r"<script ([^>]*)>", page)
    assert [re.search(r"(htmx|app)[.\w]*\.js", script)[1] for script in scripts] == [  # type: ignore[index]
        "htmx",
        "app",
    ]
    assert not any("defer" in script or "async" in script for script in scripts)


def test_strict_headers_on_every_answer() -> None:
    for client, path in (
        (Client(), "/login/"),
        (signed_in(make_member(make_account())), "/"),
        (Client(), "/missing/"),
    ):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert (
            "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]


def test_signed_in_pages_are_not_kept_by_caches() -> None:
    assert "no-store" in signed_in(make_member(make_account())).get("/")["Cache-Control"]


def test_pages_hold_no_inline_script_or_style() -> None:
    client = signed_in(make_member(make_account()))
    for path in ("/", "/login/", "/password-reset/", "/missing/"):
        page = client.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page)


def test_message_of_a_fragment_rides_along_as_toast() -> None:
    client = signed_in(make_member(make_account()))
    answer = client.post("/save/", headers={"HX-Request": "true"})
    event = json.loads(answer["HX-Trigger"])
    assert event == {"toast": {"messages": [{"text": "Saved é ✓", "tone": "success"}]}}
    assert "Saved" not in client.get("/").content.decode(), "shown once"


def test_message_of_a_page_is_shown_by_the_next_page() -> None:
    client = signed_in(make_member(make_account()))
    assert "HX-Trigger" not in client.post("/save/")
    assert "HX-Trigger" not in client.post("/save/", headers={"HX-Request": "true", "X-Poll": "1"})
    assert client.get("/").content.decode().count("Saved é ✓") == 2


def test_missing_page_is_a_fragment_for_htmx() -> None:
    assert "<html" in Client().get("/missing/").content.decode()
    fragment = Client().get("/missing/", headers={"HX-Request": "true"})
    assert fragment.status_code == 404 and "<html" not in fragment.content.decode()


def test_fault_gives_a_page_with_a_next_step() -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/breaking/")
    assert answer.status_code == 500 and "Something broke here" in answer.content.decode()
    assert "<html" not in client.get("/breaking/", headers={"HX-Request": "true"}).content.decode()


def test_post_without_token_is_refused_and_explained() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(make_account()), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/save/")
    assert answer.status_code == 403 and "This form is out of date" in answer.content.decode()


def test_vendored_files_are_the_listed_ones() -> None:
    folder = Path(settings.BASE_DIR) / "static" / "vendor"
    listed = dict(
        re.findall(r"^\| `([\w.-]+\.js)` .*`([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.M)
    )
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}
    assert found == listed
    assert not any(b"sourceMappingURL" in path.read_bytes() for path in folder.glob("*.js"))


def test_who_opens_what_only_a_button_sends_to_is_told_so() -> None:
    client = signed_in(make_member(make_account()))
    page = client.get("/account/switch/", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 405 and page["Allow"] == "POST"
    assert (
        "This address is not a page" in page.content.decode()
        and "Nothing was changed" in page.content.decode()
    )
    assert (
        "This address is not a page"
        in Client().get("/logout/", headers={"Accept": "text/html"}).content.decode()
    )
    assert not client.get("/account/switch/").content, "a program gets no page"
    assert not client.get("/account/switch/", headers={"Accept": "text/html", "HX-Request": "true"}).content
