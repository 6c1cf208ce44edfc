"""The pages of a test on oneself: who is walked, the walk, its emails, and what is sent for real."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from audiences import suppression
from campaigns import editing, workflow_drafts
from campaigns.models import Walkthrough
from campaigns.walkthroughs import for_real
from common import clock
from conversations import trial_texts
from conversations.models import Message
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.walking import begun, company, go

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
HTMX = {"HX-Request": "true"}
NODES = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}, see https://www.example.com/offer"}),
    ("reply", "wait_for_reply", {"timeout_minutes": 60}),
    ("mail", "send_email", {"subject": "Hello {{ first_name }}", "body": "Your offer"}),
    ("done", "end", {}),
]
EDGES = [
    ("text", "next", "reply"), ("reply", "question", "mail"), ("reply", "no_reply", "mail"),
    ("mail", "next", "done"),
]  # fmt: skip


class Page:
    """One company's pages, looked at by somebody who edits workflows."""

    def __init__(self) -> None:
        self.account, self.by, self.ann = company()
        self.version = factories.make_workflow(self.account, NODES, EDGES, name="Autumn offer")
        self.browser = signed_in(self.by)
        self.url = reverse("campaigns:walkthroughs", args=[self.version.workflow_id])

    def begin(self, who: str) -> Walkthrough:
        answer = self.browser.post(self.url, {"who": who, "version": ""})
        assert answer.status_code == 302, answer.content
        return Walkthrough.objects.get()

    def act(self, walk: Walkthrough, htmx: bool = False, **posted: Any) -> Any:
        walk.refresh_from_db()
        url = reverse("campaigns:walkthrough_act", args=[walk.workflow_id, walk.pk])
        return self.browser.post(url, {"revision": walk.revision, **posted}, headers=HTMX if htmx else {})


@pytest.fixture
def page() -> Page:
    return Page()


def test_a_customer_is_found_and_walked_to_the_end(page: Page) -> None:
    found = page.browser.get(page.url, {"q": page.ann.name}, headers=HTMX).content.decode()
    assert f'value="{page.ann.pk}"' in found and "<html" not in found
    assert "No customer answers" in page.browser.get(page.url, {"q": "nobody at all"}).content.decode()
    walk = page.begin(str(page.ann.pk))
    shown = page.browser.get(f"{page.url}{walk.pk}/").content.decode()
    assert f"As {page.ann.name}" in shown and "They have just entered" in shown
    shown = page.act(walk, htmx=True, do="next").content.decode()
    assert "Hi Ann, see" in shown and "leads to https://www.example.com/offer" in shown
    assert "<html" not in shown and "node-card--walked" in shown and 'data-walked="[' in shown
    page.act(walk, do="click", n="0")
    page.act(walk, do="reply", words="What does it cost?")
    shown = page.act(walk, htmx=True, do="next").content.decode()
    assert "read as a question" in shown and "The passage is over" in shown
    assert not Message.objects.exists()


def test_an_email_is_shown_in_a_frame_that_may_do_nothing(page: Page) -> None:
    walk = page.begin("en")
    for _ in range(2):
        page.act(walk, do="next")
    walk.refresh_from_db()
    (number,) = walk.shown["mails"]
    answer = page.browser.get(f"{page.url}{walk.pk}/email/{number}/")
    assert "sandbox; default-src 'none'" in answer["Content-Security-Policy"]
    assert "Your offer" in answer.content.decode()
    assert page.browser.get(f"{page.url}{walk.pk}/email/99/").status_code == 404


def test_two_tabs_are_told_and_see_where_it_stands(page: Page) -> None:
    walk = page.begin("en")
    page.act(walk, do="next")
    url = reverse("campaigns:walkthrough_act", args=[walk.workflow_id, walk.pk])
    late = page.browser.post(url, {"revision": 0, "do": "next"}, headers=HTMX)
    assert late.status_code == 409 and "gone on with meanwhile" in late.content.decode()
    assert "see http" in late.content.decode()


