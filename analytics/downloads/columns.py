"""What a file shows of each kind of row: labels for people, and where each value comes from.

A value is a path or an expression of the row's model. How it is written is said in
`analytics.downloads.statements`: texts of CSV files are quoted against formulas there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)  # fmt: skip
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Concat, Left, Replace, Substr, Upper

from analytics import listing
from analytics.compliance.register import DOORS
from analytics.models import JobCredit, JobStanding
from audiences.models import Contact, ContactAddress, OptOut
from campaigns import reasons, words
from campaigns.models import Booking, Enrollment, Exclusion, Step
from conversations import call_states
from conversations.models import Call, Message, PlannedCall


class Kind(Enum):
    """How a value is written."""

    TEXT = "text"
    NUMBER = "number"
    INSTANT = "instant"


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    label: str
    value: str | Combinable
    kind: Kind = Kind.TEXT


def number(label: str, value: str | Combinable) -> Column:
    """A column of numbers: ids, counts, dollars."""
    return Column(label, value, Kind.NUMBER)


def instant(label: str, value: str | Combinable) -> Column:
    """An instant: in CSV files company time with its offset, in Excel a date and, beside it, UTC."""
    return Column(label, value, Kind.INSTANT)


def worded(path: str, said: Mapping[str, str]) -> Combinable:
    """A code in words: those given, else the code itself as a sentence; blank for a blank."""
    cases = [When(**{path: code}, then=Value(text)) for code, text in said.items() if code]
    plain = Replace(path, Value("_"), Value(" "))
    sentence = Concat(Upper(Left(plain, 1)), Substr(plain, 2), output_field=TextField())
    return Case(*cases, default=sentence, output_field=TextField())


def dollars(path: str) -> Combinable:
    """An amount in cents as dollars with two decimals."""
    return ExpressionWrapper(
        F(path) * Value(Decimal("0.01")), output_field=DecimalField(max_digits=20, decimal_places=2)
    )


def states(path: str, known: Mapping[str, listing.State]) -> Combinable:
    """A state by the word that lists show."""
    return worded(path, {code: state.word for code, state in known.items()})


def _first(channel: str, contact: str) -> Combinable:
    """A contact's first phone or mailbox that is theirs."""
    links = ContactAddress.objects.filter(
        contact=OuterRef(contact), address__channel=channel, wrong_number_at=None
    )
    return Subquery(links.order_by("position", "pk").values("address__value")[:1])


def _latest_node() -> Combinable:
    steps = Step.objects.filter(enrollment=OuterRef("pk")).order_by("-pk")
    return Subquery(steps.values("node__name")[:1])


def _credited_jobs() -> Combinable:
    credits = JobCredit.objects.filter(enrollment=OuterRef("pk")).order_by().values("enrollment")
    number = Cast("job__servicetitan_id", CharField())
    return Subquery(credits.annotate(jobs=StringAgg(number, delimiter=" ")).values("jobs"))


def _opted_out() -> Combinable:
    wishes: QuerySet[Any] = OptOut.objects.filter(
        lifted_at=None, address__contact_addresses__contact=OuterRef("pk")
    )
    return _yes_no(Exists(wishes))


def _yes_no(condition: Any) -> Combinable:
    return Case(When(condition, then=Value("yes")), default=Value("no"), output_field=TextField())


def _flag(path: str) -> Combinable:
    return _yes_no(Q(**{path: True}))


def _person(contact: str, phone: str | Combinable) -> tuple[Column, ...]:
    return (
        Column("Contact", f"{contact}name"),
        Column("Phone", phone),
        number("ServiceTitan customer", f"{contact}servicetitan_customer_id"),
    )


def _of_step(origin: str, path: str) -> Combinable:
    """Something of the step that a planned call was made for; blank where it was made for none."""
    number = Func(OuterRef(origin), Value("^step:([0-9]+)$"), function="substring", output_field=TextField())
    return Subquery(Step.objects.filter(pk=Cast(number, BigIntegerField())).values(path)[:1])


