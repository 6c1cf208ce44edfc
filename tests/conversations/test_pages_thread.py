"""One thread's page: the timeline, its poll, the boxes, and what the server refuses."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, User
from audiences import suppression
from audiences.models import Address, ContactAddress, OptOut
from common import clock
from conversations import inbound, opt_outs, threads
from conversations.models import Message, Note, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", name="Ana Agent")


@pytest.fixture
def browser(agent: User) -> Client:
    return signed_in(agent)


@pytest.fixture
def thread(account: Account) -> Thread:
    return factories.make_thread(account, body="Can you come Friday?", name="Pat Customer")


def url(thread: Thread, name: str = "thread") -> str:
    return reverse(f"conversations:{name}", args=[thread.pk])


def typed(body: str = "Friday at nine works.", **changes: Any) -> dict[str, Any]:
    return {"body": body, "token": str(uuid.uuid4()), **changes}


def campaign_text(thread: Thread, **fields: Any) -> Message:
    """What a campaign sent to the thread's customer."""
    fields.setdefault("body", "Time for a tune-up?")
    fields["due_at"] = clock.now() if fields["state"] == "queued" else None
    return Message.objects.create(
        account=thread.account, contact=thread.contact, address=thread.address, number=thread.number,
        kind="campaign", **fields,
    )  # fmt: skip


def test_timeline_is_whole_and_in_order(thread: Thread, agent: User, browser: Client) -> None:
    campaign_text(thread, state="delivered")
    threads.note(thread, body="Has two units", by=agent, now=clock.now())
    threads.reply(thread, body="We can.", by=agent, token=uuid.uuid4(), now=clock.now())
    other = factories.make_thread(thread.account, body="Somebody else’s words")
    page = browser.get(url(thread)).content.decode().split('id="timeline"')[1]
    order = ["Can you come Friday?", "Time for a tune-up?", "Has two units", "We can."]
    assert sorted(order, key=page.index) == order
    assert "Delivered" in page and "Ana Agent" in page and "Read as a question" in page
    assert "Somebody else’s words" not in page and other.contact.name not in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "queued"}, "Queued"),
        ({"state": "calling"}, "Sending"),
        ({"state": "accepted"}, "Sent"),
        ({"state": "sent"}, "Sent"),
        ({"state": "failed", "reason": "The phone is switched off"}, "Failed: The phone is switched off"),
        ({"state": "rejected", "code": "landline"}, "Rejected: landline"),
        ({"state": "cancelled", "code": "opted_out"}, "Cancelled, not sent: opted out"),
        ({"state": "unknown"}, "Delivery unknown"),
    ],
)
def test_states_are_in_words(thread: Thread, browser: Client, fields: dict[str, Any], words: str) -> None:
    message = campaign_text(thread, **fields)
    page = browser.get(url(thread)).content.decode()
    assert f"{words}</span>" in page.split(f'id="message-{message.pk}"')[1].split("</li>")[0]


def test_a_reply_is_queued_once_per_token(thread: Thread, agent: User, browser: Client) -> None:
    form = typed()
    assert browser.post(url(thread, "reply"), form).status_code == 302
    again = browser.post(url(thread, "reply"), form, headers=HTMX)
    message = Message.objects.get(kind="agent")
    assert (message.body, message.by, message.state) == ("Friday at nine works.", agent, "queued")
    thread.refresh_from_db()
    assert not thread.needs_reply and thread.assigned_to == agent
    page = again.content.decode()
    assert again.status_code == 200 and page.strip().startswith("<form")
    assert form["token"] not in page and "Friday at nine" not in page, "a fresh box with a token of its own"


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"body": "   "}, "the reply is empty"),
        ({"body": "x" * 1601}, "1,601 characters are more than"),
        ({"token": "none"}, "Enter a valid UUID"),
    ],
)
def test_a_refused_reply_keeps_what_was_typed(
    thread: Thread, browser: Client, headers: dict[str, str], changes: dict[str, Any], words: str
) -> None:
    form = typed(**changes)
    answer = browser.post(url(thread, "reply"), form, headers=headers)
    page = answer.content.decode()
    assert answer.status_code == 422 and words in page and form["body"].strip() in page
    assert form["token"] in page and ("<html" in page) is (not headers)
    assert not Message.objects.filter(kind="agent").exists()


def test_line_ends_are_counted_as_they_are_sent(thread: Thread, browser: Client) -> None:
    browser.post(url(thread, "reply"), typed("a\r\n" * 532 + "abcd"))  # 1,068 characters, 1,600 with CR
    assert Message.objects.get(kind="agent").body == "a\n" * 532 + "abcd"
    page = browser.post(url(thread, "reply_size"), {"body": "ü" * 10 + "é…"}).content.decode()
    assert "1 segment" in page and "…" in page


