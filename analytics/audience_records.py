"""The enrollments of a campaign as its page lists them: who, where now, what ServiceTitan knew at entry."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.dateparse import parse_datetime

from analytics import rows
from analytics.models import JobCredit
from audiences import counting
from audiences.models import Job
from campaigns import words
from campaigns.models import Campaign, Enrollment, EnrollmentSnapshot, Step
from common.phone import display_phone
from conversations.models import Thread

PER_PAGE = 30
MOST_COUNTED = 10_000  # how many are found is counted so far
_BIGGEST = 2**63 - 1

_TEXTS = Step.objects.filter(enrollment=OuterRef("pk"))
DID: dict[str, Q] = {
    "replied": Q(Exists(_TEXTS.filter(message__replied_at__isnull=False))),
    "clicked": Q(Exists(_TEXTS.filter(message__clicked_at__isnull=False))),
    "booked": Q(Exists(JobCredit.objects.filter(enrollment=OuterRef("pk")))),
    "opted_out": Q(ended_reason="opted_out") | Q(Exists(_TEXTS.filter(message__opted_out_at__isnull=False))),
}


@dataclass(frozen=True)
class Asked:
    """Which records are wanted: a column of the campaign (`active`, `exits:opted_out`), a node where they
    stand, what they did (all of these), words, a place."""

    column: str = "entries"
    node: str = ""
    did: tuple[str, ...] = ()
    words: str = ""
    before: int | None = None  # newest first: those entered before this enrollment
    after: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """As an address says it; what makes no sense counts as not said."""
        column = query.get("state", "")
        known = column in ("active", "exits") or column.startswith("exits:")
        return cls(
            column=column if known else "entries",
            node=query.get("node", "")[:40],
            did=tuple(name for name in DID if query.get(name)),
            words=query.get("q", "").strip()[:100],
            before=_id(query.get("before", "")),
            after=_id(query.get("after", "")),
        )

    @property
    def narrowed(self) -> bool:
        """Whether more is asked than the counters know the number of."""
        return bool(self.node or self.did or self.words)

    @property
    def kept(self) -> dict[str, str]:
        """The filters as an address says them, without words and place."""
        state = {} if self.column == "entries" else {"state": self.column}
        return state | ({"node": self.node} if self.node else {}) | dict.fromkeys(self.did, "1")


@dataclass(frozen=True)
class Record:
    """One enrollment."""

    pk: int
    contact: int
    name: str
    phone: str
    thread: int | None
    entered_at: datetime
    ended: str  # the reason; empty while active
    ended_at: datetime | None
    node: str
    state: str
    reason: str
    since: datetime | None
    due_at: datetime | None
    customer: int
    jobs: list[int]
    job_type: str
    appointment: datetime | None
    credited: list[str]


@dataclass(frozen=True)
class Records:
    """A page of records. `newer` and `older` are where the neighbouring pages begin, if there are any."""

    asked: Asked
    records: list[Record]
    newer: int | None
    older: int | None
    found: int | None  # how many match, at most 10,001; None where the counters know
    late: bool = False  # finding them took too long

    @property
    def most(self) -> int | None:
        """10,000 where there are more."""
        return MOST_COUNTED if self.found is not None and self.found > MOST_COUNTED else None


def read(campaign: Campaign, asked: Asked) -> Records:
    """A page of the campaign's enrollments, newest first, in a constant number of queries and 5 s at most."""
    if not asked.narrowed:  # the way along an index
        return _read(campaign, asked)
    try:
        with counting.within(counting.AT_ONCE):
            return _read(campaign, asked)
    except counting.TakesLonger:
        return Records(asked, [], None, None, None, late=True)


def wanted(campaign: Campaign, asked: Asked) -> QuerySet[Enrollment]:
    """All that is asked for, on whatever page."""
    found = _search(campaign, rows.behind(campaign, None, asked.column), asked.words)
    if asked.node:
        there = Step.objects.filter(enrollment=OuterRef("pk"), node__key=asked.node, state__in=Step.OPEN)
        found = found.filter(Exists(there), state=Enrollment.State.ACTIVE)
    for name in asked.did:
        found = found.filter(DID[name])
    return found


