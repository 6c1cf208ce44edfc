"""Waits by the week and around appointments, splits, handoffs, and notes on the contact."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from audiences import own_tags
from audiences.models import Appointment, Contact, ContactTag, Job, Tag
from audiences.servicetitan_pages import apply_appointments, apply_customers
from campaigns import appointments, engine, enrolling, graph, launching
from campaigns.models import Campaign, Enrollment, Step
from campaigns.nodes import KINDS
from common import clock
from conversations import opt_outs
from conversations.models import Thread
from integrations.models import SendingNumber
from integrations.servicetitan.records import Appointment as SourceAppointment
from integrations.servicetitan.records import Customer as SourceCustomer
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
TEXT = ("text", "send_sms", {"body": "Hello"})
DAY = 24 * 60


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The clock stands at the last of these."""
    moments = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


def launch(
    account: Account, first: tuple[str, str, dict[str, Any]], edges: list[tuple[str, str, str]]
) -> Campaign:
    """A campaign whose first node is `first`; what it does not lead to is a text."""
    targets = {target for _, _, target in edges}
    nodes = [first, TEXT, ("done", "end", {}), *([("none", "end", {})] if "none" in targets else [])]
    draft = launching.Draft(
        name="Waiting",
        version=factories.make_workflow(account, nodes, [*edges, ("text", "next", "done")]),
        audience=factories.make_audience(account),
        number=factories.make_number(account),
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    return campaign


def step_at(campaign: Campaign, key: str) -> Step:
    return Step.objects.get(campaign=campaign, node__key=key)


def visit(contact: Contact, starts_at: datetime, *, number: int = 7, **fields: Any) -> Appointment:
    job = Job.objects.create(
        account=contact.account, servicetitan_id=number, status="Scheduled",
        servicetitan_customer_id=contact.servicetitan_customer_id,
    )  # fmt: skip
    fields = {"status": "Scheduled", **fields}
    return Appointment.objects.create(
        account=contact.account, servicetitan_id=number * 10, servicetitan_job_id=job.servicetitan_id,
        starts_at=starts_at, ends_at=starts_at, **fields,
    )  # fmt: skip


def moved(visit: Appointment, starts_at: datetime, **fields: Any) -> None:
    """The sync learns that the visit is at another time."""
    record = SourceAppointment.model_validate(
        {
            "id": visit.servicetitan_id, "jobId": visit.servicetitan_job_id,
            "start": starts_at, "end": starts_at, "modifiedOn": clock.now(),
            "status": "Scheduled", "active": True, **fields,
        }
    )  # fmt: skip
    apply_appointments(visit.account, [record])


def test_until_a_time_of_the_week_is_the_contacts_own(moment: list[datetime]) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(
        account, ("until", "wait", {"until": {"days": [1], "at": "09:00"}}), [("until", "next", "text")]
    )
    engine.run_round(now=clock.now())
    tuesday = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # nine in Chicago
    assert (step_at(campaign, "until").state, step_at(campaign, "until").due_at) == ("waiting", tuesday)
    assert engine.run_round(now=tuesday - timedelta(seconds=1)) == 0
    moment.append(tuesday)
    assert engine.run_round(now=clock.now())
    assert step_at(campaign, "until").state == "completed"


@pytest.mark.parametrize(("offset", "due"), [(-DAY, timedelta(days=2)), (2 * 60, timedelta(days=3, hours=2))])
def test_a_wait_follows_the_appointment(moment: list[datetime], offset: int, due: timedelta) -> None:
    account = factories.make_account()
    booked = visit(factories.make_contact(account), NOON + timedelta(days=3))
    around = {"around": {"field": "appointment", "minutes": offset}}
    campaign = launch(
        account, ("near", "wait", around), [("near", "next", "text"), ("near", "no_appointment", "none")]
    )
    engine.run_round(now=clock.now())
    assert step_at(campaign, "near").due_at == NOON + due
    moment.append(NOON + timedelta(hours=1))
    moved(booked, NOON + timedelta(days=5))
    engine.run_round(now=clock.now())
    assert step_at(campaign, "near").due_at == NOON + due + timedelta(days=2)
    moment.append(NOON + due)
    assert engine.run_round(now=clock.now()) == 0
    moment.append(NOON + due + timedelta(days=2))
    engine.run_round(now=clock.now())
    assert (step_at(campaign, "near").outcome, step_at(campaign, "text").state) == ("next", "scheduled")


def statements_of_a_wait(visits: int) -> int:
    """How many statements one round takes whose contacts all have visits at times of their own."""
    account = factories.make_account()
    for index in range(visits):
        visit(
            factories.make_contact(account, phone=factories.reserved(index)),
            NOON + timedelta(days=3, minutes=index), number=index + 1,
        )  # fmt: skip
    around = {"around": {"field": "appointment", "minutes": -60}}
    campaign = launch(account, ("near", "wait", around), [("near", "next", "text")])
    with CaptureQueriesContext(connection) as taken:
        engine.run_round(now=clock.now())
    dues = dict(Step.objects.filter(campaign=campaign).values_list("enrollment__contact", "due_at"))
    assert sorted(dues.values()) == [NOON + timedelta(days=3, minutes=n - 60) for n in range(visits)]
    Campaign.objects.update(status="paused")
    numbers = SendingNumber.objects.filter(account=account)
    numbers.update(e164=factories.reserved(80 + visits))  # the next account has it
    return len(taken)


def test_visits_at_times_of_their_own_cost_no_statement_each(moment: list[datetime]) -> None:
    assert statements_of_a_wait(2) == statements_of_a_wait(9)


def test_a_cancelled_appointment_leads_elsewhere_at_once(moment: list[datetime]) -> None:
    account = factories.make_account()
    booked = visit(factories.make_contact(account), NOON + timedelta(days=3))
    around = {"around": {"field": "appointment", "minutes": -DAY}}
    campaign = launch(
        account, ("near", "wait", around), [("near", "next", "text"), ("near", "no_appointment", "none")]
    )
    engine.run_round(now=clock.now())
    moved(booked, booked.starts_at, active=False)
    engine.run_round(now=clock.now())
    assert step_at(campaign, "near").outcome == "no_appointment"
    assert not Step.objects.filter(node__key="text").exists()


def test_an_appointment_too_near_is_gone_on_with_at_once(moment: list[datetime]) -> None:
    account = factories.make_account()
    visit(factories.make_contact(account), NOON + timedelta(hours=3))
    around = {"around": {"field": "appointment", "minutes": -DAY}}
    campaign = launch(account, ("near", "wait", around), [("near", "next", "text")])
    engine.run_round(now=clock.now())
    assert step_at(campaign, "near").outcome == "next"


def test_someone_elses_appointment_moves_nobody(moment: list[datetime]) -> None:
    account, other = factories.make_account(), factories.make_account()
    visit(factories.make_contact(account), NOON + timedelta(days=3))
    theirs = visit(factories.make_contact(other), NOON + timedelta(days=3))
    campaign = launch(
        account,
        ("near", "wait", {"around": {"field": "appointment", "minutes": -DAY}}),
        [("near", "next", "text")],
    )
    engine.run_round(now=clock.now())
    before = step_at(campaign, "near").due_at
    appointments.on_changed(account=other, job_ids=[theirs.servicetitan_job_id], now=clock.now())
    assert step_at(campaign, "near").due_at == before


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"minutes": 5, "until": {"days": [1], "at": "09:00"}},
        {"until": {"days": [], "at": "09:00"}},
        {"until": {"days": [7], "at": "09:00"}},
        {"until": {"days": [1], "at": "9 am"}},
        {"until": {"days": [1], "at": "24:00"}},
        {"around": {"field": "birthday", "minutes": 5}},
    ],
)
def test_a_wait_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    node = graph.GraphNode(1, "pause", "wait", "Pause", settings, {"next": 2})
    assert KINDS["wait"].problems(node)


