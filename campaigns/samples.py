"""What a launch would say to whom, before anybody is texted: counts, real samples, time to send."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from audiences import fitness, segments
from audiences.models import Audience
from campaigns import capacity, enrolling, graph
from campaigns.models import Node, WorkflowVersion
from campaigns.snapshots import SNAPSHOT_JOINS, SNAPSHOT_SQL
from campaigns.terms import Terms
from common import sql
from common.segments import count_segments
from conversations import footers, rendering
from integrations import registration
from integrations.models import SendingMailbox, SendingNumber

SAMPLES, EMAIL_SAMPLES = 3, 2
_ADMITTED = f"""
    audiences_contact c LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
    WHERE c.id IN ({{}}) AND {fitness.entry_reason_sql()} = ''
"""


@dataclass(frozen=True)
class Sample:
    """The first text as one real contact would get it; `missing` says which merge field is not known."""

    contact: str
    body: str
    segments: int
    missing: str = ""


@dataclass(frozen=True)
class EmailSample:
    """The first email as one real contact would get it; `missing` says which merge field is not known."""

    contact: str
    to: str
    subject: str = ""
    body: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Preview:
    """How a launch would go if it were launched now. `errors` say why the rest is not known."""

    matched: int = 0
    admitted: int = 0
    excluded: tuple[tuple[str, int], ...] = ()  # (reason, how many), most first
    samples: tuple[Sample, ...] = ()
    emails: tuple[EmailSample, ...] = ()
    without_mailbox: int = 0  # of those admitted, where the workflow sends an email
    sending_takes: timedelta | None = None
    segments: int = 0  # of all first texts together, every one as long as the longest sample
    first_at: datetime | None = None  # when the first texts begin and end, in company hours
    last_at: datetime | None = None
    refusal: str = ""  # why the number cannot be launched from, or cannot send the first texts in time
    stretches: str = ""  # that a daily cap stretches the first texts over days
    errors: tuple[str, ...] = ()


def preview(
    account: Account,
    *,
    audience: Audience,
    targeting: dict[str, Any],
    version: WorkflowVersion | None,
    number: SendingNumber | None,
    now: datetime,
    at: datetime | None = None,
    terms: Terms | None = None,
) -> Preview:
    """Evaluate an audience as entering would, without entering anybody. Never raises for bad rules.

    `at` is when it starts; None for now.
    """
    terms = terms or Terms()
    try:
        query, params = segments.compile_ids(account, audience.rules, targeting, now=now)
    except segments.InvalidRules as invalid:
        return Preview(errors=tuple(invalid.errors))
    by_reason = enrolling.preview(query, params, now=now)
    admitted = by_reason.pop("", 0)
    body = first_text(version) if version else ""
    chosen = _first_admitted(query, params, now) if body else []
    samples = render_samples(account, body, chosen, now=now)
    email = first_email(version) if version else None
    start = max(at or now, now)
    needed = admitted * _longest(samples) if body else 0
    outlook = _outlook(account, version if body else None, number, needed, terms, start, _longest(samples))
    return Preview(
        matched=admitted + sum(by_reason.values()),
        admitted=admitted,
        excluded=tuple(sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))),
        samples=samples,
        emails=render_emails(account, email, _first_mailed(query, params, now), now=now) if email else (),
        without_mailbox=_without_mailbox(query, params, now) if email else 0,
        segments=needed,
        **outlook,
    )


def _outlook(
    account: Account,
    version: WorkflowVersion | None,
    number: SendingNumber | None,
    needed: int,
    terms: Terms,
    start: datetime,
    each: int,
) -> dict[str, Any]:
    """How long so many segments take, in texts of `each`, and whether that is in time."""
    if number is None:
        return {}
    rate = capacity.pace(number, terms.texts_per_hour, segments_each=each)
    refusal = registration.problem(number)
    if not refusal and version is not None:
        hours = terms.send_by_hours
        able = capacity.sendable(account, number, version, start=start, send_by_hours=hours, rate=rate)
        if needed > able:
            refusal = capacity.refusal(
                number,
                needed=needed,
                sendable=able,
                send_by_hours=hours,
                rate=rate,
                texts=terms.texts_per_hour,
            )
    first, last = capacity.sending_span(account, number, needed, start=start, rate=rate)
    return {
        "sending_takes": timedelta(seconds=math.ceil(needed / rate)),
        "first_at": first if needed else None,
        "last_at": last if needed else None,
        "refusal": refusal,
        "stretches": capacity.days_needed(number, needed) if version else "",
    }


def first_text(version: WorkflowVersion) -> str:
    """The words of the workflow's first text, before merge fields are filled; empty where it has none."""
    nodes = graph.build(version).nodes.values()
    return next((node.settings.get("body", "") for node in nodes if node.kind == Node.Kind.SEND_SMS), "")


