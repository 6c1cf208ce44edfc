"""The figures of a report, each counted from rows at the moment it is made; nothing is asserted."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from analytics.compliance.scope import Scope
from audiences.models import Consent
from campaigns.models import Exclusion
from common import sql
from conversations.automatic_lane import CONFIRMS
from conversations.models import Reading

MOST_AFTER = 1_000
"""How many texts begun after an opt-out are listed; their count is always whole."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A text that was handed to the provider while an opt-out was in force."""

    at: datetime
    phone: str
    opted_out_at: datetime
    state: str
    kind: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Totals of the period. `delay` are median and longest seconds from wish to record, and of how many."""

    sent: int
    sent_by_kind: dict[str, int]
    delivered: int
    people: int
    opt_outs: int
    by_door: dict[str, int]
    lifted: int
    delay: tuple[float, float, int] | None
    after: tuple[Begun, ...]
    after_count: int
    confirmations: int
    consents: dict[str, int]
    excluded: dict[str, int]
    detectors: tuple[tuple[str, int], ...]


def of(scope: Scope) -> Figures:
    """Count everything."""
    sent = scope.sent().aggregate(
        n=Count("pk"),
        delivered=Count("pk", filter=Q(state="delivered")),
        people=Count("address", distinct=True),
    )
    wishes = scope.opt_outs()
    after, after_count, confirmations = _after(scope)
    doors = dict(wishes.order_by().values_list("source").annotate(n=Count("pk")))
    return Figures(
        sent=sent["n"],
        sent_by_kind=dict(scope.sent().order_by().values_list("kind").annotate(n=Count("pk"))),
        delivered=sent["delivered"],
        people=sent["people"],
        opt_outs=sum(doors.values()),
        by_door=doors,
        lifted=wishes.filter(lifted_at__isnull=False).count(),
        delay=_delay(scope),
        after=after,
        after_count=after_count,
        confirmations=confirmations,
        consents=_consents(scope),
        excluded=_excluded(scope),
        detectors=_detectors(scope),
    )


def _delay(scope: Scope) -> tuple[float, float, int] | None:
    """From the customer's text to the row, where a text made it, be it by somebody's correction."""
    statement, params = scope.opt_outs().order_by().values("pk").query.sql_with_params()
    found = sql.rows(
        f"""
        WITH wish AS (
            SELECT o.id, o.at, o.address_id, o.source, o.provider_id FROM audiences_optout o
            WHERE o.id IN ({statement}) AND o.source IN ('text', 'agent')
        ), told AS (
            SELECT w.id, w.at - m.created_at AS took FROM wish w
            JOIN conversations_message m ON m.provider_id = w.provider_id AND m.kind = 'inbound'
            WHERE w.source = 'text' AND w.provider_id <> ''
            UNION ALL
            SELECT w.id, max(w.at - m.created_at) FROM wish w
            JOIN conversations_message m ON m.address_id = w.address_id AND m.kind = 'inbound'
            JOIN conversations_readingcorrection c ON c.message_id = m.id AND c.at = w.at AND c.now = 'optout'
            WHERE w.source = 'agent' GROUP BY w.id
        )
        SELECT extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY took)),
               extract(epoch FROM max(took)), count(*) FROM told
        """,
        params,
    )
    median, longest, count = found[0]
    return (float(median), float(longest), int(count)) if count else None


def _after(scope: Scope) -> tuple[tuple[Begun, ...], int, int]:
    """Calls to the provider that began while an opt-out of that phone was in force; confirmations apart."""
    whose = "m.lane_id = %(lane)s" if scope.campaign else "m.number_id = %(number)s"
    begun = f"""
        FROM audiences_optout o
        JOIN conversations_message m ON m.address_id = o.address_id
        JOIN conversations_attempt t ON t.message_id = m.id
        JOIN audiences_address a ON a.id = o.address_id
        WHERE o.account_id = %(account)s AND o.channel = 'phone' AND o.at < %(until)s AND {whose}
          AND t.started_at >= %(since)s AND t.started_at < %(until)s AND t.started_at > o.at
          AND (o.lifted_at IS NULL OR t.started_at < o.lifted_at)
    """
    params = {
        "account": scope.account.pk, "number": scope.number.pk, "since": scope.since, "until": scope.until,
        "lane": scope.campaign.lane_id if scope.campaign else None, "confirms": f"{CONFIRMS}%",
    }  # fmt: skip
    confirms = "coalesce(m.origin LIKE %(confirms)s, false)"
    counts = sql.rows(
        f"SELECT count(*) FILTER (WHERE NOT {confirms}), count(*) FILTER (WHERE {confirms}) {begun}", params
    )
    rows = sql.rows(
        f"SELECT t.started_at, a.value, o.at, m.state, m.kind {begun} AND NOT {confirms}"
        f" ORDER BY t.started_at, m.id LIMIT {MOST_AFTER}",
        params,
    )
    return tuple(Begun(*row) for row in rows), counts[0][0], counts[0][1]


def _consents(scope: Scope) -> dict[str, int]:
    """Written consents in force at the end of the period, of the people texted in it, by kind."""
    texted = scope.sent().order_by().values("address")
    mine = Consent.objects.filter(account=scope.account, address__in=texted, given_at__lt=scope.until)
    mine = mine.filter(Q(ended_at=None) | Q(ended_at__gte=scope.until))
    return dict(mine.order_by().values_list("kind").annotate(n=Count("pk")))


def _excluded(scope: Scope) -> dict[str, int]:
    if scope.campaign is None:
        return {}
    mine = Exclusion.objects.filter(campaign=scope.campaign, at__gte=scope.since, at__lt=scope.until)
    return dict(mine.order_by().values_list("reason").annotate(n=Count("pk")).order_by("-n", "reason"))


def _detectors(scope: Scope) -> tuple[tuple[str, int], ...]:
    """Which versions of the reader read the replies of the period, and how many."""
    read = Reading.objects.filter(
        message__account=scope.account,
        message__created_at__gte=scope.since,
        message__created_at__lt=scope.until,
    )
    if scope.campaign is not None:
        read = read.filter(message__replies_to__lane=scope.campaign.lane_id)
    else:
        read = read.filter(message__number=scope.number)
    return tuple(read.order_by().values_list("detector").annotate(n=Count("pk")).order_by("detector"))


def waited(seconds: float) -> str:
    """A span for people: “less than a second”, “12 s”, “3 min 5 s”, “2 h 10 min”, “3 days 4 h”."""
    if seconds < 1:
        return "less than a second"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} day{'s' if days > 1 else ''} {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
