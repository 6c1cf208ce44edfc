"""An open thread asks every second: what that costs while nothing changes, and that no change is missed."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import polling
from accounts.models import Account, Membership, User
from analytics.models import JobCredit
from audiences.models import Address, Contact, ContactAddress, Job, JobType, OptOut, Tag
from campaigns import engine, enrolling, launching
from campaigns.models import Booking, Campaign, Enrollment, Node, Step
from common import clock, htmx
from conversations import corrections, opt_outs, threads
from conversations.models import Call, ContactHold, Lane, Message, Note, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
MONDAY_NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # in Chicago
MOST = 6  # queries of a poll that finds nothing: three for who asks, the thread, its stamps, both as they are
LIST_MOST = 6


@dataclass
class World:
    """One thread with a line of every kind."""

    account: Account
    agent: User
    thread: Thread
    browser: Client

    def poll(self, version: str, *, timed: bool = False) -> tuple[int, str]:
        """Status and version of a poll by somebody who has this version; `timed`: by the page's own clock."""
        headers = {**HTMX, "HX-PTag": version} | ({"X-Poll": "1"} if timed else {})
        answer = self.browser.get(reverse("conversations:thread", args=[self.thread.pk]), headers=headers)
        return answer.status_code, answer["HX-PTag"]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the product's clock."""
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def world(at: Callable[[datetime], None]) -> World:
    at(MONDAY_NOON)
    now = clock.now()
    account = factories.make_account("Comfort Air")
    agent = factories.make_user(account, "agent", name="Ana Agent")
    thread = factories.make_thread(account, body="Can you come Friday?", name="Pat Customer")
    contact = thread.contact
    version = factories.make_workflow(account)
    draft = launching.Draft(
        name="Fall tune-up", version=version, audience=factories.make_audience(account), number=thread.number
    )
    campaign = launching.launch(account, draft, by=None, now=now)
    enrolling.enroll(campaign, now=now)
    engine.run_round(now=now)
    contact.tags.add(Tag.objects.create(account=account, name="Gold", servicetitan_id=1))
    kind = JobType.objects.create(account=account, name="Repair", servicetitan_id=1)
    job = Job.objects.create(
        account=account, servicetitan_id=7, number="7007", status="Scheduled", job_type=kind,
        servicetitan_customer_id=contact.servicetitan_customer_id, created_on=now,
    )  # fmt: skip
    other = factories.make_contact(account, name="Sam Customer")
    Contact.objects.filter(pk=other.pk).update(household=contact.household)
    step = Step.objects.get(enrollment__contact=contact)
    JobCredit.objects.create(
        account=account,
        job=job,
        campaign=campaign,
        node=step.node,
        enrollment=step.enrollment,
        link="booking",
    )
    Booking.objects.create(
        account=account, external_id="truckroll-step-1", contact=contact, by=agent, summary="Tune-up"
    )
    threads.reply(thread, body="We can.", by=agent, token=uuid.uuid4(), now=now)
    threads.note(thread, body="Has two units", by=agent, now=now)
    threads.assign(thread, to=agent, by=agent, now=now)
    ContactHold.objects.create(contact=contact, reason="reply", until=now + timedelta(hours=72))
    opt_outs.record([thread.address], contact=contact, source="text", evidence="STOP", now=now)
    OptOut.objects.update(lifted_at=now)
    Thread.objects.update(state="open", closed_reason="")
    return World(account, agent, thread, signed_in(agent))


def version_of(world: World) -> str:
    """The version a browser has that has just loaded the page."""
    return str(world.browser.get(reverse("conversations:thread", args=[world.thread.pk]))["HX-PTag"])


def test_a_poll_that_finds_nothing_is_cheap(world: World) -> None:
    version = version_of(world)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert world.poll(version) == (304, version)
    assert len(asked) <= MOST, [one["sql"][:2000] for one in asked.captured_queries]