@pytest.mark.parametrize(
    "posted",
    [{"do": "fly"}, {"do": "reply", "words": " "}, {"do": "click", "n": "x"}, {"do": "key", "key": "7"}],
)
def test_what_is_no_act_is_refused_in_words(page: Page, posted: dict[str, str]) -> None:
    walk = page.begin("en")
    answer = page.act(walk, htmx=True, **posted)
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()
    walk.refresh_from_db()
    assert walk.acts == []


def test_a_draft_that_cannot_run_leads_to_what_is_to_be_mended(page: Page) -> None:
    broken = factories.make_workflow(
        page.account, [("text", "send_sms", {"body": "{{ nothing }}"}), ("done", "end", {})],
        [("text", "next", "done")], publish=False,
    )  # fmt: skip
    url = reverse("campaigns:walkthroughs", args=[broken.workflow_id])
    shown = page.browser.get(url).content.decode()
    assert f"/workflows/{broken.workflow_id}/edit/?step=text" in shown
    answer = page.browser.post(url, {"who": "en"})
    assert answer.status_code == 422 and "to finish before it can be walked" in answer.content.decode()


def test_a_published_version_is_walked_while_the_draft_is_another(page: Page) -> None:
    workflow_drafts.apply(
        page.version.workflow, lambda drawn: editing.change(drawn, "text", settings={"body": "New words"}),
        said="", revision=0, by=page.by, now=clock.now(),
    )  # fmt: skip
    shown = page.browser.get(page.url).content.decode()
    assert "The draft as it is now" in shown and f'<option value="{page.version.pk}">Version 1' in shown
    page.browser.post(page.url, {"who": "en", "version": page.version.pk})
    walk = Walkthrough.objects.get()
    page.act(walk, do="next")
    walk.refresh_from_db()
    assert walk.drawn_as == "Version 1" and "New words" not in str(walk.shown)


def test_a_start_ahead_is_by_the_companys_clock(page: Page) -> None:
    page.browser.post(page.url, {"who": "en", "starts_at": "2026-12-24T09:30"})
    assert Walkthrough.objects.get().starts_at.isoformat() == "2026-12-24T15:30:00+00:00"


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("marketer", 200), ("csr", 403), ("agent", 403)]
)
def test_whoever_edits_workflows_may(page: Page, role: str, status: int) -> None:
    assert signed_in(factories.make_user(page.account, role)).get(page.url).status_code == status


def test_nobody_of_another_account_sees_it(page: Page) -> None:
    walk = page.begin("en")
    stranger = signed_in(factories.make_user(factories.make_account(), "admin"))
    assert stranger.get(f"{page.url}{walk.pk}/").status_code == 404
    theirs = factories.make_contact(factories.make_account(), phone="+13125550177")
    assert page.browser.post(page.url, {"who": theirs.pk}).status_code == 404


def test_editor_and_list_lead_there(page: Page) -> None:
    for url in (reverse("campaigns:editor", args=[page.version.workflow_id]), reverse("campaigns:workflows")):
        assert f'href="{page.url}"' in page.browser.get(url).content.decode()


