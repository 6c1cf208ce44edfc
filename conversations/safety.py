"""Senders that pause themselves: a number, a mailbox or a campaign that crosses its account's limits, or that
the provider refuses.

A pause is one row (`SafetyPause`). The lease passes its sender over and the claim looks again, under the lock
that pauses of everything take, too: a claim either committed before the pause or sees it. Others go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import abandonment, pausing
from conversations.models import SafetyLimits, SafetyPause
from conversations.models.safety_limits import (
    BOUNCES,
    COMPLAINTS,
    FAILURES,
    MIN_SAMPLE,
    OPT_OUTS,
    WINDOW_HOURS,
)

Rule = SafetyPause.Rule
AT_LEAST = 3
"""Messages that must have broken a rule: of a few hundred, one alone may be more than three in a thousand."""
LATEST = 2_000
"""Of each campaign's messages so many are looked at, the latest: a rate is known from them."""
IN_FORCE: str = SafetyPause.IN_FORCE_SQL
HOLDS = "({0}.rule = 'code' OR m.kind <> 'agent')"
"""SQL: what a pause of a number holds; what people write by hand goes on where the carrier would take it."""


class NotPossible(Exception):
    """Nothing was resumed; the words say why."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Exactly one of them is set: what a pause is of."""

    number_id: int | None = None
    mailbox_id: int | None = None
    lane_id: int | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A sender that crossed a limit: so many messages of so many."""

    account_id: int
    sender: Sender
    rule: str
    part: int
    whole: int
    limit: str  # percent, as people write it

    @property
    def words(self) -> str:
        """What happened, in one sentence."""
        share = f"{100 * self.part / self.whole:.1f}".removesuffix(".0")
        said = f"{self.part:,} of {self.whole:,}, {share}%. The limit is {self.limit}%."
        return f"{_WORDS[Rule(self.rule)]}: {said}"


_WORDS = {
    Rule.FAILURES: "Too many of its latest texts failed",
    Rule.OPT_OUTS: "Too many people opted out of its latest texts",
    Rule.BOUNCES: "Too many of its latest emails bounced",
    Rule.COMPLAINTS: "Too many people called its latest emails spam",
    Rule.ABANDONED: "Too many people who answered its calls in 30 days had nobody to talk to",
}
# Of the messages that each campaign's lane handed over of late, those since the sender was last resumed.
_LATELY = f"""
    WITH limits AS (
        SELECT a.id AS account_id, coalesce(s.failures, {FAILURES}) AS failures,
            coalesce(s.opt_outs, {OPT_OUTS}) AS opt_outs, coalesce(s.bounces, {BOUNCES}) AS bounces,
            coalesce(s.complaints, {COMPLAINTS}) AS complaints,
            coalesce(s.min_sample, {MIN_SAMPLE}) AS sample,
            %(now)s - coalesce(s.window_hours, {WINDOW_HOURS}) * interval '1 hour' AS since
        FROM accounts_account a LEFT JOIN conversations_safetylimits s ON s.account_id = a.id),
    lately AS MATERIALIZED (
        SELECT l.account_id, l.id AS lane_id, m.number_id, m.mailbox_id, m.accepted_at, m.state,
            m.opted_out_at IS NOT NULL AS opted_out, m.spam_reported_at IS NOT NULL AS complained
        FROM conversations_lane l JOIN limits USING (account_id)
        CROSS JOIN LATERAL (
            SELECT number_id, mailbox_id, accepted_at, state, opted_out_at, spam_reported_at
            FROM conversations_message WHERE lane_id = l.id AND accepted_at > limits.since
            ORDER BY accepted_at DESC LIMIT {LATEST}) m
        WHERE l.kind = 'campaign'),
    senders AS (
        SELECT account_id, number_id, NULL::bigint AS mailbox_id, NULL::bigint AS lane_id, accepted_at, state,
            opted_out, complained, true AS text FROM lately WHERE number_id IS NOT NULL
        UNION ALL
        SELECT account_id, NULL, mailbox_id, NULL, accepted_at, state, opted_out, complained, false
        FROM lately WHERE mailbox_id IS NOT NULL
        UNION ALL
        SELECT account_id, NULL, NULL, lane_id, accepted_at, state, opted_out, complained,
            number_id IS NOT NULL FROM lately),
    resumed AS (
        SELECT number_id, mailbox_id, lane_id, max(lifted_at) AS at FROM conversations_safetypause
        WHERE lifted_at IS NOT NULL GROUP BY number_id, mailbox_id, lane_id),
    counted AS (
        SELECT s.account_id, s.number_id, s.mailbox_id, s.lane_id, s.text, count(*) AS whole,
            count(*) FILTER (WHERE s.state IN ('failed', 'rejected')) AS failures,
            count(*) FILTER (WHERE s.opted_out) AS opt_outs,
            count(*) FILTER (WHERE s.state = 'bounced') AS bounces,
            count(*) FILTER (WHERE s.complained) AS complaints
        FROM senders s LEFT JOIN resumed r ON r.number_id IS NOT DISTINCT FROM s.number_id
            AND r.mailbox_id IS NOT DISTINCT FROM s.mailbox_id AND r.lane_id IS NOT DISTINCT FROM s.lane_id
        WHERE r.at IS NULL OR s.accepted_at > r.at
        GROUP BY 1, 2, 3, 4, 5)
    SELECT c.account_id, c.number_id, c.mailbox_id, c.lane_id, v.rule, v.part, c.whole,
        trim_scale(v.most)::text
    FROM counted c JOIN limits USING (account_id)
    CROSS JOIN LATERAL (VALUES
        ('failures', c.failures, limits.failures, c.text), ('opt_outs', c.opt_outs, limits.opt_outs, c.text),
        ('bounces', c.bounces, limits.bounces, NOT c.text),
        ('complaints', c.complaints, limits.complaints, NOT c.text)) AS v (rule, part, most, holds)
    WHERE v.holds AND c.whole >= limits.sample AND v.part >= {AT_LEAST}
      AND v.part * 100 > v.most * c.whole
      AND NOT EXISTS (
        SELECT 1 FROM conversations_safetypause p WHERE {IN_FORCE.format("p")}
        AND (p.number_id = c.number_id OR p.mailbox_id = c.mailbox_id OR p.lane_id = c.lane_id))
    ORDER BY c.account_id, c.number_id, c.mailbox_id, c.lane_id, v.rule
