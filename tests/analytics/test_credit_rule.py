"""The rule of credit against plain Python: whatever the world looks like, and in whatever order it came."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from analytics import attribution
from analytics.models import CreditCorrection, JobCredit, JobStanding
from analytics.recount import recount
from audiences import servicetitan_pages as pages
from audiences import servicetitan_work as work
from audiences.models import Contact, Job
from campaigns.models import Booking, Campaign, Step
from conversations.models import Message
from integrations.servicetitan import records
from tests.accounts.making import make_user
from tests.analytics.world import NOON, World, build

pytestmark = pytest.mark.django_db
_numbers = count(1)
DAYS = st.sampled_from([-40, -31, -30, -29, -8, -7, -6, -3, -1, 0, 1])
CALL_DAYS = timedelta(days=7)
JOB_ID, CALL_ID, BOOKING_ID = 9_000_001, 4_000_001, 6_000_001


@dataclass(frozen=True)
class Sent:
    """A message: to whom, of which campaign and node, when accepted (days about the job), by which way."""

    customer: int
    campaign: int
    node: str
    days: int
    accepted: bool


@dataclass(frozen=True)
class Case:
    """One job and all that may decide about it."""

    sent: tuple[Sent, ...]
    windows: tuple[int, int]
    booked: str  # job id, booking id, external id, other account's, or nothing
    asked: int
    call: tuple[int, int, str] | None  # phone, days, direction
    recall: bool
    free: bool
    visit: bool
    status: str
    active: bool
    bills: tuple[tuple[int, bool, bool], ...]  # cents, active, whether it names the job itself
    correction: str  # "", none, rule, or the number of a message


SENT = st.builds(
    Sent, st.integers(0, 2), st.integers(0, 1), st.sampled_from(["first_text", "second_text", "booking"]),
    DAYS, st.booleans(),
)  # fmt: skip
CASES = st.builds(
    Case,
    st.lists(SENT, max_size=5).map(tuple),
    st.tuples(st.sampled_from([3, 30]), st.sampled_from([7, 30])),
    st.sampled_from(["", "", "job id", "booking id", "external id"]),
    st.integers(0, 2),
    st.none()
    | st.tuples(st.integers(0, 1), st.sampled_from([-9, -1, 0]), st.sampled_from(["Inbound", "Outbound"])),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["Scheduled", "Completed", "Canceled"]),
    st.sampled_from([True, True, True, False]),
    st.lists(st.tuples(st.integers(-500_00, 900_00), st.booleans(), st.booleans()), max_size=4).map(tuple),
    st.sampled_from(["", "", "", "none", "rule", "0", "1"]),
)


def evaluate(case: Case, order: list[int]) -> tuple[str, int | None, int]:
    """The rule in plain Python: verdict, the message that it names, and the revenue in cents.

    `order` are the messages' keys: of two at one instant the later one wins.
    """
    touches = [
        (order[n], sent) for n, sent in enumerate(case.sent) if sent.accepted and sent.node != "booking"
    ]
    customers = {0}
    linked = bool(case.booked)
    if linked:
        customers.add(case.asked)
    elif case.call is not None and case.call[2] == "Inbound":
        phone, call_days, _ = case.call
        # customers 0 and 1 have a phone each
        answered = [
            (sent.days, key, sent.customer)
            for key, sent in touches
            if sent.customer == phone and sent.days <= call_days and call_days - sent.days <= 7
        ]
        linked = bool(answered)
        customers |= {customer for _, _, customer in answered}
    window = case.windows
    eligible = [
        (sent.days, key)
        for key, sent in touches
        if sent.customer in customers and sent.days < 0 and -sent.days <= window[sent.campaign]
    ]
    touch = max(eligible)[1] if eligible else None
    said = case.correction
    never = case.recall or case.free or case.visit
    if said not in ("", "none", "rule") and not never:
        verdict, touch = "credited", order[int(said)]
    elif never or touch is None:
        verdict = "none"
    elif linked and said != "none":
        verdict = "credited"
    else:
        verdict = "influenced"
    cancelled = case.status == "Canceled" or not case.active
    total = sum(cents for cents, active, _ in case.bills if active)
    return verdict, None if verdict == "none" else touch, 0 if cancelled else total


@dataclass
class Made:
    """The case as rows; what ServiceTitan tells, as pages that may come in any order."""

    account: Account
    messages: list[int]
    pages: list[Any]


def make(case: Case, world: World) -> Made:
    """The rows of ours, and ServiceTitan's pages, not applied yet."""
    start = 1_000 * next(_numbers)
    campaigns = [world.campaign, world.add_campaign()]
    for campaign, days in zip(campaigns, case.windows, strict=True):
        Campaign.objects.filter(pk=campaign.pk).update(credit_window_days=days)
    people = [world.add_contact(start + n) for n in range(3)]
    addresses = [
        world.account.addresses.create(channel="phone", value=f"+1312555{start % 10_000 + n:04}")
        for n in range(3)
    ]
    for contact, address in zip(people, addresses, strict=True):
        contact.contact_addresses.create(address=address)
    messages = []
    for sent in case.sent:
        at = NOON + timedelta(days=sent.days)
        enrollment = world.enrol(people[sent.customer], campaigns[sent.campaign], at)
        type(enrollment).objects.filter(pk=enrollment.pk).update(
            state="ended", ended_at=at, ended_reason="finished"
        )
        step = world.step(enrollment, sent.node, "completed", at)
        message = world.text(step, "accepted" if sent.accepted else "queued", at, accepted=sent.accepted)
        Message.objects.filter(pk=message.pk).update(address=addresses[sent.customer])
        messages.append(message.pk)
    return Made(world.account, messages, told(case, world, start, people, addresses))


