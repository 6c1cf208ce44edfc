"""What a launch would say to whom, before anybody is texted: counts, real samples, time to send."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from audiences import fitness, segments
from audiences.models import Audience
from campaigns import calls_foreseen, capacity, costs, enrolling, graph, lacking, said, units
from campaigns.calls_foreseen import CallsForeseen
from campaigns.lacking import NOBODY, Lacking
from campaigns.models import Node, WorkflowVersion
from campaigns.nodes import KINDS
from campaigns.said import Sample
from campaigns.terms import Terms
from common import sql
from conversations.variants import SPANISH
from integrations import registration
from integrations.models import SendingMailbox, SendingNumber

SAMPLES, EMAIL_SAMPLES = 3, 2
_ADMITTED = f"""
    audiences_contact c LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
    WHERE c.id IN ({{}}) AND {fitness.entry_reason_sql()} = ''
"""


@dataclass(frozen=True)
class Preview:
    """How a launch would go if it were launched now. `errors` say why the rest is not known."""

    matched: int = 0
    admitted: int = 0
    excluded: tuple[tuple[str, int], ...] = ()  # (reason, how many), most first
    samples: tuple[Sample, ...] = ()
    emails: tuple[Sample, ...] = ()
    sender: SendingMailbox | None = None  # what the emails leave from
    without_mailbox: int = 0  # of those admitted, where the workflow sends an email
    lacking: Lacking = NOBODY  # of those admitted, whom some text or email will pass over
    calls: CallsForeseen = calls_foreseen.NONE
    cost: costs.Estimate | None = None
    sending_takes: timedelta | None = None
    texts_at_once: bool = False  # what everybody begins with; else a wait, an email or a call comes before
    segments: int = 0  # of all first texts together, every one as long as the longest sample
    first_at: datetime | None = None  # when the first texts begin and end, in company hours
    last_at: datetime | None = None
    refusal: str = ""  # why the numbers cannot be launched from, or cannot send the first texts in time
    suggested: tuple[SendingNumber, ...] = ()  # that could, together, where these cannot
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
    others: Sequence[SendingNumber] = (),
) -> Preview:
    """Evaluate an audience as entering would, without entering anybody. Never raises for bad rules.

    `at` is when it starts; None for now. `others` are the numbers of the pool beside `number`.
    """
    terms = terms or Terms()
    try:
        query, params = segments.compile_ids(account, audience.rules, targeting, now=now)
    except segments.InvalidRules as invalid:
        return Preview(errors=tuple(invalid.errors))
    by_reason = enrolling.preview(query, params, now=now)
    admitted = by_reason.pop("", 0)
    text = first(version, Node.Kind.SEND_SMS) if version else None
    samples = said.texts(account, text, _some(query, params, text, now), now=now) if text else ()
    email = first(version, Node.Kind.SEND_EMAIL) if version else None
    mailed = _some(query, params, email, now, mailed=True) if email else []
    sender = units.mailbox(account.pk, targeting, audience.rules) if email else None
    without_mailbox = _without_mailbox(query, params, now) if email else 0
    start = max(at or now, now)
    needed = admitted * _longest(samples) if text else 0
    pool = [number, *others] if number else []
    outlook = _outlook(account, version if text else None, pool, needed, terms, start, _longest(samples))
    needs = [lacking.needs(said.wordings(settings)) for settings in _all(version)] if version else []
    calls = calls_foreseen.NONE
    if version:
        calls = calls_foreseen.of(version, query, params, admitted=admitted, now=now)
        needs += [lacking.needs(calls_foreseen.script_words(step.plan)) for step in calls.by_script]
    return Preview(
        matched=admitted + sum(by_reason.values()),
        admitted=admitted,
        excluded=tuple(sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))),
        samples=samples,
        emails=said.emails(account, email, mailed, now=now, sender=sender) if email else (),
        sender=sender,
        without_mailbox=without_mailbox,
        calls=calls,
        lacking=lacking.count(query, params, needs, now=now, fit=True),
        texts_at_once=version is not None and _begins_with(version, Node.Kind.SEND_SMS),
        segments=needed,
        cost=_cost(account, version, admitted, samples, without_mailbox, calls),
        **outlook,
    )


def _cost(
    account: Account,
    version: WorkflowVersion | None,
    admitted: int,
    samples: Sequence[Sample],
    without_mailbox: int,
    calls: CallsForeseen,
) -> costs.Estimate | None:
    if version is None:
        return None
    sizes = [sample.segments for sample in samples]
    return costs.estimate(
        account, version, admitted, sizes, mailboxes=admitted - without_mailbox,
        without_consent=calls.without_consent,
    )  # fmt: skip


def _outlook(
    account: Account,
    version: WorkflowVersion | None,
    pool: Sequence[SendingNumber],
    needed: int,
    terms: Terms,
    start: datetime,
    each: int,
) -> dict[str, Any]:
    """How long so many segments take from these numbers, in texts of `each`, and whether that is in time."""
    if not pool:
        return {}
    rate, take = capacity.pace(pool, terms.texts_per_hour, segments_each=each), list[SendingNumber]()
    refusal = " ".join(filter(None, (registration.problem(number) for number in pool)))
    if not refusal and version is not None:
        hours = terms.send_by_hours
        able = capacity.sendable(account, pool, version, start=start, send_by_hours=hours, rate=rate)
        if needed > able:
            if rate == capacity.speed(pool):  # else the campaign's own pace is what is narrow
                take = capacity.suggested(
                    account, pool, version, needed=needed, start=start, send_by_hours=hours
                )
            refusal = capacity.refusal(
                pool,
                needed=needed,
                sendable=able,
                send_by_hours=hours,
                rate=rate,
                texts=terms.texts_per_hour,
                take=take,
            )
    first, last = capacity.sending_span(account, pool, needed, start=start, rate=rate)
    return {
        "sending_takes": timedelta(seconds=math.ceil(needed / rate)),
        "first_at": first if needed else None,
        "last_at": last if needed else None,
        "refusal": refusal,
        "suggested": tuple(take),
        "stretches": capacity.days_needed(pool, needed) if version else "",
    }


def first_text(version: WorkflowVersion) -> str:
    """The words of the workflow's first text, before merge fields are filled; empty where it has none."""
    return str((first(version, Node.Kind.SEND_SMS) or {}).get("body", ""))