def split_node(**weights: int) -> tuple[str, str, dict[str, Any]]:
    return (
        "arms",
        "split",
        {"arms": [{"label": label, "weight": weight} for label, weight in weights.items()]},
    )


def arms_of(campaign: Campaign) -> dict[int, str]:
    steps = Step.objects.filter(campaign=campaign, node__key="arms")
    return dict(steps.values_list("enrollment__contact", "outcome"))


def test_a_split_keeps_its_proportion_and_everybodys_side(moment: list[datetime]) -> None:
    account = factories.make_account()
    factories.make_contacts(account, [factories.reserved(number) for number in range(400)])
    edges = [("arms", "a", "text"), ("arms", "b", "none")]
    campaign = launch(account, split_node(a=3, b=1), edges)
    engine.run_round(now=clock.now())
    sides = arms_of(campaign)
    shares = Counter(sides.values())
    assert (
        260 <= shares["a"] <= 340 and shares["a"] + shares["b"] == 400
    )  # 300 expected; within 4.6 deviations
    drawn = graph.load(campaign.version_id)
    node = drawn.nodes[drawn.first]
    ids = dict(Enrollment.objects.filter(campaign=campaign).values_list("pk", "contact"))
    again = KINDS["split"].decide(
        campaign_id=campaign.pk, node=node, enrollment_ids=list(ids), now=clock.now()
    )
    assert {ids[pk]: label for label, pks in again.by_label.items() for pk in pks} == sides
    elsewhere = KINDS["split"].decide(
        campaign_id=campaign.pk + 1, node=node, enrollment_ids=list(ids), now=clock.now()
    )
    assert {ids[pk]: label for label, pks in elsewhere.by_label.items() for pk in pks} != sides


