"""Applying stored news of emails in batches, set-based: whose they are, what they ask for, what became of
each.

Whoever signed a batch may speak of its own emails alone. An event names its attempt; one that does not
(bounces may lack everything) is sought by the request it came of and its mailbox, then by mailbox and time.
What it asks of us is done before its email is moved and it is closed: done twice it changes nothing, lost it
would."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DataError, IntegrityError

from common import clock, loops, sql
from common.transactions import atomic_with_retry
from conversations import delivery, mail_wishes
from conversations.delivery import Move
from conversations.locks import lock_messages
from conversations.mail_wishes import Asked
from integrations.messaging import DeliveryState
from integrations.models import ProviderEvent
from integrations.sendgrid import events as sendgrid
from integrations.sendgrid import request as sent
from integrations.sendgrid.events import Verdict

log = logging.getLogger(__name__)
BATCH = 1000
PROVEN = "accounts"  # among the headers of an event that several accounts may have signed
LOOK_BACK = timedelta(days=5)  # SendGrid tries for 72 hours; some mail servers refuse after they accepted
CLOCKS_DIFFER = timedelta(minutes=5)
_OUTCOME_LENGTH = 300
# Of news of one email in a batch the one with the highest of these counts.
_WEIGHT = {
    DeliveryState.SENT: 1,
    DeliveryState.FAILED: 2,
    DeliveryState.REJECTED: 3,
    DeliveryState.DELIVERED: 4,
    DeliveryState.BLOCKED: 5,
    DeliveryState.BOUNCED: 6,
}
_SPAM_WEIGHT = 7


class _Event(NamedTuple):
    """A stored event, read no further than is needed."""

    id: int
    month: date
    account_id: int | None
    accounts: str | None
    received_at: datetime
    event: str | None
    attempt: str | None
    request: str | None
    smtp_id: str | None
    email: str | None
    timestamp: str | None
    type: str | None
    reason: str | None
    status: str | None
    group: str | None

    @property
    def proven(self) -> list[int]:
        """The accounts that may have sent what it speaks of."""
        several = [int(each) for each in (self.accounts or "").split(",") if each.isdecimal()]
        return several or ([self.account_id] if self.account_id is not None else [])

    @property
    def names(self) -> str:
        """The attempt that it names, in its arguments or as the email's Message-ID; or nothing."""
        given = (self.attempt or "").lower()
        return given if sendgrid.is_attempt(given) else sendgrid.attempt_in(self.smtp_id or "")

    @property
    def at(self) -> datetime:
        """When it happened, as the provider says; when we had it, where it says nonsense."""
        try:
            return datetime.fromtimestamp(float(self.timestamp or ""), UTC)
        except (ValueError, OverflowError, OSError):
            return self.received_at


@dataclass(frozen=True, slots=True)
class _News:
    """An event with its meaning and, where it was found, its email."""

    event: _Event
    code: str
    verdict: Verdict
    message_id: int | None = None
    attempt: str = ""

    @property
    def weight(self) -> int:
        """How much it counts among news of one email; 0 where it says nothing of the delivery."""
        if self.verdict.spam:
            return _SPAM_WEIGHT
        return _WEIGHT[self.verdict.state] if self.verdict.state else 0


_OPEN = """
SELECT id, month, account_id, headers->>'accounts', received_at, payload->>'event', payload->>'attempt',
    split_part(payload->>'sg_message_id', '.', 1), payload->>'smtp-id', payload->>'email',
    payload->>'timestamp', payload->>'type', payload->>'reason', payload->>'status', payload->>'asm_group_id'
FROM integrations_providerevent WHERE applied_at IS NULL AND
"""


