"""The workflows to begin with, each walked through the engine along all its ways, published as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from accounts.models import Account, Role
from audiences import own_tags
from audiences.models import Contact
from campaigns import bookings, engine, enrolling, launching, starters
from campaigns.models import Booking, Campaign, Enrollment, Step, WorkflowVersion
from campaigns.starters import MEMBER_TAG, STARTERS, Starter
from common import clock
from conversations import call_outcomes, delivery, inbound
from conversations.models import Message, PlannedCall
from integrations.messaging import InboundText
from integrations.servicetitan import records
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
NOON = datetime.fromisoformat("2026-11-23T18:00:00+00:00")  # Monday noon in Chicago
YES, ASKS = "Yes please, book me in", "What does it cost?"


@dataclass
class Life:
    """What one customer, ServiceTitan's office and our agents do, in turn."""

    says: Sequence[str] = ()  # at each wait for a reply; blank: nothing
    booked: bool = True
    calls: str = "no_answer"  # what comes of every try to call
    refused: Sequence[str] = ()  # texts that the provider refuses, by the key of their step
    member: bool = False
    mailbox: bool = True


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    found = [NOON]
    monkeypatch.setattr(clock, "now", lambda: found[-1])
    return found


def published(account: Account, starter: Starter) -> WorkflowVersion:
    """Begun and published by a marketer through the pages, with nothing edited."""
    mia = signed_in(factories.make_user(account, Role.MARKETER))
    mia.post(f"/workflows/begin/{starter.slug}/")
    version = WorkflowVersion.objects.select_related("workflow").get(workflow__account=account)
    mia.post(f"/workflows/{version.workflow_id}/edit/publish/", {"revision": 0})
    version.refresh_from_db()
    assert version.published_at is not None
    return version


def live(starter: Starter, life: Life, moments: list[datetime]) -> list[str]:
    """Launch to one customer, and let everything happen at the moments it is due; the steps they took."""
    account = factories.make_account()
    ann = factories.make_contact(account, "+13125550150", first_name="Ann")
    if life.mailbox:
        factories.give_mailbox(ann, "ann@example.org")
    if life.member:
        own_tags.add(account.pk, [ann.pk], [MEMBER_TAG])
    factories.make_mailbox(account)
    draft = launching.Draft(
        name=starter.name, version=published(account, starter), audience=factories.make_audience(account),
        number=factories.make_number(account, "+13125550190"),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=clock.now(), at=None)
    enrolling.enroll(campaign, now=clock.now())
    said = list(life.says)
    for _ in range(80):
        while engine.run_round(now=clock.now()) or send(life) or call(life) or book(life):
            pass
        if Enrollment.objects.get().state == "ended":
            break
        waits = Step.objects.filter(node__kind="wait_for_reply", state="waiting").first()
        if waits and said:
            if words := said.pop(0):
                answer(campaign, ann, words)
                moments.append(clock.now() + timedelta(seconds=1))
                continue
            said = said if said else [""]
        moments.append(due(campaign))
    steps = Step.objects.filter(campaign=campaign).order_by("pk").values_list("node__key", flat=True)
    assert Enrollment.objects.get().ended_reason == "finished", list(steps)
    return list(steps)


def due(campaign: Campaign) -> datetime:
    """The next moment at which anything is due: a step, or another try of a call."""
    steps = Step.objects.filter(campaign=campaign, due_at__isnull=False).values_list("due_at", flat=True)
    tries = PlannedCall.objects.filter(state="queued").values_list("due_at", flat=True)
    return max(clock.now() + timedelta(minutes=1), min([*steps, *tries]))


def send(life: Life) -> bool:
    """The provider takes what is queued, or refuses it."""
    found = list(Message.objects.filter(state="queued", due_at__lte=clock.now()))
    for message in found:
        subject = "Hi" if message.mailbox_id else ""
        Message.objects.filter(pk=message.pk).update(state="calling", body="Hello", subject=subject)
    for message in found:
        key = Step.objects.get(message=message).node.key
        move = delivery.Move(message.pk, "accepted", f"SM{message.pk}", "", "", 1)
        if key in life.refused:
            move = delivery.Move(message.pk, "failed", None, "30005", "unknown", 1)
        delivery.advance([move], now=clock.now())
    return bool(found)


def call(life: Life) -> bool:
    waiting = PlannedCall.objects.filter(state="queued", due_at__lte=clock.now())
    for pk in list(waiting.values_list("pk", flat=True)):
        call_outcomes.outcome(pk, life.calls, now=clock.now())
        return True
    return False


