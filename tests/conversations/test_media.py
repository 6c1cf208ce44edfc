"""Pictures with texts: drawn anew, had by the provider alone from an address that nobody guesses, and what
customers send made harmless."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from campaigns.publishing import PublishRefused
from common import clock
from conversations import draining, media, receiving_media, second_tries, sender
from conversations.media_types import NotTaken, outgoing, sniff
from conversations.models import MediaFile, Message, ReceivedMedia, SecondTry, Thread
from sandbox.media import KINDS, bomb, picture
from tests import factories
from tests.conversations.conftest import Company, phone

HOSTILE_BYTES = {"page", "svg", "mixed", "bomb"}
NEVER = {"big", "empty", "gone", "inward", "astray", "circle"}
UNABLE_TO_SHOW = "+13615550136"  # the sandbox: 30011


def nodes_with(file: MediaFile) -> list[tuple[str, str, dict[str, object]]]:
    settings = {"body": "Hi {{ first_name }}, look at this.", "media": [file.pk], "as_sms": True}
    return [("text", "send_sms", settings), ("done", "end", {})]


EDGES = [("text", "next", "done")]


def test_a_picture_leaves_its_place_and_camera_behind(db: None) -> None:
    taken = outgoing(picture("JPEG", secret=b"taken at home"), "IMG_1.JPG")
    assert taken.content_type == "image/jpeg" and (taken.width, taken.height) == (320, 240)
    assert b"taken at home" not in taken.data and not Image.open(io.BytesIO(taken.data)).getexif()


def test_types_are_those_of_the_bytes_not_of_the_name() -> None:
    for name, data in (("a.jpg", KINDS["page"][1]()), ("b.png", KINDS["svg"][1]()), ("c.jpg", b"MZ\x90")):
        with pytest.raises(NotTaken, match="no file that phones show"):
            outgoing(data, name)
    assert outgoing(picture("PNG"), "really.jpg").content_type == "image/png"
    with pytest.raises(NotTaken, match=r"pixels|read as a picture"):
        outgoing(bomb(), "small.png")
    with pytest.raises(NotTaken, match="500 kB"):
        outgoing(b"%PDF-" + b"x" * 500_001, "long.pdf")
    assert b"<script>" not in outgoing(KINDS["mixed"][1](), "m.jpg").data
    assert sniff(b"") == "application/octet-stream"


def test_a_campaign_text_goes_as_one_mms_that_the_provider_can_fetch(company: Company) -> None:
    file = factories.make_file(company.account)
    lost = factories.make_file(company.account, color="blue")
    company.launch(1, nodes_with(file), EDGES)
    company.run()
    (sent,) = company.sandbox.ledger("message")
    (fetched,) = company.sandbox.wait_for("media", 1)
    assert sent["media"] == [fetched["url"]] == [media.url_of(file.token, file.name)]
    assert (fetched["status"], fetched["type"], fetched["sha256"]) == (200, "image/png", file.sha256)
    assert fetched["nosniff"] and Message.objects.get().segments == 1
    company.account.sending_numbers.update(active=True)
    Message.objects.all().delete()
    company.launch(1, nodes_with(lost), EDGES)
    type(lost).objects.filter(pk=lost.pk).update(account=factories.make_account())
    company.run()
    assert "media" not in company.sandbox.ledger("message")[-1], "nobody sends another company's files"
    with pytest.raises(PublishRefused, match="not among your files"):
        company.launch(1, nodes_with(lost), EDGES)


def test_who_cannot_see_pictures_gets_the_words_once(company: Company) -> None:
    factories.make_contact(company.account, phone=UNABLE_TO_SHOW)
    company.launch(0, nodes_with(factories.make_file(company.account)), EDGES)
    company.run()
    company.sandbox.wait_for("callback", 1, status="undelivered")
    draining.drain()
    assert Message.objects.get().code == "30011" and SecondTry.objects.get().without_media
    assert second_tries.begin_due(now=clock.now()) == 1
    sender.run(10, concurrency=5, until_idle=True)
    company.sandbox.wait_for("callback", 1, status="delivered")
    draining.drain()
    assert Message.objects.get().state == "delivered"
    assert ["media" in entry for entry in company.sandbox.ledger("message")] == [True, False]


def test_what_customers_send_is_here_harmless_or_named(company: Company) -> None:
    company.launch(1)
    company.run()
    kinds = list(KINDS)
    for some in (kinds[:9], kinds[9:]):
        said = company.sandbox.say(phone(0), "Look!", to=company.number.e164, media=some)
        assert said["status"] == 200
    texts = list(Message.objects.filter(kind="inbound").order_by("pk"))
    assert [text.body for text in texts] == ["Look!"] * 2, "the words are there at once"
    assert ReceivedMedia.objects.filter(state="waiting").count() == len(kinds)
    assert receiving_media.fetch_waiting(60) == len(kinds) - 1, "all but what is not there yet"
    for _ in range(3):
        receiving_media.fetch_waiting(20)
        ReceivedMedia.objects.update(next_at=clock.now().replace(year=2000))
    came = dict(
        zip(
            kinds,
            ReceivedMedia.objects.select_related("file").order_by("message_id", "position"),
            strict=True,
        )
    )
    assert {kind for kind, one in came.items() if one.state == "refused"} == NEVER
    assert all(came[kind].reason for kind in NEVER)
    for file in (one.file for one in came.values() if one.file is not None):
        data = bytes(file.data)
        assert file.received and b"taken at home" not in data
        assert file.content_type != "image/svg+xml" and b"<script>" not in (data if file.is_image else b"")
    types = {kind: one.file.content_type for kind, one in came.items() if one.file}
    assert {types[kind] for kind in ("page", "svg", "bomb")} == {"application/octet-stream"}
    assert types["photo"] == types["mixed"] == "image/jpeg" and types["late"] == "image/png"
    assert not company.sandbox.ledger("leak"), "credentials stay with the provider's own address"


@pytest.fixture
def agent(client: Client, db: None) -> tuple[Client, Thread]:
    account = factories.make_account()
    client.force_login(factories.make_user(account, role="agent"))
    thread = factories.make_thread(account)
    factories.make_inbound(thread)
    return client, thread


def test_files_are_served_so_that_nothing_runs(agent: tuple[Client, Thread], db: None) -> None:
    client, thread = agent
    file = factories.make_file(thread.account, name='ro"of\r\n.png')
    answer = Client().get(f"/m/{file.token}/{file.name}")
    assert answer.status_code == 200 and answer["Content-Type"] == "image/png"
    assert "sandbox" in answer["Content-Security-Policy"] and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("inline") and "\r" not in answer["Content-Disposition"]
    file.received = True
    file.save()
    assert Client().get(f"/m/{file.token}/{file.name}").status_code == 404, "customers' pictures have none"
    url = reverse("conversations:attachment", args=[file.pk])
    assert client.get(url).status_code == 200 and Client().get(url).status_code == 302
    file.content_type = "text/html"
    file.save()
    assert client.get(url)["Content-Disposition"].startswith("attachment")


def test_an_agent_sends_a_picture_and_is_told_what_was_not_taken(agent: tuple[Client, Thread]) -> None:
    client, thread = agent
    url = reverse("conversations:reply", args=[thread.pk])
    token = "7d9b1f60-0000-4000-8000-000000000001"
    bad = SimpleUploadedFile("roof.jpg", KINDS["page"][1](), content_type="image/jpeg")
    refused = client.post(url, {"token": token, "body": "See", "files": [bad]})
    assert refused.status_code == 422 and "no file that phones show" in refused.content.decode()
    assert not Message.objects.filter(kind="agent").exists()
    good = SimpleUploadedFile("roof.jpg", picture("JPEG"), content_type="text/html")
    assert client.post(url, {"token": token, "body": "", "files": [good]}).status_code == 302
    text = Message.objects.get(kind="agent")
    kept = MediaFile.objects.get()
    assert text.template is not None and text.template.content == {"as_sms": False, "media": [kept.pk]}
    page = client.get(reverse("conversations:thread", args=[thread.pk])).content.decode()
    assert reverse("conversations:attachment", args=[kept.pk]) in page
