"""Churn: one campaign's waits, branches, texts and callbacks for minutes on end, autovacuum at work."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from analytics import counters
from bench.contractor import LAUNCHED, Contractor
from bench.measurement import Measurement
from bench.sending import CONCURRENCY, provider
from campaigns import engine, enrolling
from common import clock, sql
from conversations import draining, sender
from conversations.models import Message
from integrations.models import ProviderEvent

CUSTOMERS = 30_000
SECONDS = 600.0
MINUTE = 60.0
MOST_ROUNDS = 98  # a passage ends after a hundred passes at one node
_SUNDAY = 6
_WAIT = timedelta(days=2)
NODES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("pause", "wait", "Pause", {"minutes": int(_WAIT.total_seconds()) // 60 - 600}),
    (
        "where",
        "branch",
        "Where",
        {
            "conditions": [
                {"label": "here", "field": "state", "operator": "is", "value": "IL"},
                {"label": "gone", "field": "state", "operator": "is", "value": "AK"},  # nobody, ever
            ]
        },
    ),
    ("text", "send_sms", "Text", {"body": "Hi {{ first_name }}, {{ company }} here. Time for a tune-up?"}),
    ("done", "end", "Done", {}),
]
EDGES = [
    ("pause", "next", "where"),
    ("where", "here", "text"),
    ("where", "gone", "done"),
    ("where", "otherwise", "pause"),
    ("text", "next", "pause"),
]


@dataclass(frozen=True, slots=True)
class _Round:
    """One day of everybody: what was done in how many seconds."""

    units: int
    seconds: float


def churn(customers: int = CUSTOMERS, seconds: float = SECONDS, minute: float = MINUTE) -> Measurement:
    """The rate of the last minute against that of the first, in whole rounds.

    In each round it is two days later: everybody's wait has run out, a branch sends every second one a text
    and the others back to the wait, the provider takes the texts and reports twice on each, the reports are
    applied and the counters squashed. Steps, messages and events of all rounds stay.
    """
    rounds: list[_Round] = []
    with provider() as base_url:
        contractor = Contractor(customers, nodes=NODES, edges=EDGES, base_url=base_url, rate=1_000_000)
        campaign = contractor.campaign()
        enrolling.enroll(campaign, now=LAUNCHED)
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")
        days = _days()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and len(rounds) < MOST_ROUNDS:
            clock.set_offset(next(days) - datetime.now(UTC))
            rounds.append(_round(customers, campaign.lane_id))
            _tell(rounds, minute)
    delivered = Message.objects.filter(state="delivered").count()
    if delivered != len(rounds) * (customers // 2):
        raise SystemExit(f"{delivered} texts were delivered in {len(rounds)} rounds of {customers}")
    first, last = _rate(rounds, minute), _rate(rounds[::-1], minute)
    n = sum(each.units for each in rounds)
    return Measurement(
        "churn", n, last, "steps, texts and callbacks/s", "the first minute", first, last / first
    )


def _days() -> Iterator[datetime]:
    """Every other day at the hour of the launch, without Sundays: nobody is texted then."""
    day = LAUNCHED
    while True:
        day += _WAIT if (day + _WAIT).weekday() != _SUNDAY else _WAIT + timedelta(days=1)
        yield day


def _round(customers: int, lane_id: int | None) -> _Round:
    began = time.perf_counter()
    last = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    waiting = Message.objects.filter(lane=lane_id, state="queued", due_at__isnull=False)
    steps = 0
    while (left := engine.run_round(now=clock.now())) or waiting.exists():
        steps += left
        sender.run(600, concurrency=CONCURRENCY, until_idle=True)
    reports = _report(lane_id, last)
    applied = 0
    while applied < reports:
        applied += draining.drain(600)
    while counters.squash():
        pass
    return _Round(2 * customers + reports // 2 + applied, time.perf_counter() - began)


_REPORTS = """
insert into integrations_providerevent
    (month, provider, event_id, kind, account_id, payload, headers, received_at, outcome)
select date_trunc('month', %(now)s::timestamptz)::date, 'twilio', m.provider_id || ':' || told.status || ':',
       'message_status', m.account_id,
       jsonb_build_object('attempt', a.id, 'MessageSid', m.provider_id, 'MessageStatus', told.status,
                          'AccountSid', 'ACbench', 'To', '+13125550100', 'From', '+17735550100'),
       '{}', %(now)s, ''
from conversations_message m join conversations_attempt a on a.message_id = m.id and a.state = 'accepted'
cross join (values (1, 'sent'), (2, 'delivered')) told (place, status)
where m.id > %(last)s and m.lane_id = %(lane)s
order by m.id / 200, told.place, m.id
"""


def _report(lane_id: int | None, last: int) -> int:
    """Store two callbacks of each text of this round, as the webhooks would; how many."""
    now = clock.now()
    ProviderEvent.objects.ensure_partitions(now)
    return sql.run(_REPORTS, {"now": now, "lane": lane_id, "last": last})


def _rate(rounds: list[_Round], minute: float) -> float:
    """Units a second over as many of these rounds as make a minute, from the first on."""
    units, seconds = 0, 0.0
    for each in rounds:
        units, seconds = units + each.units, seconds + each.seconds
        if seconds >= minute:
            break
    return units / seconds


def _tell(rounds: list[_Round], minute: float) -> None:
    rate, taken = _rate(rounds[::-1], minute), sum(each.seconds for each in rounds)
    print(f"churn: {taken:.0f} s, {len(rounds)} rounds, now {rate:.0f}/s", file=sys.stderr)