def first_email(version: WorkflowVersion) -> dict[str, str] | None:
    """Subject and body of the workflow's first email, before merge fields are filled; None without one."""
    nodes = graph.build(version).nodes.values()
    return next((node.settings for node in nodes if node.kind == Node.Kind.SEND_EMAIL), None)


def render_emails(
    account: Account, email: dict[str, str], contact_ids: Sequence[int], *, now: datetime
) -> tuple[EmailSample, ...]:
    """As `render_samples`, of an email to those who have a mailbox: with what stands below every one."""
    rows = sql.rows(
        f"""
        SELECT c.name, ({SNAPSHOT_SQL})::text, c.language, a.value FROM audiences_contact c
        CROSS JOIN LATERAL ({fitness.FIRST_MAILBOX_SQL}) a
        JOIN accounts_account acc ON acc.id = c.account_id
        {SNAPSHOT_JOINS}
        WHERE c.id = ANY(%(ids)s) ORDER BY c.id
        """,
        {"ids": list(contact_ids), "now": now},
    )
    sender = SendingMailbox.objects.of(account.pk)
    postal_address = sender.postal_address if sender else ""
    return tuple(
        _email(name, to, email, json.loads(snapshot), language, postal_address)
        for name, snapshot, language, to in rows
    )


def _email(
    name: str, to: str, email: dict[str, str], known: dict[str, Any], language: str, postal_address: str
) -> EmailSample:
    try:
        subject = rendering.render_line(email["subject"], known)
        words = rendering.render(email["body"], known)
    except rendering.MergeFieldMissing as missing:
        return EmailSample(name, to, missing=str(missing))
    return EmailSample(name, to, subject, footers.with_email_footer(words, language, postal_address))


def _without_mailbox(query: str, params: list[Any], now: datetime) -> int:
    """How many of those who would be admitted have no mailbox: their emails are skipped."""
    counted = sql.value(
        f"""
        WITH {fitness.MOMENT_SQL} SELECT count(*) FROM {_ADMITTED.format(query)}
          AND NOT EXISTS ({fitness.FIRST_MAILBOX_SQL})
        """,
        [now, *params],
    )
    return int(counted)


def _first_mailed(query: str, params: list[Any], now: datetime) -> list[int]:
    """The first of those who would be admitted and have a mailbox."""
    return sql.column(
        f"""
        WITH {fitness.MOMENT_SQL} SELECT c.id FROM {_ADMITTED.format(query)}
          AND EXISTS ({fitness.FIRST_MAILBOX_SQL}) ORDER BY c.id LIMIT {EMAIL_SAMPLES}
        """,
        [now, *params],
    )


def render_samples(
    account: Account, body: str, contact_ids: Sequence[int], *, now: datetime
) -> tuple[Sample, ...]:
    """Fill a text for these contacts with what a snapshot taken now would hold, as the next automated text
    to their phones: with the opt-out line where it is owed. Constant queries."""
    rows = sql.rows(
        f"""
        SELECT c.name, ({SNAPSHOT_SQL})::text, c.language, a.id FROM audiences_contact c
        LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
        JOIN accounts_account acc ON acc.id = c.account_id
        {SNAPSHOT_JOINS}
        WHERE c.id = ANY(%(ids)s) ORDER BY c.id
        """,
        {"ids": list(contact_ids), "now": now},
    )
    wording = footers.wording(account)
    untold = footers.untold((address_id for *_, address_id in rows if address_id is not None), now)
    return tuple(
        _sample(name, body, snapshot, wording.line(language) if address_id in untold else "")
        for name, snapshot, language, address_id in rows
    )


def _sample(name: str, body: str, snapshot: str, footer: str) -> Sample:
    try:
        text = rendering.render(body, json.loads(snapshot))
    except rendering.MergeFieldMissing as missing:
        return Sample(name, "", 0, missing=str(missing))
    text = footers.with_footer(text, footer) if footer else text
    return Sample(name, text, count_segments(text).count)


def _first_admitted(query: str, params: list[Any], now: datetime) -> list[int]:
    return sql.column(
        f"""
        WITH {fitness.MOMENT_SQL}
        SELECT c.id FROM audiences_contact c
        LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
        WHERE c.id IN ({query}) AND {fitness.entry_reason_sql()} = '' ORDER BY c.id LIMIT {SAMPLES}
        """,
        [now, *params],
    )


def _longest(samples: Sequence[Sample]) -> int:
    return max((sample.segments for sample in samples), default=1) or 1