def test_the_list_beside_it_is_cheap(world: World) -> None:
    url = reverse("conversations:inbox") + f"?folder=all&thread={world.thread.pk}"
    version = world.browser.get(url, headers=HTMX)["HX-PTag"]
    with CaptureQueriesContext(connection) as asked:
        assert world.browser.get(url, headers={**HTMX, "HX-PTag": version}).status_code == 304
    assert len(asked) <= LIST_MOST, [one["sql"][:2000] for one in asked.captured_queries]


def test_every_table_that_the_page_reads_is_in_its_version(world: World) -> None:
    version = version_of(world)
    with CaptureQueriesContext(connection) as unchanged:
        world.poll(version)
    with CaptureQueriesContext(connection) as changed:
        assert world.poll("another")[0] == 200
    watched, read = tables(unchanged), tables(changed)
    assert {"conversations_message", "campaigns_enrollment", "audiences_job"} <= read, "the page has it all"
    assert read <= watched


def tables(captured: CaptureQueriesContext) -> set[str]:
    """The tables that these queries read."""
    return {
        name for one in captured.captured_queries for name in re.findall(r'(?:FROM|JOIN) "(\w+)"', one["sql"])
    }


CHANGES: dict[str, Callable[[World], object]] = {
    "a message comes": lambda w: factories.make_inbound(w.thread, "Or Saturday?"),
    "a call comes": lambda w: Call.objects.create(
        account=w.account,
        number=w.thread.number,
        address=w.thread.address,
        contact=w.thread.contact,
        direction="in",
        state="completed",
        created_at=clock.now(),
    ),
    "a message moves": lambda w: Message.objects.filter(kind="agent").update(state="delivered"),
    "a message's reason": lambda w: Message.objects.filter(kind="agent").update(reason="Switched off"),
    "a message is read": lambda w: corrections.correct(
        Message.objects.get(kind="inbound"), "booking_yes", w.agent
    ),
    "the campaign is renamed": lambda w: Campaign.objects.update(name="Winter tune-up"),
    "its lane is renamed": lambda w: Lane.objects.update(name="Winter tune-up"),
    "a note": lambda w: threads.note(w.thread, body="More", by=w.agent, now=clock.now()),
    "a note goes": lambda w: Note.objects.all().delete(),
    "an act": lambda w: threads.escalate(w.thread, reason="Refund", by=w.agent, now=clock.now()),
    "assigned to nobody": lambda w: Thread.objects.filter(pk=w.thread.pk).update(assigned_to=None),
    "an opt-out": lambda w: opt_outs.by_agent(w.thread.contact, by=w.agent, evidence="", now=clock.now()),
    "a step goes on": lambda w: Step.objects.update(state="waiting"),
    "a step stands at another node": lambda w: Step.objects.update(
        node=Node.objects.exclude(pk=Step.objects.values("node")[:1]).first()
    ),
    "a passage ends": lambda w: Enrollment.objects.update(
        state="ended", ended_at=clock.now(), ended_reason="opted_out"
    ),
    "a booking is taken": lambda w: Booking.objects.update(state="accepted"),
    "a booking goes": lambda w: Booking.objects.all().delete(),
    "a job is renumbered": lambda w: Job.objects.update(number="8008"),
    "a job's kind is renamed": lambda w: JobType.objects.update(name="Rescue"),
    "a credit goes": lambda w: JobCredit.objects.all().delete(),
    "the contact is renamed": lambda w: Contact.objects.filter(pk=w.thread.contact_id).update(name="Pat C."),
    "the contact moves": lambda w: Contact.objects.filter(pk=w.thread.contact_id).update(street="9 Oak St"),
    "a housemate is renamed": lambda w: Contact.objects.exclude(pk=w.thread.contact_id).update(name="Sue"),
    "a tag": lambda w: w.thread.contact.tags.clear(),
    "a tag is renamed": lambda w: Tag.objects.update(name="Silver"),
    "a phone's kind": lambda w: Address.objects.update(line_type="landline"),
    "a phone's label": lambda w: ContactAddress.objects.update(label="Work"),
    "the hold ends": lambda w: ContactHold.objects.update(resolved_at=clock.now()),
    "the hold is longer": lambda w: ContactHold.objects.update(until=clock.now() + timedelta(hours=99)),
    "a colleague is renamed": lambda w: User.objects.update(name="Bea Agent"),
    "a colleague comes": lambda w: factories.make_user(w.account, "agent", name="Cy Agent"),
    "a role is another": lambda w: Membership.objects.update(role="marketer"),
}