"""


def breaches(*, now: datetime) -> list[Breach]:
    """Senders that are above a limit now and not paused. A query for messages and one for calls, over
    committed rows."""
    found = [
        Breach(account, Sender(number, mailbox, lane), rule, part, whole, most)
        for account, number, mailbox, lane, rule, part, whole, most in sql.rows(_LATELY, {"now": now})
    ]
    return found + _abandoning(now)


def _abandoning(now: datetime) -> list[Breach]:
    """Campaigns too many of whose answered calls had nobody to talk to."""
    above = [share for share in abandonment.shares(now=now) if share.too_many]
    resting = of_lanes([share.lane_id for share in above], now=now) if above else {}
    return [
        Breach(
            each.account_id, Sender(lane_id=each.lane_id), Rule.ABANDONED, each.abandoned, each.answered,
            str(abandonment.MOST_PERCENT),
        )
        for each in above
        if each.lane_id not in resting
    ]  # fmt: skip


def evaluate(*, now: datetime) -> int:
    """Pause every sender that has crossed a limit; how many. What ended by itself is closed first."""
    close_over(now=now)
    abandonment.mark(now=now)
    return sum(
        pause(
            each.account_id, each.sender, rule=each.rule, reason=each.words, part=each.part, whole=each.whole,
            now=now,
        )
        for each in breaches(now=now)
    )  # fmt: skip


def close_over(*, now: datetime) -> int:
    """Close pauses whose time is over: their sender may be paused anew."""
    from conversations.tasks import send

    ended = sql.run(
        "UPDATE conversations_safetypause SET lifted_at = until WHERE lifted_at IS NULL AND until <= %s",
        [now],
    )
    if ended:
        ring(send)
    return ended


@atomic_with_retry
def pause(
    account_id: int,
    sender: Sender,
    *,
    rule: str,
    reason: str,
    now: datetime,
    code: str = "",
    part: int = 0,
    whole: int = 0,
    until: datetime | None = None,
) -> bool:
    """Let a sender rest from this commit on; False where it does already.

    A pause without an end takes the place of one that would end by itself.
    """
    pausing.hold(account_id)
    of = {"number_id": sender.number_id, "mailbox_id": sender.mailbox_id, "lane_id": sender.lane_id}
    kept = SafetyPause.objects.filter(account=account_id, lifted_at=None, **of).first()
    if kept is not None:
        over = kept.until is not None and kept.until <= now
        if not over and (kept.until is None or until is not None):
            return False
        kept.lifted_at = min(kept.until or now, now)
        kept.save(update_fields=["lifted_at"])
    made = SafetyPause.objects.create(
        account_id=account_id, rule=rule, code=code, reason=reason[:300], part=part, whole=whole, at=now,
        until=until, **of,
    )  # fmt: skip
    audit.record(
        account=Account.objects.get(pk=account_id), by=None, verb="paused_sender", on=made,
        summary=f"{name_of(made)} paused itself: {reason}"[:300],
        detail={"rule": rule, "code": code, "part": part, "whole": whole},
    )  # fmt: skip
    return True


@transaction.atomic
def lift(pause: SafetyPause, *, by: User, reason: str, now: datetime) -> None:
    """Let a sender go on; its rates count from here. Raises NotPossible without a reason, or a pause."""
    from conversations.tasks import send

    reason = " ".join(reason.replace("\0", " ").split())[:200]
    if not reason:
        raise NotPossible("Say what was done about it. Nothing was resumed.")
    kept = SafetyPause.objects.select_for_update(no_key=True).get(pk=pause.pk)
    if kept.lifted_at is not None:
        raise NotPossible("It is resumed already.")
    kept.lifted_at, kept.lifted_by, kept.lifted_reason = max(now, kept.at), by, reason
    kept.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])
    audit.record(
        account=kept.account, by=by, verb="resumed_sender", on=kept,
        summary=f"Resumed {name_of(kept)}: {reason}",
        detail={"reason": reason, "why_paused": kept.reason},
    )  # fmt: skip
    ring(send)


def in_force(account: Account, *, now: datetime) -> list[SafetyPause]:
    """The account's senders that rest now, the latest first, with what names them."""
    rows = SafetyPause.objects.in_force(now).filter(account=account)
    return list(rows.select_related("number", "mailbox", "lane").order_by("-at", "-pk"))