def _spoken(path: str, known: Mapping[str, call_states.Said]) -> Combinable:
    return worded(path, {code: said.word for code, said in known.items()})


_REASONS = {**words.EXCLUSIONS, **reasons.REASONS}
_KNOWN = "snapshot__data"

STEPS = (
    Column("Campaign", "campaign__name"),
    Column("Node", "node__name"),
    *_person("enrollment__contact__", "enrollment__address__value"),
    Column("State", states("state", listing.STEP_STATES)),
    instant("Since", "state_at"),
    instant("Entered", "created_at"),
    Column("Reason", worded("reason", _REASONS)),
    number("Enrollment", "enrollment_id"),
    number("Step", "pk"),
)
MESSAGES = (
    Column("Campaign", "step__campaign__name"),
    Column("Node", "step__node__name"),
    Column("Contact", "contact__name"),
    Column("Address", "address__value"),
    number("ServiceTitan customer", "contact__servicetitan_customer_id"),
    Column("State", states("state", listing.MESSAGE_STATES)),
    instant("Since", "state_at"),
    instant("Accepted", "accepted_at"),
    instant("Replied", "replied_at"),
    instant("Opted out", "opted_out_at"),
    Column("Code", "code"),
    Column("Reason", "reason"),
    Column("Subject", "subject"),
    Column("Text", "body"),
    number("Segments", "segments"),
    number("Message", "pk"),
)
PLANNED_CALLS = (
    Column("Campaign", _of_step("origin", "campaign__name")),
    Column("Node", _of_step("origin", "node__name")),
    *_person("contact__", "address__value"),
    Column("State", _spoken("state", call_states.PLANNED)),
    Column("Outcome", _spoken("outcome", call_states.OUTCOMES)),
    instant("Since", "state_at"),
    instant("Planned", "created_at"),
    instant("First try", "first_accepted_at"),
    number("Tries", "tries"),
    Column("By", worded("mode", {"person": "A person", "script": "A script"})),
    Column("Outcome told by", "outcome_by__name"),
    instant("Opted out", "opted_out_at"),
    Column("Code", "code"),
    Column("Reason", "reason"),
    number("Planned call", "pk"),
)
CALLS = (
    Column("Campaign", _of_step("planned__origin", "campaign__name")),
    Column("Node", _of_step("planned__origin", "node__name")),
    *_person("contact__", "address__value"),
    instant("Placed", "accepted_at"),
    Column("State", _spoken("state", call_states.TRIED)),
    Column("Outcome", _spoken("outcome", call_states.OUTCOMES)),
    number("Seconds", "seconds"),
    Column("By", "by__name"),
    number("Try", "try_number"),
    instant("Answered", "answered_at"),
    instant("Ended", "ended_at"),
    instant("Abandoned", "abandoned_at"),
    instant("Opted out", "opted_out_at"),
    Column("Our number", "number__e164"),
    Column("Note", "note"),
    Column("Code", "code"),
    Column("Reason", "reason"),
    number("Call", "pk"),
)
ENROLLMENTS = (
    Column("Campaign", "campaign__name"),
    *_person("contact__", "address__value"),
    Column("State", states("state", listing.ENROLLMENT_STATES)),
    instant("Entered", "entered_at"),
    instant("Ended", "ended_at"),
    Column("Reason", worded("ended_reason", _REASONS)),
    Column("Node", _latest_node()),
    Column("ServiceTitan jobs at entry", KeyTextTransform("job_ids", _KNOWN)),
    Column("Last job type at entry", KeyTextTransform("last_job_type", _KNOWN)),
    Column("Next appointment at entry (UTC)", KeyTextTransform("next_appointment_at", _KNOWN)),
    Column("Credited ServiceTitan jobs", _credited_jobs()),
    number("Occurrence", "occurrence"),
    number("Enrollment", "pk"),
)
EXCLUSIONS = (
    Column("Campaign", "campaign__name"),
    *_person("contact__", _first("phone", "contact_id")),
    Column("Reason", worded("reason", words.EXCLUSIONS)),
    instant("Evaluated", "at"),
    number("Occurrence", "occurrence"),
    number("Exclusion", "pk"),
)
CREDITS = (
    Column("Job", "job__number"),
    number("ServiceTitan job", "job__servicetitan_id"),
    Column("Job type", "job__job_type__name"),
    Column("Status", states("job__status", listing.JOB_STATES)),
    number("Total", "job__total"),
    number("Credited revenue", dollars("revenue_cents")),
    instant("Completed", "job__completed_on"),
    *_person("enrollment__contact__", "enrollment__address__value"),
    Column("Campaign", "campaign__name"),
    Column("Node", "node__name"),
    Column("Linked by", worded("link", listing.LINKS)),
    instant("Credited", "at"),
    number("Enrollment", "enrollment_id"),
    number("Credit", "pk"),
)
STANDINGS = (
    Column("Job", "job__number"),
    number("ServiceTitan job", "job__servicetitan_id"),
    number("ServiceTitan customer", "job__servicetitan_customer_id"),
    instant("Booked", "at"),
    Column("Business unit", "business_unit__name"),
    Column("Job type", "job__job_type__name"),
    Column("Status", worded("stage", {})),
    number("Invoiced", dollars("invoiced_cents")),
    number("Refunded", dollars("refunded_cents")),
    number("Revenue", dollars("revenue_cents")),
    Column("Credit", worded("verdict", {"none": "Not credited"})),
    Column("Why not", worded("reason", dict(JobStanding.Reason.choices))),
    Column("Campaign", "campaign__name"),
    Column("Node", "node__name"),
    number(
        "Credited revenue",
        Case(When(verdict=JobStanding.Verdict.CREDITED, then=dollars("revenue_cents"))),
    ),
    number("Enrollment", "enrollment_id"),
)
BOOKINGS = (
    *_person("contact__", _first("phone", "contact_id")),
    Column("Campaign", "enrollment__campaign__name"),
    Column("State", states("state", listing.BOOKING_STATES)),
    instant("Since", "state_at"),
    instant("Requested", "requested_at"),
    Column("Summary", "summary"),
    Column("Reason", "reason"),
    number("ServiceTitan booking", "servicetitan_id"),
    number("ServiceTitan job", "servicetitan_job_id"),
    number("Booking", "pk"),
)
CONTACTS = (
    Column("Contact", "name"),
    Column("Phone", _first("phone", "pk")),
    Column("Email", _first("email", "pk")),
    number("ServiceTitan customer", "servicetitan_customer_id"),
    Column("Kind", worded("kind", {})),
    Column("Street", "street"),
    Column("City", "city"),
    Column("State", "state"),
    Column("ZIP", "zip"),
    Column("Opted out", _opted_out()),
    Column("Do not service", _flag("do_not_service")),
    Column("Active", _flag("active")),
    instant("Last job", "last_job_at"),
    instant("Customer since", "customer_since"),
    number("Balance", "balance"),
    number("Contact id", "pk"),
)
OPT_OUTS = (
    instant("Recorded", "at"),
    Column("Address", "address__value"),
    Column("Contact", "contact__name"),
    number("ServiceTitan customer", "contact__servicetitan_customer_id"),
    Column("Words", "evidence"),
    Column("How", worded("source", DOORS)),
    Column("Recorded by", "by__name"),
    Column("Provider’s id", "provider_id"),
    instant("Ended", "lifted_at"),
    Column("Words of the end", "lifted_evidence"),
    Column("Ended by", "lifted_by__name"),
    number("Opt-out", "pk"),
)
OF: dict[type[Model], tuple[Column, ...]] = {
    Step: STEPS,
    Message: MESSAGES,
    PlannedCall: PLANNED_CALLS,
    Call: CALLS,
    Enrollment: ENROLLMENTS,
    Exclusion: EXCLUSIONS,
    JobCredit: CREDITS,
    JobStanding: STANDINGS,
    Booking: BOOKINGS,
    Contact: CONTACTS,
    OptOut: OPT_OUTS,
}
