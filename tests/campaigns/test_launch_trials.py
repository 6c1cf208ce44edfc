"""“Test to me” in a launch's review: really sent to whoever asks, to nobody else, and nothing is launched."""

import re
import uuid

import pytest
from django.http import HttpResponse
from django.urls import reverse

from audiences.models import Contact
from campaigns.models import Campaign, LaunchDraft
from common import clock
from conversations import trial_texts
from conversations.models import Lane, Message
from tests import factories
from tests.campaigns.launch_form import HTMX, Ready
from tests.campaigns.test_message_emails import EMAIL

pytestmark = pytest.mark.django_db
URL = reverse("campaigns:launch_trial")
MINE = "(312) 555-0142"


def someone(ready: Ready) -> Contact:
    return ready.account.contacts.earliest("pk")


def send(ready: Ready, *, htmx: bool = False, **fields: object) -> HttpResponse:
    """Press “Test to me” in the review."""
    data = {"token": str(ready.draft.token), "once": str(uuid.uuid4()), **fields}
    return ready.client.post(URL, data, headers=HTMX if htmx else {}, follow=not htmx)


@pytest.fixture
def mailed(ready: Ready) -> Ready:
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    ready.version = factories.make_workflow(ready.account, nodes, [("email", "next", "done")])
    factories.make_mailbox(ready.account)
    factories.give_mailbox(someone(ready), "pat@example.org")
    return ready


def test_the_review_offers_it_outside_of_the_form_that_launches(ready: Ready) -> None:
    page = ready.fill()
    assert page.count('form="launch-trial" name="text"') == 3 and 'form="launch-trial" value=""' in page
    inside, _, after = page.partition('id="launch-form"')[2].partition("</form>")
    assert 'name="text"' in inside and "<form" not in inside and '<form id="launch-trial"' in after
    once = re.findall(r'id="launch-once" name="once" value="(.+?)"', page + ready.fill())
    assert len({uuid.UUID(value) for value in once}) == 2
    assert "trial-phone" not in ready.client.get(reverse("campaigns:launch_stage", args=["time"])).text


def test_the_first_text_comes_to_ones_own_phone_as_a_customer_would_read_it(ready: Ready) -> None:
    ready.fill()
    page = send(ready, text=someone(ready).pk, phone=MINE).content.decode()
    assert "The first text is on its way to (312) 555-0142, as " in page and "Nothing is launched." in page
    text = Message.objects.get()
    assert (text.body or "").startswith("Test: Hi Pat0, Comfort Air here.")
    assert (text.address.value, text.number, text.lane and text.lane.kind) == (
        "+13125550142", ready.number, Lane.Kind.TESTS
    )  # fmt: skip
    assert not Campaign.objects.exists() and ready.draft.begun
    assert f'value="{MINE}"' in page, "the phone is proposed the next time"


def test_the_first_email_comes_to_ones_own_mailbox(mailed: Ready) -> None:
    mailed.fill()
    page = send(mailed, email=someone(mailed).pk).content.decode()
    by = mailed.account.memberships.get().user
    assert f"The first email is on its way to {by.email}" in page
    mail = Message.objects.get()
    assert mail.address.value == by.email and mail.mailbox is not None and mail.template is not None
    assert mail.template.subject == f"Test: {EMAIL['subject']}"
    assert (mail.variables or {})["first_name"] == "Pat0"


def test_a_double_press_sends_one_and_the_next_press_another(ready: Ready) -> None:
    ready.fill()
    once = str(uuid.uuid4())
    for _ in range(2):
        answer = send(ready, htmx=True, once=once, text=someone(ready).pk, phone=MINE)
    assert Message.objects.count() == 1
    anew = re.fullmatch(r'\s*<input type="hidden" id="launch-once" name="once" value="(.+)">\s*', answer.text)
    assert anew and anew[1] != once and "is on its way" in answer["HX-Trigger"]
    send(ready, htmx=True, once=anew[1], text=someone(ready).pk, phone=MINE)
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("phone", "why"),
    [("", "write your phone"), ("911", "write your phone"), ("(312) 555-0101", "is a customer’s phone")],
)
def test_without_a_phone_of_ones_own_nothing_is_sent(ready: Ready, phone: str, why: str) -> None:
    ready.fill()
    page = send(ready, text=someone(ready).pk, phone=phone).content.decode()
    assert "No t" in page and why in page and not Message.objects.exists()


def test_so_many_in_an_hour(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_texts, "PER_HOUR", 1)
    ready.fill()
    send(ready, text=someone(ready).pk, phone=MINE)
    assert "within the hour" in send(ready, text=someone(ready).pk, phone=MINE).content.decode()
    assert Message.objects.count() == 1


def test_who_would_be_skipped_and_what_there_is_not_are_not_sent(ready: Ready) -> None:
    body = {"body": "Your {{ open_estimate_name }}"}
    ready.version = factories.make_workflow(
        ready.account, [("text", "send_sms", body), ("done", "end", {})], [("text", "next", "done")]
    )
    ready.fill()
    for asked in ("text", "email"):
        page = send(ready, **{asked: someone(ready).pk}, phone=MINE).content.decode()
        assert "this customer would not get it" in page
    assert not Message.objects.exists()


def test_of_a_form_that_is_out_of_date_or_before_the_review_nothing_is_sent(ready: Ready) -> None:
    ready.fill(until="time")
    assert "changed elsewhere" in send(ready, text=someone(ready).pk, phone=MINE).content.decode()
    ready.fill()
    page = send(ready, token=str(uuid.uuid4()), text=someone(ready).pk, phone=MINE)
    assert "changed elsewhere" in page.content.decode() and not Message.objects.exists()


def test_nobody_elses_customer_and_nobody_elses_phone_proposed(ready: Ready) -> None:
    ready.fill()
    eve = factories.make_contact(factories.make_account("Other"), factories.reserved(8), first_name="Eve")
    assert send(ready, text=eve.pk, phone=MINE).status_code == 404
    other = factories.make_user(ready.account, "csr")
    trial_texts.send(
        ready.account, number=ready.number, phone="+13125550143", by=other, token=uuid.uuid4(),
        now=clock.now(),
    )  # fmt: skip
    assert 'form="launch-trial" value=""' in ready.fill()
    assert LaunchDraft.objects.filter(account=ready.account).count() == 1