def limits_of(account: Account) -> SafetyLimits:
    """The account's limits; unsaved usual ones where nobody changed them."""
    return SafetyLimits.objects.filter(account=account).first() or SafetyLimits(account=account)


@transaction.atomic
def change_limits(limits: SafetyLimits, *, by: User) -> None:
    """Keep an account's limits."""
    limits.save()
    shares = {name: str(getattr(limits, name)) for name in ("failures", "opt_outs", "bounces", "complaints")}
    detail = shares | {"min_sample": limits.min_sample, "window_hours": limits.window_hours}
    audit.record(
        account=limits.account, by=by, verb="changed_safety_limits", on=limits, detail=detail,
        summary="Changed when senders pause themselves",
    )  # fmt: skip


def name_of(pause: SafetyPause) -> str:
    """What rests: “Main line”, “Ann <ann@example.com>”, “Campaign Fall tune-up”."""
    if pause.number is not None:
        return str(pause.number)
    return (
        str(pause.mailbox)
        if pause.mailbox is not None
        else f"Campaign {pause.lane.name if pause.lane else ''}"
    )


def of_lanes(lane_ids: Iterable[int], *, now: datetime) -> dict[int, SafetyPause]:
    """Lane → the pause that holds it now."""
    rows = SafetyPause.objects.in_force(now).filter(lane__in=list(lane_ids))
    return {row.lane_id: row for row in rows if row.lane_id is not None}
