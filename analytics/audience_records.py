"""The enrollments of a campaign as its page lists them: who, where now, what ServiceTitan knew at entry."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from analytics import rows
from analytics.models import JobCredit
from campaigns import words
from campaigns.models import Campaign, Enrollment, EnrollmentSnapshot, Step
from common.phone import display_phone
from conversations.models import Thread

PER_PAGE = 30


@dataclass(frozen=True)
class Asked:
    """Which records are wanted: a column of the campaign (`active`, `exits:opted_out`), words, a place."""

    column: str = "entries"
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
            words=query.get("q", "").strip()[:100],
            before=_id(query.get("before", "")),
            after=_id(query.get("after", "")),
        )


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
    found: int | None  # how many match the words; None without any: the counters know


def read(campaign: Campaign, asked: Asked) -> Records:
    """A page of the campaign's enrollments, newest first, in a constant number of queries."""
    wanted = _search(rows.behind(campaign, None, asked.column), asked.words)
    if asked.after is not None:
        nearest = list(wanted.filter(pk__gt=asked.after).order_by("pk")[: PER_PAGE + 1])
        more_newer, more_older = len(nearest) > PER_PAGE, True
        page = nearest[:PER_PAGE][::-1]
    else:
        below = wanted if asked.before is None else wanted.filter(pk__lt=asked.before)
        nearest = list(below.order_by("-pk")[: PER_PAGE + 1])
        more_newer, more_older = asked.before is not None, len(nearest) > PER_PAGE
        page = nearest[:PER_PAGE]
    return Records(
        asked=asked,
        records=_records(page),
        newer=page[0].pk if page and more_newer else None,
        older=page[-1].pk if page and more_older else None,
        found=wanted.order_by().count() if asked.words else None,
    )


def _search(enrollments: QuerySet[Enrollment], text: str) -> QuerySet[Enrollment]:
    """Whose contact's name has every word, or for figures alone, whose phone has them in this order."""
    digits = re.sub(r"\D", "", text)
    if digits and not re.search(r"[^\d\s()+.-]", text):
        return enrollments.filter(address__value__contains=digits)
    for word in text.split():
        enrollments = enrollments.filter(contact__name__icontains=word)
    return enrollments


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