def test_a_split_must_have_named_arms_that_lead_somewhere() -> None:
    kind = KINDS["split"]

    def problems(node: tuple[str, str, dict[str, Any]], edges: dict[str, int]) -> list[str]:
        return kind.problems(graph.GraphNode(1, "arms", "split", "Arms", node[2], edges))

    assert problems(split_node(a=1, b=1), {"a": 2, "b": 3}) == []
    assert problems(split_node(a=1, b=1), {"a": 2}) == ["Nothing is drawn for “b”."]
    assert problems(split_node(a=1), {"a": 2})
    assert problems(split_node(a=0, b=1), {"a": 2, "b": 3})


def test_a_handoff_asks_for_a_person(moment: list[datetime]) -> None:
    account = factories.make_account()
    known = factories.make_contact(account, phone=factories.reserved(1))
    gone = factories.make_contact(account, phone=factories.reserved(2))
    fresh = factories.make_contact(account, phone=factories.reserved(3))
    number = factories.make_number(account, e164=factories.reserved(9))
    for contact in (known, gone):
        Thread.objects.create(
            account=account, contact=contact, address=factories.phone_of(contact), number=number,
            state="closed", closed_reason="resolved",
        )  # fmt: skip
    campaign = launch(account, ("over", "handoff", {"reason": "Wants a quote"}), [("over", "next", "text")])
    opt_outs.record([factories.phone_of(gone)], contact=gone, source="text", now=clock.now())
    Enrollment.objects.filter(contact=gone).update(state="active", ended_at=None, ended_reason="")
    Step.objects.update(state="scheduled", due_at=NOON, reason="")
    engine.run_round(now=clock.now())
    threads = {thread.contact_id: thread for thread in Thread.objects.all()}
    for contact in (known, fresh):
        thread = threads[contact.pk]
        assert (thread.state, thread.needs_reply, thread.escalated_reason) == ("open", True, "Wants a quote")
    assert (threads[gone.pk].state, threads[gone.pk].needs_reply) == ("closed", False)
    assert threads[fresh.pk].number == campaign.number
    assert Step.objects.filter(node__key="text").count() == 3


def noted(settings: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    return ("note", "update_contact", settings)


def tags_of(contact: Contact) -> set[str]:
    return set(contact.tags.values_list("name", flat=True))


def test_own_tags_come_and_go_and_those_of_the_source_stay(moment: list[datetime]) -> None:
    account, other = factories.make_account(), factories.make_account()
    contact = factories.make_contact(account)
    theirs = Tag.objects.create(account=account, servicetitan_id=4, name="Asked")
    old = Tag.objects.create(account=account, name="old")
    Tag.objects.create(account=other, name="Asked")
    ContactTag.objects.bulk_create([ContactTag(contact=contact, tag=tag) for tag in (theirs, old)])
    settings = {"add_tags": ["Asked", "Winter 26"], "remove_tags": ["OLD"], "language": "es"}
    launch(account, noted(settings), [("note", "next", "text")])
    engine.run_round(now=clock.now())
    contact.refresh_from_db()
    assert contact.language == "es"
    assert set(contact.tags.values_list("name", "servicetitan_id")) == {
        ("Asked", None), ("Asked", 4), ("Winter 26", None),
    }  # fmt: skip
    apply_customers(account, [SourceCustomer.model_validate(source(contact, tags=[]))])
    assert tags_of(contact) == {"Asked", "Winter 26"}
    assert contact.tags.filter(servicetitan_id=4).count() == 0
    own_tags.add(account.pk, [contact.pk], ["winter 26"])
    assert Tag.objects.filter(account=account, servicetitan_id=None).count() == 3


def source(contact: Contact, tags: list[int]) -> dict[str, Any]:
    """The contact's customer as the source would send it."""
    return {
        "id": contact.servicetitan_customer_id, "active": True, "name": contact.name, "type": "Residential",
        "address": {"street": "1 Oak St", "city": "Chicago", "state": "IL", "zip": "60601", "country": "USA"},
        "tagTypeIds": tags, "modifiedOn": clock.now(), "createdOn": clock.now(),
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [{}, {"add_tags": [" "]}, {"add_tags": ["Asked"], "remove_tags": ["asked"]}, {"language": "fr"}],
)
def test_a_note_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    node = graph.GraphNode(1, "note", "update_contact", "Note", settings, {"next": 2})
    assert KINDS["update_contact"].problems(node)