@pytest.fixture
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every timed poll asks the rows, and who may ask."""
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 0)
    monkeypatch.setattr(polling, "STANDING_SECONDS", 0)


@pytest.mark.usefixtures("nothing_remembered")
@pytest.mark.parametrize("change", CHANGES)
def test_no_change_goes_unnoticed(world: World, change: str) -> None:
    version = version_of(world)
    assert world.poll(version) == (304, version)
    for _ in range(2):  # the second time the view alone is asked
        assert world.poll(version, timed=True) == (304, version)
    CHANGES[change](world)
    status, newer = world.poll(version, timed=True)
    assert status == 200 and newer != version
    assert world.poll(newer) == (304, newer)


@pytest.mark.usefixtures("nothing_remembered")
def test_a_timed_poll_that_finds_nothing_asks_for_two_things(world: World) -> None:
    version = version_of(world)
    assert world.poll(version, timed=True) == (304, version)
    with CaptureQueriesContext(connection) as asked:
        assert world.poll(version, timed=True) == (304, version)
    told = [one["sql"] for one in asked.captured_queries]
    assert len(told) == 2, told  # who asks; whether the thread and all that it shows are as they were
    assert "django_session" in told[0] and "conversations_thread" in told[1]


@pytest.mark.usefixtures("nothing_remembered")
def test_a_timed_poll_sees_its_account_as_it_is(world: World) -> None:
    version = version_of(world)
    for _ in range(2):
        assert world.poll(version, timed=True) == (304, version)
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Denver")
    assert world.poll(version, timed=True)[0] == 200
    other = factories.make_thread(factories.make_account("Beta"), name="Somebody else's")
    Thread.objects.filter(pk=world.thread.pk).update(account=other.account)
    url = reverse("conversations:thread", args=[world.thread.pk])
    for _ in range(2):
        asked = {**HTMX, "HX-PTag": version, "X-Poll": "1"}
        assert world.browser.get(url, headers=asked).status_code == 404


@pytest.mark.parametrize(
    ("first", "later", "status"),
    [
        (MONDAY_NOON, MONDAY_NOON + timedelta(minutes=5), 304),
        (MONDAY_NOON, datetime(2026, 11, 24, 1, 0, tzinfo=UTC), 200),  # 7 pm: texts would wait
        (datetime(2026, 11, 24, 3, 40, tzinfo=UTC), datetime(2026, 11, 24, 3, 40, 59, tzinfo=UTC), 304),
        (datetime(2026, 11, 24, 3, 40, tzinfo=UTC), datetime(2026, 11, 24, 3, 41, tzinfo=UTC), 200),
        (datetime(2026, 11, 24, 5, 59, tzinfo=UTC), datetime(2026, 11, 24, 6, 0, tzinfo=UTC), 200),
        (MONDAY_NOON + timedelta(hours=71), MONDAY_NOON + timedelta(hours=72), 200),  # the hold is over
    ],
)
def test_the_hour_is_noticed(
    world: World, at: Callable[[datetime], None], first: datetime, later: datetime, status: int
) -> None:
    at(first)
    version = version_of(world)
    at(later)
    assert world.poll(version)[0] == status


def test_a_row_that_is_only_locked_changes_nothing(world: World) -> None:
    version = version_of(world)
    list(Message.objects.select_for_update())
    list(Enrollment.objects.select_for_update(no_key=True))
    assert world.poll(version) == (304, version)