class TestForReal:
    """Sending what was shown to oneself."""

    def send(self, page: Page, walk: Walkthrough, token: uuid.UUID | None = None, **posted: Any) -> str:
        url = reverse("campaigns:walkthrough_send", args=[walk.workflow_id, walk.pk])
        answer = page.browser.post(url, {"once": token or uuid.uuid4(), **posted}, follow=True)
        return re.sub(r"\s+", " ", answer.content.decode())

    def walked(self, page: Page) -> Walkthrough:
        walk = begun(page.by, page.version, page.ann, now=clock.now())
        go(walk, "next")
        go(walk, "next")
        return walk

    def test_all_of_it_goes_to_ones_own_phone_and_mailbox_marked_as_a_test(self, page: Page) -> None:
        walk = self.walked(page)
        said = self.send(page, walk, phone="(312) 555-0142")
        assert "On the way, marked as tests: “Text” to" in said
        text, mail = Message.objects.order_by("pk")
        assert text.body == "Test: Hi Ann, see https://www.example.com/offer\nReply STOP to opt out."
        assert (text.address.value, text.lane.kind, text.kind) == ("+13125550142", "tests", "agent")
        assert mail.address.value == page.by.email and mail.template is not None
        assert mail.template.subject == "Test: Hello {{ first_name }}"
        verbs = set(AuditEntry.objects.values_list("verb", flat=True))
        assert {"sent_test_text", "sent_test_email"} <= verbs

    def test_the_same_press_twice_is_once(self, page: Page) -> None:
        walk, token = self.walked(page), uuid.uuid4()
        for _ in range(2):
            self.send(page, walk, token, phone="(312) 555-0142")
        assert Message.objects.count() == 2

    def test_the_same_press_twice_is_once_at_the_limit_too(
        self, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trial_texts, "PER_HOUR", 1)
        walk, token = self.walked(page), uuid.uuid4()
        for _ in range(2):
            said = self.send(page, walk, token, phone="(312) 555-0142")
            assert "On the way, marked as tests: “Text” to" in said and "within the hour" not in said
        assert Message.objects.filter(number__isnull=False).count() == 1

    def test_the_next_press_is_another(self, page: Page) -> None:
        walk, url = self.walked(page), ""
        once = str(uuid.uuid4())
        for _ in range(2):
            url = reverse("campaigns:walkthrough_send", args=[walk.workflow_id, walk.pk])
            answer = page.browser.post(url, {"once": once, "phone": "(312) 555-0142"}, headers=HTMX)
            found = re.search(r'id="walk-once" name="once" value="([-\w]+)"', answer.text)
            assert found and found[1] != once
            once = found[1]
        assert Message.objects.filter(number__isnull=False).count() == 2

    def test_another_phone_is_another_test(self, page: Page) -> None:
        walk, token = self.walked(page), uuid.uuid4()
        for phone in ("(312) 555-0142", "(312) 555-0143"):
            self.send(page, walk, token, phone=phone)
        texts = Message.objects.filter(number__isnull=False).order_by("pk")
        assert [text.address.value for text in texts] == ["+13125550142", "+13125550143"]

    def test_one_of_them_alone(self, page: Page) -> None:
        walk = self.walked(page)
        (number, _), _ = for_real.messages(walk)
        self.send(page, walk, only=number, phone="(312) 555-0142")
        assert Message.objects.get().number is not None

    def test_never_a_customers_phone_nor_one_that_opted_out(self, page: Page) -> None:
        walk = self.walked(page)
        said = self.send(page, walk, phone="(312) 555-0101")
        assert "is a customer’s phone" in said and "“Mail” to" in said
        assert not Message.objects.filter(number__isnull=False).exists()
        self.send(page, walk, phone="(312) 555-0142")
        mine = Message.objects.get(number__isnull=False).address
        suppression.opt_out(mine, channel="phone", source="text", now=clock.now(), evidence="STOP")
        assert "has opted out" in self.send(page, walk, phone="(312) 555-0142")

    def test_without_a_phone_the_email_goes_alone(self, page: Page) -> None:
        said = self.send(page, self.walked(page), phone="nothing")
        assert "write your phone" in said and Message.objects.get().mailbox is not None

    def test_so_many_in_an_hour(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trial_texts, "PER_HOUR", 1)
        walk = self.walked(page)
        self.send(page, walk, phone="(312) 555-0142")
        assert "within the hour" in self.send(page, walk, phone="(312) 555-0142")
        assert Message.objects.filter(number__isnull=False).count() == 1


def test_signed_out_nobody_gets_anywhere(page: Page) -> None:
    assert Client().get(page.url).status_code == 302