def first_email(version: WorkflowVersion) -> dict[str, Any] | None:
    """The settings of the workflow's first email; None where it sends none."""
    return first(version, Node.Kind.SEND_EMAIL)


def longest_first_text(version: WorkflowVersion, contact_ids: Sequence[int], *, now: datetime) -> int:
    """Segments of the longest first text among these contacts'; 0 where there is none."""
    text = first(version, Node.Kind.SEND_SMS)
    samples = said.texts(version.workflow.account, text, contact_ids, now=now) if text else ()
    return max((sample.segments for sample in samples), default=0)


def first(version: WorkflowVersion, kind: Node.Kind) -> dict[str, Any] | None:
    """The settings of the workflow's first node of this kind; None where it has none."""
    nodes = graph.build(version).nodes.values()
    return next((node.settings for node in nodes if node.kind == kind), None)


def _begins_with(version: WorkflowVersion, kind: Node.Kind) -> bool:
    """Whether somebody who enters may be at a node of this kind at once: nothing but choices before it."""
    drawn = graph.build(version)
    ahead, seen = [drawn.first], set[int]()
    while ahead:
        node = drawn.nodes.get(ahead.pop())
        if node is None or node.id in seen:
            continue
        if node.kind == kind:
            return True
        seen.add(node.id)
        if KINDS[node.kind].instant:
            ahead += node.edges.values()
    return False


def _all(version: WorkflowVersion) -> list[dict[str, Any]]:
    return [node.settings for node in graph.build(version).nodes.values() if node.kind in said.SENDS]


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


def _some(
    query: str, params: list[Any], words: dict[str, Any], now: datetime, *, mailed: bool = False
) -> list[int]:
    """The first of those who would be admitted, who have a mailbox where `mailed`; of each language that the
    words speak, where there is anybody."""
    most = EMAIL_SAMPLES if mailed else SAMPLES
    first = _first_admitted(query, params, now, most, mailed=mailed)
    if SPANISH not in said.wordings(words):
        return first
    spanish = _first_admitted(query, params, now, most, mailed=mailed, speaks=SPANISH)
    others = [contact for contact in first if contact not in spanish]
    return (others[: max(most - len(spanish), 1)] + spanish)[:most]


def _first_admitted(
    query: str, params: list[Any], now: datetime, most: int, *, mailed: bool, speaks: str = ""
) -> list[int]:
    mailbox = f"AND EXISTS ({fitness.FIRST_MAILBOX_SQL})" if mailed else ""
    language = f"AND c.language = '{speaks}'" if speaks else ""
    return sql.column(
        f"""
        WITH {fitness.MOMENT_SQL} SELECT c.id FROM {_ADMITTED.format(query)} {mailbox} {language}
        ORDER BY c.id LIMIT {most}
        """,
        [now, *params],
    )


def _longest(samples: Sequence[Sample]) -> int:
    return max((sample.segments for sample in samples), default=1) or 1
