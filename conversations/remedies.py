"""What a provider's refusal asks of us beyond the message: record an opt-out, stop trying a dead number, stop
a sender, try once more. What each code asks for is in the adapters' tables; here it is done.

Nothing here may be done twice: what a killed process left undone is found again (`make_good`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from audiences import suppression
from audiences.models import Address
from common import sql
from common.transactions import atomic_with_retry
from conversations import opt_outs, outbound, safety, second_tries
from conversations.models import Message, Thread
from integrations.carrier_limits import day_ends
from integrations.messaging import Remedy
from integrations.sendgrid import errors as sendgrid_errors
from integrations.twilio import errors as twilio_errors

LOOK_BACK = timedelta(days=7)
HOLD_FOR = timedelta(minutes=30)
CONVERSATION_RESTS = timedelta(hours=72)
INACTIVE_AFTER = 2  # messages
_UNREACHABLE = {
    Remedy.NUMBER_INVALID: "The number does not exist",
    Remedy.NO_TEXTS: "The number cannot receive texts",
    Remedy.MAILBOX_INVALID: "The mailbox does not exist",
}


_GONE_DEAD = "The number is no longer in use: the carrier said so twice"
_LOOPED = "Too many automatic texts in a row: a person has to go on"
_AGAIN = (Remedy.ONCE_MORE, Remedy.AS_SMS, Remedy.NEXT_DAY, Remedy.HOLD)
_STOPS = (Remedy.STOP_NUMBER, Remedy.STOP_ACCOUNT, Remedy.NEXT_DAY)
_ASKS_SOMEBODY = (
    Remedy.REVIEW_CONTENT, Remedy.STOP_NUMBER, Remedy.STOP_ACCOUNT, Remedy.FIX_SETTINGS, Remedy.REPORT_BUG
)  # fmt: skip
Refusal = tuple[int, Remedy, str]
CODES = {
    code: (verdict.meaning, verdict.remedy)
    for known in (sendgrid_errors.CODES, twilio_errors.CODES)
    for code, verdict in known.items()
}


def apply(refusals: Iterable[Refusal], *, now: datetime) -> None:
    """Act on (message id, remedy, provider code), each kind in a transaction of its own.

    After the messages' own transaction, because addresses are locked before messages.
    """
    asked: dict[Remedy, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for message_id, remedy, code in refusals:
        asked[remedy][code].append(message_id)
    for code, message_ids in asked[Remedy.OPTED_OUT].items():
        opt_outs.by_provider(message_ids, code=code, now=now)
    for remedy, reason in _UNREACHABLE.items():
        if message_ids := _all(asked[remedy]):
            _mark_unreachable(message_ids, reason, now)
    if message_ids := _all(asked[Remedy.INACTIVE]):
        _mark_inactive(message_ids, now)
    for remedy in _STOPS:
        for code, message_ids in asked[remedy].items():
            _stop_senders(message_ids, remedy, code, now)
    if message_ids := _all(asked[Remedy.HOLD]):
        _hold(message_ids, "held back by the provider", HOLD_FOR, now)
    if message_ids := _all(asked[Remedy.STOP_CONVERSATION]):
        _stop_conversations(message_ids, now)
    for remedy in _AGAIN:
        for code, message_ids in asked[remedy].items():
            _try_again(message_ids, remedy, code, now)
    for remedy in _ASKS_SOMEBODY:
        for code, message_ids in asked[remedy].items():
            _note(message_ids, remedy, code, now)


def _all(by_code: Mapping[str, list[int]]) -> list[int]:
    return [message_id for message_ids in by_code.values() for message_id in message_ids]


def make_good(*, now: datetime) -> int:
    """Act on refusals of the last 7 days whose remedy was lost with its process; how many messages.

    Reads every message that failed, so it is not for each round of a loop.
    """
    found = sql.rows(
        """
        SELECT m.id, m.code FROM conversations_message m JOIN audiences_address a ON a.id = m.address_id
        WHERE m.state IN ('failed', 'rejected', 'expired') AND m.state_at > %(since)s AND (
            m.code = ANY(%(opted_out)s) AND NOT EXISTS (
                SELECT 1 FROM audiences_optout o WHERE o.address_id = m.address_id
                AND (o.lifted_at IS NULL OR o.lifted_at >= m.state_at))
            OR m.code = ANY(%(unreachable)s) AND a.unreachable_since IS NULL
            OR m.code = ANY(%(again)s) AND m.mailbox_id IS NULL AND m.send_by > %(now)s AND NOT EXISTS (
                SELECT 1 FROM conversations_secondtry s WHERE s.message_id = m.id)
            OR m.code = ANY(%(stops)s) AND NOT EXISTS (
                SELECT 1 FROM conversations_safetypause p
                WHERE (p.number_id = m.number_id OR p.mailbox_id = m.mailbox_id)
                  AND (p.lifted_at IS NULL OR p.lifted_at >= m.state_at)))
        ORDER BY m.id
        """,
        {
            "since": now - LOOK_BACK,
            "now": now,
            "opted_out": _codes(Remedy.OPTED_OUT),
            "unreachable": _codes(*_UNREACHABLE),
            "again": _codes(*_AGAIN),
            "stops": _codes(Remedy.STOP_NUMBER, Remedy.STOP_ACCOUNT),
        },
    )
    apply([(message_id, CODES[code][1], code) for message_id, code in found], now=now)
    return len(found)


def _codes(*remedies: Remedy) -> list[str]:
    return [code for code, (_, remedy) in CODES.items() if remedy in remedies]


def _mark_inactive(message_ids: list[int], now: datetime) -> None:
    """Phones whose carrier said so of two messages: the first time may be a mistake."""
    twice = sql.column(
        """
        SELECT max(m.id) FROM conversations_message m
        WHERE m.address_id IN (SELECT address_id FROM conversations_message WHERE id = ANY(%s))
          AND m.state = 'failed' AND m.code = ANY(%s) GROUP BY m.address_id HAVING count(*) >= %s
        """,
        [sql.array(message_ids), _codes(Remedy.INACTIVE), INACTIVE_AFTER],
    )
    if twice:
        _mark_unreachable(twice, _GONE_DEAD, now)


def _stop_senders(message_ids: list[int], remedy: Remedy, code: str, now: datetime) -> None:
    """Let numbers and mailboxes rest: until an admin resumes them, or until the carrier's next day.

    News of what left before somebody resumed a sender stops it no more. A refused provider account stops
    whatever leaves through it, a brand's full day all numbers of the brand.
    """
    found = sql.rows(
        """
        WITH hit AS (
            SELECT DISTINCT m.account_id, m.number_id, m.mailbox_id, n.brand_id,
                coalesce(n.connection_id, x.connection_id) AS connection_id
            FROM conversations_message m
            LEFT JOIN integrations_sendingnumber n ON n.id = m.number_id
            LEFT JOIN integrations_sendingmailbox x ON x.id = m.mailbox_id
            WHERE m.id = ANY(%(ids)s) AND NOT EXISTS (
                SELECT 1 FROM conversations_safetypause p
                WHERE (p.number_id = m.number_id OR p.mailbox_id = m.mailbox_id)
                  AND p.lifted_at > coalesce(m.accepted_at, m.state_at)))
        SELECT DISTINCT n.account_id, n.id, NULL::bigint FROM hit
        JOIN integrations_sendingnumber n ON n.id = hit.number_id
            OR %(account)s AND n.connection_id = hit.connection_id
            OR %(brand)s AND n.account_id = hit.account_id AND n.brand_id <> '' AND n.brand_id = hit.brand_id
        UNION
        SELECT x.account_id, NULL, x.id FROM hit JOIN integrations_sendingmailbox x ON x.id = hit.mailbox_id
        ORDER BY 1, 2, 3
        """,
        {
            "ids": sql.array(message_ids),
            "account": remedy == Remedy.STOP_ACCOUNT,
            "brand": remedy == Remedy.NEXT_DAY,
        },
    )
    until = day_ends(now) if remedy == Remedy.NEXT_DAY else None
    for account_id, number_id, mailbox_id in found:
        safety.pause(
            account_id, safety.Sender(number_id=number_id, mailbox_id=mailbox_id), rule=safety.Rule.CODE,
            code=code, reason=f"{CODES[code][0]} ({code})", until=until, now=now,
        )  # fmt: skip


def _hold(message_ids: list[int], reason: str, span: timedelta, now: datetime) -> None:
    """Keep campaigns from whoever these messages went to, once per message."""
    sql.run(
        """
        INSERT INTO conversations_contacthold (contact_id, message_id, reason, at, until)
        SELECT m.contact_id, m.id, %s, %s, %s FROM conversations_message m
        WHERE m.id = ANY(%s) AND m.contact_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM conversations_contacthold h WHERE h.message_id = m.id)
        """,
        [reason, now, now + span, sql.array(message_ids)],
    )


@atomic_with_retry
def _stop_conversations(message_ids: list[int], now: datetime) -> None:
    """Nothing automatic goes to these phones until a person has looked."""
    addresses = set(Message.objects.filter(pk__in=message_ids).values_list("address_id", flat=True))
    suppression.lock_addresses(addresses)
    automatic = Message.objects.filter(
        address__in=addresses, kind=Message.Kind.AUTOMATIC, state=Message.State.QUEUED
    )
    outbound.cancel(list(automatic.values_list("pk", flat=True)), reason="conversation_stopped", now=now)
    _hold(message_ids, "too many automatic texts", CONVERSATION_RESTS, now)
    Thread.objects.filter(address__in=addresses, state=Thread.State.OPEN).update(
        needs_reply=True, escalated_reason=_LOOPED
    )


@atomic_with_retry
def _try_again(message_ids: list[int], remedy: Remedy, code: str, now: datetime) -> None:
    """Plan the second try that a code asks for; without its pictures only what has words, and wants it."""
    wait = twilio_errors.CODES[code].again_after if code in twilio_errors.CODES else None
    if remedy == Remedy.NEXT_DAY:
        wait = day_ends(now) - now
    if wait is None:
        return
    bare = set[int]()
    if remedy == Remedy.AS_SMS:
        bare = set(
            sql.column(
                """
                SELECT m.id FROM conversations_message m
                JOIN conversations_messagetemplate t ON t.id = m.template_id
                WHERE m.id = ANY(%s) AND coalesce(m.body, '') <> '' AND t.content -> 'as_sms' = 'true'
                """,
                [sql.array(message_ids)],
            )
        )
        message_ids = sorted(bare)
    second_tries.plan(dict.fromkeys(message_ids, wait), now=now, without_media=bare)


def _note(message_ids: list[int], remedy: Remedy, code: str, now: datetime) -> None:
    """Remember that this code asks somebody for something, by sender and campaign."""
    sql.run(
        """
        INSERT INTO conversations_sendingproblem AS p (account_id, number_id, lane_id, code, remedy, first_at,
            last_at)
        SELECT account_id, number_id, lane_id, %(code)s, %(remedy)s, min(state_at), max(state_at)
        FROM conversations_message WHERE id = ANY(%(ids)s)
        GROUP BY account_id, number_id, lane_id ORDER BY account_id, number_id, lane_id
        ON CONFLICT (account_id, code, number_id, lane_id)
        DO UPDATE SET last_at = greatest(p.last_at, excluded.last_at)
        """,
        {"ids": sql.array(message_ids), "code": code, "remedy": remedy.value},
    )


@atomic_with_retry
def _mark_unreachable(message_ids: list[int], reason: str, now: datetime) -> None:
    addresses = set(Message.objects.filter(pk__in=message_ids).values_list("address_id", flat=True))
    suppression.lock_addresses(addresses)
    Address.objects.filter(pk__in=addresses, unreachable_since=None).update(
        unreachable_since=now, unreachable_reason=reason
    )