def drain(seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Apply stored events until none is left or `seconds` are over; returns how many were applied."""
    total = 0
    for _ in loops.loop_until(seconds):
        try:
            count = apply_batch()
        except (DataError, IntegrityError):
            log.exception("a batch of email events holds one that cannot be applied")
            count = _apply_one_by_one(seconds)
        total += count
        if count < BATCH:
            break
    return total


def apply_batch() -> int:
    """Apply one batch: how many events."""
    open_ = "kind = %s ORDER BY id LIMIT %s"
    return _work([_Event(*row) for row in sql.rows(_OPEN + open_, [ProviderEvent.Kind.MAIL_EVENT, BATCH])])


def _work(events: Sequence[_Event]) -> int:
    if not events:
        return 0
    news = _attributed(events)
    mail_wishes.act([asked for each in news if (asked := _asked(each))], now=clock.now())
    return _apply(news, clock.now())


def _apply_one_by_one(seconds: float) -> int:
    """Apply the next batch's events each alone, and close those that cannot be."""
    pending = ProviderEvent.objects.filter(kind=ProviderEvent.Kind.MAIL_EVENT, applied_at=None)
    ids = list(pending.order_by("id").values_list("id", flat=True)[:BATCH])
    count = 0
    for event_id, _ in zip(ids, loops.loop_until(seconds), strict=False):
        try:
            count += _work([_Event(*row) for row in sql.rows(_OPEN + "id = %s", [event_id])])
        except (DataError, IntegrityError) as error:
            log.exception("email event %s cannot be applied", event_id)
            words = f"unreadable: {str(error).partition(chr(10))[0]}"[:_OUTCOME_LENGTH]
            count += ProviderEvent.objects.mark_applied([event_id], now=clock.now(), outcome=words)
    return count


def _asked(news: _News) -> Asked | None:
    """What it asks of us, if anything."""
    if not news.verdict.consequence:
        return None
    event = news.event
    return Asked(
        consequence=news.verdict.consequence, code=news.code, accounts=tuple(event.proven),
        message_id=news.message_id, mailbox=(event.email or "").strip().lower(), group=event.group or "",
        words=sendgrid.words(news.code, event.reason or ""), at=event.at,
    )  # fmt: skip


@atomic_with_retry
def _apply(news: Sequence[_News], now: datetime) -> int:
    """Move the emails and close the events that nobody else is at."""
    held = set(
        sql.column(
            "SELECT id FROM integrations_providerevent WHERE id = ANY(%s) AND month = ANY(%s::date[])"
            " AND applied_at IS NULL ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
            [[each.event.id for each in news], list({each.event.month for each in news})],
        )
    )
    mine = [each for each in news if each.event.id in held]
    furthest: dict[int, _News] = {}
    for each in mine:
        if each.message_id is not None and each.weight:
            known = furthest.get(each.message_id)
            if known is None or each.weight > known.weight:
                furthest[each.message_id] = each
    lock_messages({each.message_id for each in mine if each.message_id is not None})
    _note_wishes(mine, now)
    ids = _provider_ids(furthest)
    moves = [
        Move(
            message_id, each.verdict.state.value, ids.get(message_id), *_why(each), 0,
            spam_reported_at=now if each.verdict.spam else None,
        )
        for message_id, each in furthest.items()
        if each.verdict.state
    ]  # fmt: skip
    delivery.advance(moves, now=now)
    _accept_attempts([each.attempt for each in furthest.values() if each.attempt], now)
    _close(mine, now)
    return len(mine)


def _why(news: _News) -> tuple[str, str]:
    """Code and reason that are kept with the email: none where all is well."""
    if news.verdict.state in (DeliveryState.SENT, DeliveryState.DELIVERED) and not news.verdict.spam:
        return "", ""
    return news.code, sendgrid.words(news.code, news.event.reason or "")


def _provider_ids(furthest: dict[int, _News]) -> dict[int, str]:
    """What each of these locked emails is called at the provider: as recorded, else after its event.

    All recipients of one request share its id, so an email whose answer was lost gets its own number behind
    it."""
    known: dict[int, str | None] = dict(
        sql.rows(
            "SELECT id, provider_id FROM conversations_message WHERE id = ANY(%s::bigint[])",
            [sql.array(furthest)],
        )
        if furthest
        else []
    )
    return {
        message_id: provider_id or _named(furthest[message_id]) for message_id, provider_id in known.items()
    }


def _named(news: _News) -> str:
    """As the sender would have named it, had it seen the answer."""
    if news.attempt:
        return sent.provider_id(news.event.request or "event", UUID(news.attempt))
    return f"{sent.request_of(news.event.request or 'event')}.{news.message_id}"


def _note_wishes(news: Sequence[_News], now: datetime) -> None:
    """An email that was answered with an opt-out, by whatever button, says so."""
    wished = {
        each.message_id for each in news if each.message_id is not None and each.code in mail_wishes.ANSWERS
    }
    if wished:
        sql.run(
            "UPDATE conversations_message SET opted_out_at = %s WHERE id = ANY(%s) AND opted_out_at IS NULL",
            [now, sorted(wished)],
        )


def _accept_attempts(attempts: Sequence[str], now: datetime) -> None:
    if attempts:
        sql.run(
            "UPDATE conversations_attempt SET state = 'accepted', ended_at = COALESCE(ended_at, %s)"
            " WHERE id = ANY(%s::uuid[]) AND state IN ('calling', 'unknown')",
            [now, sql.array(attempts)],
        )


def _close(news: Sequence[_News], now: datetime) -> None:
    """Note what became of each event; found by its whole key, in its own partition."""
    if not news:
        return
    sql.run(
        """
        UPDATE integrations_providerevent e SET applied_at = %s, outcome = n.outcome
        FROM unnest(%s::bigint[], %s::date[], %s::text[]) AS n (id, month, outcome)
        WHERE e.id = n.id AND e.month = n.month
        """,
        [now, *sql.arrays([(each.event.id, each.event.month, _outcome(each)) for each in news])],
    )


def _outcome(news: _News) -> str:
    if news.verdict is sendgrid.UNKNOWN:
        return "unknown event"
    if news.message_id is not None:
        return "applied"
    return "no such email; its mailbox is treated as told" if news.verdict.consequence else "no such email"


# --- whose it is -----------------------------------------------------------------------------------


def _attributed(events: Sequence[_Event]) -> list[_News]:
    """Every event with its meaning and its email, in a constant number of statements."""
    owners = _owners({name for event in events if (name := event.names)})
    found: list[_News] = []
    nameless: list[_News] = []
    for event in events:
        code = sendgrid.code_of(
            event.event or "", type_=event.type or "", reason=event.reason or "", status=event.status or ""
        )
        verdict = sendgrid.verdict_of(code)
        account_id, message_id = owners.get(event.names, (None, None))
        if message_id is not None and account_id in event.proven:
            found.append(_News(event, code, verdict, message_id, event.names))
        elif not event.names and event.email and (verdict.state or verdict.consequence):
            nameless.append(_News(event, code, verdict))
        else:
            found.append(_News(event, code, verdict))
    return found + _by_mailbox(nameless)


def _owners(attempts: set[str]) -> dict[str, tuple[int | None, int | None]]:
    """(account, email) by attempt. One proven refused owns nothing: its news is not believed."""
    if not attempts:
        return {}
    found = sql.rows(
        """
        SELECT a.id::text, m.account_id, m.id
        FROM conversations_attempt a JOIN conversations_message m ON m.id = a.message_id
        WHERE a.id = ANY(%s::uuid[]) AND a.state <> 'refused' AND m.mailbox_id IS NOT NULL
        """,
        [sql.array(attempts)],
    )
    return {attempt: (account_id, message_id) for attempt, account_id, message_id in found}


def _by_mailbox(nameless: Sequence[_News]) -> list[_News]:
    """Events that name no attempt, with the email they must be of, if there is one.

    Of the emails to that mailbox the one of the same request. Without a request the latest before the event;
    of several the one that nothing final is known of, so that two bounces find two emails."""
    if not nameless:
        return []
    asked = [
        (index, account_id, (each.event.email or "").strip().lower(), each.event.at)
        for index, each in enumerate(nameless)
        for account_id in each.event.proven
    ]
    found = sql.rows(
        """
        SELECT q.i, m.id, m.provider_id, m.state
        FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::timestamptz[]) AS q(i, account_id, email, at)
        JOIN audiences_address a ON a.account_id = q.account_id AND a.channel = 'email' AND a.value = q.email
        CROSS JOIN LATERAL (
            SELECT id, provider_id, state, accepted_at, state_at FROM conversations_message
            WHERE address_id = a.id AND mailbox_id IS NOT NULL AND kind <> 'inbound'
              AND created_at > q.at - %s AND coalesce(accepted_at, state_at) <= q.at + %s
              AND (accepted_at IS NOT NULL OR state IN ('calling', 'unknown'))
            ORDER BY created_at DESC LIMIT 20) m
        ORDER BY q.i, coalesce(m.accepted_at, m.state_at) DESC, m.id DESC
        """,
        [*sql.arrays(asked), LOOK_BACK, CLOCKS_DIFFER],
    ) if asked else []  # fmt: skip
    candidates: dict[int, list[tuple[int, str, str]]] = {}
    for index, message_id, provider_id, state in found:
        candidates.setdefault(index, []).append((message_id, provider_id or "", state))
    settled: set[int] = set()
    results = []
    for index, each in enumerate(nameless):
        message_id = _chosen(each.event.request or "", candidates.get(index, []), settled)
        if message_id is not None and each.weight > 1:
            settled.add(message_id)
        results.append(_News(each.event, each.code, each.verdict, message_id))
    return results


def _chosen(request: str, candidates: list[tuple[int, str, str]], settled: set[int]) -> int | None:
    request = sent.request_of(request)
    if request:
        # Of another request it is no email of ours: a SendGrid account may serve other programs, too.
        same = [c for c in candidates if c[1] == request or c[1].startswith(f"{request}.")]
        return same[0][0] if same else None
    open_ = [c for c in candidates if c[0] not in settled and c[2] not in _FINAL]
    best = open_ or candidates
    return best[0][0] if best else None


_FINAL: tuple[Any, ...] = ("delivered", "bounced", "blocked", "failed", "rejected", "expired")
