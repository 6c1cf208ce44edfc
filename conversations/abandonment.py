"""Abandoned calls: a person had answered and for 2 s had nobody to talk to. A campaign may have 3 in a
hundred of the calls that people answered within 30 days (16 CFR 310.4(b)(4)(i)); one that has them rests.
"""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Max, Q, QuerySet

from accounts.models import Account
from common import sql
from conversations.models import Call, Lane, PlannedCall, SafetyPause

MOST_PERCENT = 3
"""The law's ceiling, which nobody can raise."""
WINDOW = timedelta(days=30)
FEWEST_ANSWERED = 34
"""Of fewer answered calls one alone would be 3 in a hundred; two of them are too many of however few."""
KEPT_SECONDS = 60.0
_LOOK_BACK = timedelta(days=1)
# Of script calls a machine may have answered; of those that people made, the agent heard who did.
_BY_A_PERSON = "k.answered_by NOT LIKE 'machine%%' AND k.answered_by <> 'fax'"
# The campaigns that have abandoned calls at all, and of each what people answered since it was last resumed.
_SHARES = f"""
    WITH concerned AS MATERIALIZED (
        SELECT DISTINCT p.lane_id FROM conversations_call k
        JOIN conversations_plannedcall p ON p.id = k.planned_id AND p.kind = 'campaign'
        WHERE k.abandoned_at > %(since)s
          AND (%(account)s::bigint IS NULL OR k.account_id = %(account)s)),
    resumed AS (
        SELECT lane_id, max(lifted_at) AS at FROM conversations_safetypause
        WHERE lifted_at IS NOT NULL AND rule = 'abandoned' GROUP BY lane_id)
    SELECT l.account_id, l.id, l.name, count(*) FILTER (WHERE k.abandoned_at IS NOT NULL), count(*)
    FROM concerned n JOIN conversations_lane l ON l.id = n.lane_id
    LEFT JOIN resumed r ON r.lane_id = l.id
    JOIN conversations_plannedcall p ON p.account_id = l.account_id AND p.first_accepted_at > %(longer)s
        AND p.lane_id = l.id AND p.kind = 'campaign'
    JOIN conversations_call k ON k.planned_id = p.id AND k.answered_at > greatest(%(since)s, r.at)
        AND {_BY_A_PERSON}
    GROUP BY l.account_id, l.id, l.name ORDER BY l.account_id, l.id
"""
_PROBE = """
    SELECT count(*), max(k.abandoned_at),
        (SELECT max(r.lifted_at) FROM conversations_safetypause r
         WHERE r.account_id = %(account)s AND r.rule = 'abandoned')
    FROM conversations_call k WHERE k.account_id = %(account)s AND k.abandoned_at > %(since)s
"""


class Share(NamedTuple):
    """How many of the calls of one campaign that people answered were abandoned."""

    account_id: int
    lane_id: int
    campaign: str
    abandoned: int
    answered: int

    @property
    def percent(self) -> float:
        """Of a hundred."""
        return 100 * self.abandoned / self.answered if self.answered else 0.0

    @property
    def too_many(self) -> bool:
        """Whether the campaign rests for it."""
        enough = self.answered >= FEWEST_ANSWERED or self.abandoned > 1
        return enough and self.abandoned * 100 >= MOST_PERCENT * self.answered


def shares(*, now: datetime, account: Account | None = None) -> list[Share]:
    """Every campaign with abandoned calls in the last 30 days, counted anew after each resume. One query."""
    whose = account.pk if account else None
    found = sql.rows(_SHARES, {"since": now - WINDOW, "longer": now - 2 * WINDOW, "account": whose})
    return [Share(*row) for row in found]


_kept: dict[int, tuple[float, tuple[object, ...], list[Share]]] = {}  # by account: when, of what, what


def lately(account: Account, *, now: datetime) -> list[Share]:
    """The account's shares, at most a minute old while none is abandoned and none resumed: a dashboard asks
    every second, and counting all that people answered in 30 days takes longer than all the rest of it."""
    probe = tuple(sql.rows(_PROBE, {"account": account.pk, "since": now - WINDOW})[0])
    if not probe[0]:
        return []
    at, of, known = _kept.get(account.pk, (0.0, (), []))
    if of != probe or time.monotonic() - at >= KEPT_SECONDS:
        known = shares(now=now, account=account)
        _kept[account.pk] = (time.monotonic(), probe, known)
    return known


def calls(lane: Lane, *, now: datetime, abandoned: bool) -> QuerySet[Call]:
    """The calls behind a campaign's share: those that people answered, or of them those that were abandoned;
    newest first."""
    resumed = SafetyPause.objects.filter(lane=lane, rule=SafetyPause.Rule.ABANDONED).exclude(lifted_at=None)
    since = max(filter(None, (now - WINDOW, resumed.aggregate(at=Max("lifted_at"))["at"])))
    found = Call.objects.filter(
        planned__lane=lane, planned__account=lane.account_id, planned__kind=PlannedCall.Kind.CAMPAIGN,
        planned__first_accepted_at__gt=now - 2 * WINDOW, answered_at__gt=since,
    ).exclude(Q(answered_by__startswith="machine") | Q(answered_by="fax"))  # fmt: skip
    found = found.exclude(abandoned_at=None) if abandoned else found
    return found.order_by("-created_at", "-pk")


def mark(*, now: datetime) -> int:
    """Find calls that were abandoned without anybody saying so at the time: the agent had gone when the
    customer answered, or the customer hung up while a transfer was ringing. How many.

    News of both legs come in any order, so that only what is over is judged.
    """
    return sql.run(
        f"""
        UPDATE conversations_call k SET abandoned_at = k.ended_at
        FROM conversations_plannedcall p
        WHERE p.id = k.planned_id AND k.direction = 'out' AND k.abandoned_at IS NULL
          AND k.account_id IN (SELECT id FROM accounts_account) AND k.created_at > %s
          AND k.answered_at IS NOT NULL AND k.ended_at IS NOT NULL AND k.connected_at IS NULL
          AND {_BY_A_PERSON} AND k.opted_out_at IS NULL AND k.outcome <> 'call_back'
          AND (p.mode = 'person' OR k.transferred_at IS NOT NULL)
        """,
        [now - _LOOK_BACK],
    )
