"""The counter and the files of a reply in a real browser, and the counter without script."""

import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from accounts.models import Account
from conversations.models import MediaFile, Message, Thread
from tests import factories
from tests.conversations.test_pages_live import account, site, thread  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_names_replaces_and_gives_back(site: Page, live_server: Any, thread: Thread) -> None:  # noqa: F811
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    box, size = site.locator("#id_body"), site.locator("#id_body-size")
    box.fill("We’re here — call…")
    expect(size).to_contain_text("1 segment")
    expect(size).to_contain_text(re.compile(r"curly apostrophe “’”, long dash “—” and ellipsis “…” make"))
    news = site.locator("[data-counter-news]")
    expect(news).to_have_text("1 segment, Unicode, because of curly apostrophe")
    site.get_by_role("button", name="Use plain characters").press("Enter")
    expect(box).to_have_value("We're here - call...")
    expect(size).to_contain_text("GSM-7")
    expect(news).to_have_text("1 segment, GSM-7")
    assert not Message.objects.filter(kind="agent").exists(), "nothing was sent"
    site.get_by_role("button", name="Undo plain characters").click()
    expect(box).to_have_value("We’re here — call…")
    expect(site.get_by_role("button", name="Undo plain characters")).to_be_hidden()


def test_a_picture_is_added_taken_out_and_sent(site: Page, live_server: Any, thread: Thread) -> None:  # noqa: F811
    out = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, "PNG")
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    for name in ("roof.png", "again.png"):
        with site.expect_response("**/media/"):
            site.locator("input[type=file]").set_input_files(
                {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}
            )
        expect(site.locator(".media__thumb")).to_have_count(1)
    site.get_by_role("button", name="Take out roof.png").click()
    expect(site.locator(".media__thumb")).to_have_count(0)
    site.locator("input[type=file]").set_input_files(
        {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": b"<script>1</script>"}
    )
    expect(site.get_by_role("alert")).to_contain_text("no file that phones show")
    site.locator("input[type=file]").set_input_files(
        {"name": "roof.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )
    expect(site.locator(".media__thumb")).to_have_count(1)
    site.get_by_role("button", name="Send reply").click()
    expect(site.locator("#timeline .media__picture")).to_have_count(1)
    expect(site.locator(".media__thumb")).to_have_count(0)
    text = Message.objects.get(kind="agent")
    assert text.template is not None and text.template.content["media"] == [MediaFile.objects.get().pk]


def test_a_field_is_fetched_with_its_picker_and_stands_at_the_cursor(
    site: Page, live_server: Any, thread: Thread,  # noqa: F811
) -> None:  # fmt: skip
    site.goto(f"{live_server.url}/conversations/{thread.pk}/")
    box = site.locator("#id_body")
    box.fill("Hello , we are on our way.")
    box.evaluate("box => box.setSelectionRange(6, 6)")
    site.locator("[data-fields-for=id_body]").click()
    site.locator("#merge-fields [data-field]:not([disabled])").first.click()
    expect(box).to_have_value(re.compile(r"^Hello \S.*, we are on our way\.$"))


def test_without_script_the_server_counts(client: Client, account: Account, thread: Thread) -> None:  # noqa: F811
    client.force_login(factories.make_user(account, role="agent"))
    url = reverse("conversations:reply_size", args=[thread.pk])
    page = client.post(url, {"body": "We’re <here>"}).content.decode()
    assert "curly apostrophe" in page and "We’re &lt;here&gt;</textarea>" in page
    page = client.post(url, {"body": "We’re here", "plain": "1"}).content.decode()
    assert "We&#x27;re here</textarea>" in page and "GSM-7" in page
    assert not Message.objects.filter(kind="agent").exists()


def test_a_campaigns_text_is_counted_with_its_fields_filled(client: Client, account: Account) -> None:  # noqa: F811
    factories.make_contact(account, first_name="Al", name="Al Short")
    factories.make_contact(account, phone="+13125550102", first_name="Maximiliana-Alexandrina", name="M")
    client.force_login(factories.make_user(account, role="marketer"))
    body = "{{ first_name }}" + "x" * 100 + " Reply STOP to opt out."
    url = reverse("campaigns:text_size")
    page = client.post(
        f"{url}?field=words", {"words": body + "y" * 25}, HTTP_HX_REQUEST="true"
    ).content.decode()
    assert "1 segment" in page and "for Al Short" in page
    assert "longest values known: <strong>2 segments" in page
    owed = client.post(url, {"body": "{{ first_name }}" + "x" * 137}, HTTP_HX_REQUEST="true").content.decode()
    assert owed.count("<strong>2 segments</strong>") == 2, "the opt-out line below counts for both"
    plain = client.post(url, {"body": "x" * 150}, HTTP_HX_REQUEST="true").content.decode()
    assert "<strong>1 segment</strong>" in plain, "whoever knows how to opt out gets the words alone"
    assert "With the opt-out line, for whoever was not told lately: <strong>2 segments" in plain
    told = client.post(url, {"body": "Reply STOP to opt out."}, HTTP_HX_REQUEST="true").content.decode()
    assert "opt-out line" not in told, "a text that says it owes no line"
    page = client.post(url, {"body": "{{ first_name"}, HTTP_HX_REQUEST="true").content.decode()
    assert "not closed yet" in page
    page = client.post(url, {"body": "{{ shoe_size }}"}, HTTP_HX_REQUEST="true").content.decode()
    assert "once every merge field in it exists" in page
    long = client.post(url, {"body": "x" * 5000}, HTTP_HX_REQUEST="true").content.decode()
    assert "this has 5,000" in long and "segments" not in long
