"""What a refused or failed call asks of us beyond itself: a phone to give up, a setting to change."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from audiences import suppression
from audiences.models import Address
from common import sql
from common.transactions import atomic_with_retry
from conversations import safety
from conversations.models import Call
from integrations.messaging import Remedy
from integrations.twilio.errors import CALL_CODES

NO_SUCH_NUMBER = "The number does not exist"
SEVERAL_CALLS = "several_calls"
"""Code of a call whose answer was lost and that several calls in the provider's books may have been."""
MEANINGS = {code: verdict.meaning for code, verdict in CALL_CODES.items()} | {
    SEVERAL_CALLS: "A call’s answer was lost, and several calls to its phone may have been it"
}
"""Codes of calls, in words."""
_ASKS_SOMEBODY = (Remedy.STOP_ACCOUNT, Remedy.FIX_SETTINGS, Remedy.REPORT_BUG, Remedy.CHECK_CALLS)


def apply(refusals: Iterable[tuple[int, Remedy, str]], *, now: datetime) -> None:
    """Act on (call id, remedy, provider code), each kind in a transaction of its own; twice is as once.

    After the calls' own transaction, because addresses are locked before planned calls. What a killed process
    left undone shows again with the next call.
    """
    asked: dict[tuple[Remedy, str], list[int]] = defaultdict(list)
    for call_id, remedy, code in refusals:
        asked[remedy, code].append(call_id)
    for (remedy, code), call_ids in asked.items():
        if remedy == Remedy.NUMBER_INVALID:
            _mark_unreachable(call_ids, now)
        if remedy == Remedy.STOP_ACCOUNT:
            _stop_senders(call_ids, code, now)
        if remedy in _ASKS_SOMEBODY:
            _note(call_ids, remedy, code)


@atomic_with_retry
def _mark_unreachable(call_ids: list[int], now: datetime) -> None:
    """The customer's phone; an agent's, which was rung first, is none of theirs."""
    calls = Call.objects.filter(pk__in=call_ids, agent_phone="")
    addresses = set(calls.values_list("address_id", flat=True))
    suppression.lock_addresses(addresses)
    Address.objects.filter(pk__in=addresses, unreachable_since=None).update(
        unreachable_since=now, unreachable_reason=NO_SUCH_NUMBER
    )


def _stop_senders(call_ids: list[int], code: str, now: datetime) -> None:
    """A refused provider account stops whatever leaves through it, until an admin has mended it."""
    found = sql.rows(
        """
        SELECT DISTINCT n.account_id, n.id FROM conversations_call k
        JOIN integrations_sendingnumber mine ON mine.id = k.number_id
        JOIN integrations_sendingnumber n ON n.connection_id = mine.connection_id
        WHERE k.id = ANY(%s::bigint[]) AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause p WHERE p.number_id = n.id AND p.lifted_at > k.state_at)
        ORDER BY 1, 2
        """,
        [sql.array(call_ids)],
    )
    for account_id, number_id in found:
        safety.pause(
            account_id, safety.Sender(number_id=number_id), rule=safety.Rule.CODE, code=code,
            reason=f"{MEANINGS.get(code, 'Refused')} ({code})", now=now,
        )  # fmt: skip


def _note(call_ids: list[int], remedy: Remedy, code: str) -> None:
    """Remember that this code asks somebody for something, by number and campaign."""
    sql.run(
        """
        INSERT INTO conversations_sendingproblem AS p (account_id, number_id, lane_id, code, remedy, first_at,
            last_at)
        SELECT k.account_id, k.number_id, pc.lane_id, %(code)s, %(remedy)s, min(k.state_at), max(k.state_at)
        FROM conversations_call k LEFT JOIN conversations_plannedcall pc ON pc.id = k.planned_id
        WHERE k.id = ANY(%(ids)s::bigint[])
        GROUP BY k.account_id, k.number_id, pc.lane_id ORDER BY k.account_id, k.number_id, pc.lane_id
        ON CONFLICT (account_id, code, number_id, lane_id)
        DO UPDATE SET last_at = greatest(p.last_at, excluded.last_at)
        """,
        {"ids": sql.array(call_ids), "code": code, "remedy": remedy.value},
    )