def told(case: Case, world: World, start: int, people: list[Contact], addresses: list[Any]) -> list[Any]:
    """What ServiceTitan says of it, each thing a page of its own."""
    account, stamp = world.account, "2026-06-01T00:00:00Z"
    if case.booked:
        Booking.objects.create(
            account=account, external_id="ours-1", contact=people[case.asked],
            state="converted" if case.booked == "job id" else "sent",
            servicetitan_job_id=JOB_ID if case.booked == "job id" else None,
            servicetitan_id=BOOKING_ID if case.booked == "booking id" else None,
        )  # fmt: skip
    by_booking = case.booked in ("booking id", "external id")
    job = {
        "id": JOB_ID, "jobNumber": "1", "customerId": start, "jobStatus": case.status, "active": case.active,
        "createdOn": NOON.isoformat(), "modifiedOn": stamp, "noCharge": case.free,
        "recallForId": 5 if case.recall else None, "bookingId": BOOKING_ID if by_booking else None,
        "leadCallId": CALL_ID if case.call else None,
    }  # fmt: skip
    found = [lambda: pages.apply_jobs(account, [records.Job.model_validate(job)])]
    source = {
        "id": BOOKING_ID, "externalId": "ours-1" if case.booked == "external id" else "another's",
        "status": "Converted", "modifiedOn": stamp, "createdOn": stamp,
    }  # fmt: skip
    if by_booking:
        found.append(lambda: work.apply_bookings(account, [records.Booking.model_validate(source)]))
    if case.visit:
        visit = {"id": 3, "jobId": JOB_ID, "modifiedOn": stamp}
        found.append(
            lambda: pages.apply_recurring_visits(
                account, [records.RecurringServiceEvent.model_validate(visit)]
            )
        )
    if case.call is not None:
        phone, days, direction = case.call
        call = {
            "id": CALL_ID, "direction": direction, "from": addresses[phone].value,
            "to": addresses[phone].value, "type": "Booked", "modifiedOn": stamp,
            "createdOn": (NOON + timedelta(days=days)).isoformat(),
        }  # fmt: skip
        found.append(lambda: work.apply_calls(account, [records.Call.model_validate(call)]))
    for n, (cents, active, named) in enumerate(case.bills):
        bill = {
            "id": 9_800_001 + n, "total": str(Decimal(cents).scaleb(-2)), "active": active,
            "modifiedOn": stamp,
            "job": {"id": JOB_ID} if named or n == 0 else None,
            "adjustmentToId": None if n == 0 else 9_800_001 + (0 if named else n - 1),
        }  # fmt: skip
        found.append(lambda bill=bill: work.apply_invoices(account, [records.Invoice.model_validate(bill)]))
    return found


def correct(case: Case, made: Made) -> None:
    if case.correction:
        named = case.correction not in ("none", "rule")
        CreditCorrection.objects.create(
            account=made.account, job=Job.objects.get(account=made.account), reason="because", by=make_user(),
            verdict="touch" if named else case.correction,
            message_id=made.messages[int(case.correction)] if named else None,
        )  # fmt: skip


def outcome(made: Made) -> tuple[str, int | None, int]:
    """What the tables say of the job."""
    standing = JobStanding.objects.get(account=made.account)
    credit = JobCredit.objects.filter(account=made.account).first()
    assert (credit is not None) == (standing.verdict == "credited")
    if credit is not None:
        step = Step.objects.get(pk=int(credit.message.origin.removeprefix("step:")))  # type: ignore[union-attr]
        assert (credit.node_id, credit.enrollment_id) == (step.node_id, step.enrollment_id)
        assert (credit.message_id, credit.revenue_cents) == (standing.message_id, standing.revenue_cents)
    return standing.verdict, standing.message_id, standing.revenue_cents


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=CASES, data=st.data())
def test_credit_is_what_the_rule_says_whatever_the_order(case: Case, data: st.DataObject) -> None:
    if case.correction.isdigit() and int(case.correction) >= len(case.sent):
        return
    with transaction.atomic():
        made = make(case, build())
        expected = evaluate(case, made.messages)
        order = data.draw(st.permutations(range(len(made.pages))))
        again = data.draw(st.lists(st.sampled_from(range(len(made.pages))), max_size=4))
        for number in (*order, *again):
            made.pages[number]()
        correct(case, made)
        job_ids = list(Job.objects.filter(account=made.account).values_list("pk", flat=True))
        if case.correction:
            attribution.credit(job_ids)
        assert outcome(made) == expected
        attribution.credit(job_ids)
        assert outcome(made) == expected
        transaction.set_rollback(True)


def test_recount_is_clean_after_many_cases() -> None:
    world = build()
    case = Case(
        sent=(Sent(0, 0, "first_text", -3, True), Sent(0, 1, "second_text", -3, True)), windows=(3, 30),
        booked="booking id", asked=1, call=None, recall=False, free=False, visit=False, status="Completed",
        active=True, bills=((12_000, True, True), (-2_000, True, False), (-500, True, False)), correction="",
    )  # fmt: skip
    made = make(case, world)
    for page in reversed(made.pages):
        page()
    assert outcome(made) == evaluate(case, made.messages) == ("credited", made.messages[1], 9_500)
    assert recount().differences == []