def _read(campaign: Campaign, asked: Asked) -> Records:
    found = wanted(campaign, asked)
    if asked.after is not None:
        nearest = list(found.filter(pk__gt=asked.after).order_by("pk")[: PER_PAGE + 1])
        more_newer, more_older = len(nearest) > PER_PAGE, True
        page = nearest[:PER_PAGE][::-1]
    else:
        below = found if asked.before is None else found.filter(pk__lt=asked.before)
        nearest = list(below.order_by("-pk")[: PER_PAGE + 1])
        more_newer, more_older = asked.before is not None, len(nearest) > PER_PAGE
        page = nearest[:PER_PAGE]
    return Records(
        asked=asked,
        records=_records(page),
        newer=page[0].pk if page and more_newer else None,
        older=page[-1].pk if page and more_older else None,
        found=found.order_by()[: MOST_COUNTED + 1].count() if asked.narrowed else None,
    )


def _search(campaign: Campaign, enrollments: QuerySet[Enrollment], text: str) -> QuerySet[Enrollment]:
    """Whose contact's name has every word. Figures alone: whose phone has them in this order, or whose
    customer or job in ServiceTitan has this number."""
    digits = re.sub(r"\D", "", text)
    if not digits or re.search(r"[^\d\s()+.#-]", text):
        for word in text.split():
            enrollments = enrollments.filter(contact__name__icontains=word)
        return enrollments
    found = Q(address__value__contains=digits)
    if int(digits) <= _BIGGEST:
        number = int(digits)
        jobs = Job.objects.filter(account=campaign.account_id, servicetitan_id=number)
        found |= Q(contact__servicetitan_customer_id=number)
        found |= Q(contact__servicetitan_customer_id__in=jobs.values("servicetitan_customer_id"))
    return enrollments.filter(found)


def _records(page: Sequence[Enrollment]) -> list[Record]:
    ids = [enrollment.pk for enrollment in page]
    whole = Enrollment.objects.select_related("contact", "address").in_bulk(ids)
    newest = Step.objects.filter(enrollment__in=ids).select_related("node").order_by("enrollment", "-pk")
    steps = {step.enrollment_id: step for step in newest.distinct("enrollment")}
    known = dict(EnrollmentSnapshot.objects.filter(pk__in=ids).values_list("pk", "data"))
    contacts = [enrollment.contact_id for enrollment in page]
    threads = {
        (contact, address): pk
        for pk, contact, address in Thread.objects.filter(contact__in=contacts).values_list(
            "pk", "contact", "address"
        )
    }
    credited: dict[int, list[str]] = {}
    for credit in JobCredit.objects.filter(enrollment__in=ids).select_related("job").order_by("pk"):
        credited.setdefault(credit.enrollment_id, []).append(str(credit.job))
    return [
        _record(
            whole[pk],
            steps.get(pk),
            known.get(pk, {}),
            threads.get((whole[pk].contact_id, whole[pk].address_id)),
            credited.get(pk, []),
        )
        for pk in ids
    ]


def _record(
    enrollment: Enrollment,
    step: Step | None,
    known: dict[str, Any],
    thread: int | None,
    credited: list[str],
) -> Record:
    return Record(
        pk=enrollment.pk,
        contact=enrollment.contact_id,
        name=enrollment.contact.name,
        phone=display_phone(enrollment.address.value),
        thread=thread,
        entered_at=enrollment.entered_at,
        ended=words.sentence(enrollment.ended_reason) if enrollment.ended_reason else "",
        ended_at=enrollment.ended_at,
        node=step.node.name if step else "",
        state=step.state if step else "",
        reason=step.reason.replace("_", " ") if step else "",
        since=step.state_at if step else None,
        due_at=step.due_at if step else None,
        customer=enrollment.contact.servicetitan_customer_id,
        jobs=known.get("job_ids", []),
        job_type=known.get("last_job_type", ""),
        appointment=parse_datetime(known.get("next_appointment_at", "")),
        credited=credited,
    )


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
