"""Ending a call that goes on because one of ours wishes it: an agent their own, or a script’s for a customer.

The wish is committed first; then the provider is asked, outside any transaction, and again with every sweep
until the call is over. So a wish outlives the process that took it, and a call whose answer was lost is ended
once it turns up.
"""

import logging
from datetime import datetime

from accounts import audit
from accounts.models import User
from common import sql
from common.transactions import atomic_with_retry
from conversations import call_progress, said_outcomes
from conversations.call_ending import NO_ANSWER, OVER
from conversations.call_progress import News
from conversations.call_taking import NotPossible
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall
from conversations.planned_calls import HUNG_UP
from integrations.messaging import CallReport, ProviderError
from integrations.twilio import live_calls, voice
from integrations.twilio.client import TwilioAccess

PATIENCE_SECONDS = 4.0
"""For one request: somebody has pressed the button, and the sweep asks again."""
NOT_ASKED = (Call.State.CALLING, Call.State.UNKNOWN)  # the provider’s name for it is not known yet
log = logging.getLogger(__name__)


def end(planned_id: int, *, by: User, now: datetime) -> Call:
    """Have the call that goes on for a planned call ended: both legs. Not inside a transaction.

    Raises NotPossible where nothing goes on, or a colleague talks; ProviderError where the provider could not
    be asked now: the wish stands, and the sweep asks again.
    """
    call = _wish(planned_id, by, now)
    if call.state not in NOT_ASKED:
        hang_up(call, now=now)
    return call


@atomic_with_retry
def _wish(planned_id: int, by: User, now: datetime) -> Call:
    """Write the wish down, once. Raises NotPossible."""
    lock_planned_calls([planned_id])
    planned = PlannedCall.objects.select_related("account", "contact").get(pk=planned_id)
    call = said_outcomes.latest_call(planned)
    if call is None or call.state not in Call.LIVE:
        raise NotPossible("No call is going on any more. Nothing was changed.")
    if call.by_id not in (None, by.pk):
        raise NotPossible(f"{call.by} is in this call. Only they can end it. Nothing was changed.")
    call = Call.objects.select_related("number__connection").get(pk=call.pk)
    if call.hang_up_at is not None:
        return call
    call.hang_up_at = now
    if not call.agent_phone:
        if call.answered_at is None:
            call.code, call.reason = HUNG_UP, f"Ended by {by} before anybody answered"
        audit.record(
            account=planned.account, by=by, verb="ended_call", on=planned.contact,
            summary=f"Ended a script’s call to {planned.contact}",
        )  # fmt: skip
    call.save(update_fields=["hang_up_at", "code", "reason"])
    return call


def hang_up(call: Call, *, now: datetime) -> None:
    """Ask the provider to end every leg of a call. What is over there is looked up, for its last news may
    have been lost. Outside any transaction. Raises ProviderError."""
    try:
        access = TwilioAccess.of(call.number.connection)
    except KeyError as missing:
        words = "The connection to the provider cannot be used; check it in Settings"
        raise ProviderError(words, permanent=False, accepted="no", code="not_connected") from missing
    try:
        _ask(access, call)
        if call.customer_leg_id:
            live_calls.end(access, call.customer_leg_id, seconds=PATIENCE_SECONDS)
    except ProviderError as error:
        if error.code != OVER:
            raise
        _note(call.pk, voice.look_up(access, call.provider_id or ""), now)


def _ask(access: TwilioAccess, call: Call) -> None:
    """One that only rings is called off: to be completed it has to have been answered."""
    asked = live_calls.end if call.state == Call.State.IN_PROGRESS else live_calls.call_off
    asked(access, call.provider_id or "", seconds=PATIENCE_SECONDS)


@atomic_with_retry
def _note(call_id: int, report: CallReport, now: datetime) -> None:
    call_progress.advance([News(call_id, report)], now=now)


def end_wished(*, now: datetime) -> int:
    """Ask again for every call that goes on although its end was wished; how many were asked for. A provider
    that does not answer is not asked again in this round."""
    ids = sql.column(
        """
        SELECT k.id FROM conversations_call k
        WHERE k.hang_up_at IS NOT NULL AND k.claimed_at IS NOT NULL AND k.provider_id IS NOT NULL
          AND k.state IN ('accepted', 'ringing', 'in_progress')
        ORDER BY k.id
        """
    )
    asked, silent = 0, set[int]()  # connections
    for call in Call.objects.select_related("number__connection").filter(pk__in=ids).order_by("pk"):
        if call.number.connection_id in silent:
            continue
        try:
            hang_up(call, now=now)
            asked += 1
        except ProviderError as error:
            log.warning("call %s goes on although its end was wished: %s", call.pk, error)
            if error.code in NO_ANSWER:
                silent.add(call.number.connection_id)
    return asked
