"""A planned call's try from outside: placed by nobody, answered and told of as the provider would."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import User
from audiences.models import Contact
from common import clock, sql
from conversations import call_draining, placing_results
from conversations.call_candidates import CallClaim
from conversations.call_scripts import Tries
from conversations.models import Call, PlannedCall
from conversations.placing_results import PlacingResult
from integrations import inbox
from integrations.messaging import CallReceipt, ProviderError, Remedy
from integrations.models import ProviderEvent
from integrations.twilio import voice
from tests import factories

BUSY = ProviderError("Too many", permanent=False, accepted="no", code="20429", retry_after=7)
SILENCE = ProviderError("Silence", permanent=False, accepted="unknown", code="timeout")
GONE = ProviderError(
    "Not a phone", permanent=True, accepted="no", code="21211", state=None, remedy=Remedy.NUMBER_INVALID
)


def calling(contact: Contact, by: User | None = None, **fields: Any) -> Call:
    """A call that is being placed."""
    planned = factories.plan_call(
        contact, mode="person" if by else "script", state=PlannedCall.State.CALLING, due_at=None, taken_by=by,
        **{"tries": Tries(no_answer=0, busy=0), **fields},
    )  # fmt: skip
    call = Call.objects.create(
        account=contact.account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, state="calling", by=by, agent_phone="+13125550177" if by else "",
        created_at=clock.now(), valid_until=clock.now() + timedelta(minutes=15),
    )  # fmt: skip
    sql.run("UPDATE conversations_call SET claimed_at = clock_timestamp() WHERE id = %s", [call.pk])
    return call


def claim_of(call: Call) -> CallClaim:
    """The claim that is placing it."""
    return CallClaim(
        call.pk, call.planned_id or 0, call.account_id, call.attempt, call.number.connection_id, "+1", "+1",
        20, not call.agent_phone,
    )  # fmt: skip


def record(call: Call, result: CallReceipt | ProviderError) -> None:
    """Asking for it ended so."""
    placing_results.record([PlacingResult(claim_of(call), result)], now=clock.now())


def tell(call: Call, status: str, sequence: int = 0, **fields: str) -> None:
    """One status callback, stored as the webhook does."""
    payload = {
        "CallSid": f"CA{call.pk}", "CallStatus": status, "SequenceNumber": str(sequence),
        "attempt": str(call.attempt), **fields,
    }  # fmt: skip
    event = inbox.IncomingEvent(
        provider="twilio", event_id=voice.status_event_id(payload), kind=ProviderEvent.Kind.CALL_STATUS,
        payload=payload, account_id=call.account_id,
    )  # fmt: skip
    inbox.store(event)


def now_of(call: Call) -> tuple[str, str, str]:
    """(call's state, planned call's state, its outcome or code)."""
    call.refresh_from_db()
    planned = PlannedCall.objects.get(pk=call.planned_id)
    return call.state, planned.state, planned.outcome or planned.code


def drained(call: Call, done: Callable[[Call], Any], what: str, seconds: float = 20) -> Call:
    """The call, once the callbacks that came say so."""
    until = time.monotonic() + seconds
    while True:
        call_draining.drain()
        call = Call.objects.select_related("planned").get(pk=call.pk)
        if done(call):
            return call
        assert time.monotonic() < until, f"waited for the {what}: {call.state} {call.code}"
        time.sleep(0.05)