def book(life: Life) -> bool:
    """The office makes a job of the request, or ServiceTitan is not there to ask."""
    for booking in Booking.objects.filter(state="requested").select_related("account", "contact"):
        if life.booked:
            job = records.Job(
                id=77, customer_id=booking.contact.servicetitan_customer_id, job_status="Scheduled",
                created_on=clock.now(),
            )  # fmt: skip
            bookings.record(booking, servicetitan_id=5, job=job, now=clock.now())
        else:
            Booking.objects.update(next_try_at="2000-01-01T00:00:00Z")
            bookings.work(now=clock.now())
        return True
    return False


def answer(campaign: Campaign, ann: Contact, words: str) -> None:
    text = InboundText(
        f"IN{Message.objects.count()}", to=campaign.number.e164, from_="+13125550150", body=words
    )
    assert inbound.receive(text, account=campaign.account, now=clock.now())


ASKED = ["first_text", "first_wait"]
TWICE = [*ASKED, "who", "second_text", "second_wait"]
LIVES: dict[str, dict[str, tuple[Life, list[str]]]] = {
    "tune-up-season": {
        "a yes": (Life([YES]), [*ASKED, "booking", "booked_text", "done"]),
        "a yes, and no slot": (Life([YES], booked=False), [*ASKED, "booking", "not_booked_text", "done"]),
        "a question": (Life([ASKS]), [*ASKED, "who", "done"]),
        "a late yes": (Life(["", YES]), [*TWICE, "booking", "booked_text", "done"]),
        "a member’s late yes": (
            Life(["", YES], member=True),
            [*ASKED, "who", "member_text", "second_wait", "booking", "booked_text", "done"],
        ),
        "nothing": (Life(), [*TWICE, "done"]),
        "a phone that takes no text": (Life(refused=["first_text"]), ["first_text", "done"]),
        "a phone that takes one text": (
            Life(refused=["second_text"]), [*ASKED, "who", "second_text", "done"]
        ),
        "a member’s phone that takes one": (
            Life(refused=["member_text"], member=True), [*ASKED, "who", "member_text", "done"]
        ),
    },
    "estimate-follow-up": {
        "a yes": (Life([YES]), [*ASKED, "booking", "booked_text", "done"]),
        "a yes, and no slot": (Life([YES], booked=False), [*ASKED, "booking", "not_booked_text", "done"]),
        "a question": (Life([ASKS]), [*ASKED, "who", "done"]),
        "a late yes": (Life(["", YES]), [*TWICE, "booking", "booked_text", "done"]),
        "spoken to": (Life(calls="answered"), [*TWICE, "call", "done"]),
        "called back later": (Life(calls="call_back"), [*TWICE, "call", "done"]),
        "booked on the call": (Life(calls="booked"), [*TWICE, "call", "booked_text", "done"]),
        "never reached": (Life(), [*TWICE, "call", "done"]),
        "a phone that takes no text": (Life(refused=["first_text"]), ["first_text", "done"]),
        "a phone that takes one text": (
            Life(refused=["second_text"]), [*ASKED, "who", "second_text", "done"]
        ),
    },
    "membership-renewal": {
        "a yes": (Life([YES]), [*ASKED, "booking", "booked_text", "booked_email", "done"]),
        "a yes, and no slot": (Life([YES], booked=False), [*ASKED, "booking", "not_booked_text", "done"]),
        "a question": (Life([ASKS]), [*ASKED, "who", "done"]),
        "a late yes": (Life(["", YES]), [*TWICE, "booking", "booked_text", "booked_email", "done"]),
        "spoken to": (Life(calls="answered"), [*TWICE, "call", "done"]),
        "called back later": (Life(calls="call_back"), [*TWICE, "call", "done"]),
        "booked on the call": (
            Life(calls="booked"), [*TWICE, "call", "booked_text", "booked_email", "done"]
        ),
        "never reached": (Life(), [*TWICE, "call", "last_email", "done"]),
        "never reached, without a mailbox": (Life(mailbox=False), [*TWICE, "call", "last_email", "done"]),
        "a phone that takes no text": (Life(refused=["first_text"]), ["first_text", "done"]),
        "a phone that takes one text": (
            Life(refused=["second_text"]), [*ASKED, "who", "second_text", "done"]
        ),
    },
}  # fmt: skip
EVERY = [(slug, name) for slug, lives in LIVES.items() for name in lives]


@pytest.mark.parametrize(("slug", "name"), EVERY)
def test_everybody_comes_to_the_end_that_is_theirs(slug: str, name: str, moments: list[datetime]) -> None:
    life, expected = LIVES[slug][name]
    assert live(STARTERS[slug], life, moments) == expected


@pytest.mark.parametrize("slug", STARTERS)
def test_these_lives_take_every_way_that_is_drawn(slug: str) -> None:
    drawn = {(source, target) for source, _, target in starters.edges(STARTERS[slug])}
    taken = {pair for _, expected in LIVES[slug].values() for pair in pairwise(expected)}
    assert taken == drawn