def test_an_opted_out_thread_has_a_banner_and_no_composer(
    thread: Thread, agent: User, browser: Client
) -> None:
    opt_outs.by_agent(thread.contact, by=agent, evidence="Never text me again", now=clock.now())
    page = browser.get(url(thread)).content.decode()
    assert "has opted out. Nothing may be sent" in page and 'role="alert"' in page
    assert "Ana Agent, recorded by an agent" in page and "Never text me again" in page
    assert url(thread, "reply") not in page and url(thread, "reopen") not in page
    assert url(thread, "opt_out") not in page and url(thread, "note") in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_server_refuses_a_reply_to_somebody_who_opted_out(
    thread: Thread, browser: Client, headers: dict[str, str]
) -> None:
    opt_outs.record([thread.address], contact=thread.contact, source="text", evidence="STOP", now=clock.now())
    answer = browser.post(url(thread, "reply"), typed(), headers=headers)
    page = answer.content.decode()
    assert answer.status_code == 422 and "this person has opted out" in page
    assert "Friday at nine works." in page and not Message.objects.filter(kind="agent").exists()
    reopened = browser.post(url(thread, "reopen"), follow=True)
    thread.refresh_from_db()
    assert thread.state == "closed" and "Only their own START" in reopened.content.decode()


def test_a_wish_that_was_lifted_leaves_no_banner(thread: Thread, browser: Client) -> None:
    suppression.opt_out(thread.address, channel="phone", source="text", now=clock.now())
    suppression.lift(thread.address, channel="phone", evidence="START", now=clock.now())
    page = browser.get(url(thread)).content.decode()
    assert "has opted out" not in page and url(thread, "reply") in page


def test_opting_out_closes_every_address_of_the_customer(thread: Thread, browser: Client) -> None:
    second = Address.objects.create(account=thread.account, channel="phone", value="+17735550199")
    ContactAddress.objects.create(contact=thread.contact, address=second, position=1)
    ContactAddress.objects.filter(contact=thread.contact, address=thread.address).delete()
    waiting = campaign_text(thread, state="queued")
    answer = browser.post(url(thread, "opt_out"), {"evidence": "Leave me alone"}, follow=True)
    assert "Leave me alone" in answer.content.decode() and "is opted out" in answer.content.decode()
    assert set(OptOut.objects.values_list("address", flat=True)) == {thread.address_id, second.pk}
    waiting.refresh_from_db()
    thread.refresh_from_db()
    assert waiting.state == "cancelled" and thread.state == "closed"


def test_opting_out_waits_for_texts_being_handed_over(
    thread: Thread, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound.wait_for_calls, "__defaults__", (0.2,))  # nobody records this call
    campaign_text(thread, state="calling")
    answer = browser.post(url(thread, "opt_out"), {"evidence": ""}, follow=True)
    assert "may still arrive" in answer.content.decode()


def test_close_and_reopen(thread: Thread, browser: Client) -> None:
    browser.post(url(thread, "close"))
    page = browser.get(url(thread)).content.decode()
    assert "This thread is closed" in page and url(thread, "reply") not in page
    refused = browser.post(url(thread, "reply"), typed())
    assert refused.status_code == 422 and "the thread is closed" in refused.content.decode()
    browser.post(url(thread, "reopen"))
    assert url(thread, "reply") in browser.get(url(thread)).content.decode()


def test_opted_out_thread_that_wants_a_person_can_be_done_with(thread: Thread, browser: Client) -> None:
    by_opt_out = {"state": Thread.State.CLOSED, "closed_reason": "opted_out"}
    flagged = "May want to cancel the job of 12/3"
    Thread.objects.update(needs_reply=True, escalated_reason=flagged, **by_opt_out)
    page = browser.get(url(thread)).content.decode()
    assert flagged in page and "Done, and next" in page
    browser.post(url(thread, "close"))
    thread.refresh_from_db()
    assert (thread.needs_reply, thread.escalated_reason, thread.state) == (False, "", Thread.State.CLOSED)
    assert "Done, and next" not in browser.get(url(thread)).content.decode()


def test_notes_are_kept_and_empty_ones_refused(thread: Thread, agent: User, browser: Client) -> None:
    assert browser.post(url(thread, "note"), {"body": "Gate code 12"}).status_code == 302
    refused = browser.post(url(thread, "note"), {"body": " "}, headers=HTMX)
    assert refused.status_code == 422 and "The note is empty" in refused.content.decode()
    assert [(note.body, note.by) for note in Note.objects.all()] == [("Gate code 12", agent)]


def test_assigning_and_escalating_are_recorded(thread: Thread, agent: User, browser: Client) -> None:
    Thread.objects.filter(pk=thread.pk).update(needs_reply=False)
    assert "Unassign" in browser.post(url(thread, "assign"), {"to": "me"}, headers=HTMX).content.decode()
    refused = browser.post(url(thread, "escalate"), {"reason": ""}, headers=HTMX)
    assert refused.status_code == 422 and "Say why" in refused.content.decode()
    browser.post(url(thread, "escalate"), {"reason": "Wants a refund"})
    thread.refresh_from_db()
    assert (thread.assigned_to, thread.escalated_reason, thread.needs_reply) == (
        agent,
        "Wants a refund",
        True,
    )
    assert "Escalated:</strong> Wants a refund" in browser.get(url(thread)).content.decode()
    browser.post(url(thread, "assign"), {"to": ""})
    thread.refresh_from_db()
    assert thread.assigned_to is None
    verbs = AuditEntry.objects.about(thread).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["assigned_thread", "escalated_thread", "assigned_thread"]


def test_a_stranger_cannot_be_given_a_thread(thread: Thread, agent: User) -> None:
    stranger = factories.make_user(factories.make_account(), "agent")
    with pytest.raises(threads.ReplyRefused):
        threads.assign(thread, to=stranger, by=agent, now=clock.now())


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_thread_is_not_closed_over_a_message_nobody_saw(
    thread: Thread, browser: Client, headers: dict[str, str]
) -> None:
    page = browser.get(url(thread)).content.decode()
    seen = re.findall(r'name="seen" value="([^"]+)"', page)
    assert len(seen) == 2 and seen[0] == seen[1], "both ways to close say it"
    factories.make_inbound(thread, "Wait, one more thing")
    browser.post(url(thread, "close"), {"then": "next", "seen": seen[0]}, headers=headers)
    thread.refresh_from_db()
    assert thread.state == "open" and thread.needs_reply
    browser.post(url(thread, "close"), {"then": "next", "seen": thread.latest}, headers=headers)
    thread.refresh_from_db()
    assert thread.state == "closed"


def test_a_poll_gets_304_until_a_message_changes(thread: Thread, browser: Client) -> None:
    message = campaign_text(thread, state="accepted")
    version = browser.get(url(thread))["HX-PTag"]
    headers = {**HTMX, "HX-PTag": version}
    unchanged = browser.get(url(thread), headers=headers)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    Message.objects.filter(pk=message.pk).update(state="delivered")
    changed = browser.get(url(thread), headers=headers)
    region = changed.content.decode()
    assert changed.status_code == 200 and "Delivered" in region and "<html" not in region
    composer = region.split('id="composer-open"')[1].split(">")[0]
    assert "hx-morph-skip" in composer, "a draft somebody is writing is left alone"


def test_a_poll_takes_the_composer_away_when_the_customer_opts_out(thread: Thread, browser: Client) -> None:
    version = browser.get(url(thread))["HX-PTag"]
    suppression.opt_out(thread.address, channel="phone", source="text", evidence="STOP", now=clock.now())
    Thread.objects.filter(pk=thread.pk).update(state="closed", closed_reason="opted_out")
    region = browser.get(url(thread), headers={**HTMX, "HX-PTag": version}).content.decode()
    assert "has opted out" in region and "STOP" in region
    assert 'id="composer-opted_out"' in region, "another id: the morph puts it in the old one's place"
    assert url(thread, "reply") not in region and url(thread, "note") in region


def test_a_marketer_reads_and_writes_nothing(thread: Thread) -> None:
    marketer = signed_in(factories.make_user(thread.account, "marketer"))
    page = marketer.get(url(thread)).content.decode()
    assert "Can you come Friday?" in page and "<textarea" not in page
    for name in ("reply", "note", "close", "reopen", "assign", "escalate", "opt_out"):
        assert marketer.post(url(thread, name), typed()).status_code == 403
    assert not Message.objects.filter(kind="agent").exists() and not OptOut.objects.exists()


def test_a_stranger_finds_nothing(thread: Thread) -> None:
    stranger = signed_in(factories.make_user(factories.make_account(), "admin"))
    assert stranger.get(url(thread)).status_code == 404
    for name in ("reply", "note", "close", "opt_out"):
        assert stranger.post(url(thread, name), typed()).status_code == 404
    assert not OptOut.objects.exists()
