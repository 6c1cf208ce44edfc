"""An agent takes a customer who wants to talk by pressing a key: their own voicemail, which may pick up
instead, cannot. The office line is a desk, or a menu, and is connected as it is.
"""

from datetime import datetime
from uuid import UUID

from accounts.models import Membership
from common.transactions import atomic_with_retry
from conversations import call_urls
from conversations.call_talk import Heard, locked, note
from conversations.models import Call
from integrations.twilio import twiml
from integrations.twilio.twiml import Said

KEY_SECONDS = 6
"""So long an agent has for the key; the customer hears it ring meanwhile."""


@atomic_with_retry
def screen(attempt: UUID, accounts: list[int], heard: Heard, *, agent: int, now: datetime) -> str:
    """An agent's phone was answered, or a key pressed there, which connects both. The same key twice changes
    nothing more."""
    call = locked(attempt, accounts)
    if call is None or not Membership.objects.filter(account=call.account_id, user=agent).able().exists():
        return twiml.hang_up()
    if call.ended_at is not None:
        return twiml.tell([Said("The caller has hung up.")])
    if not heard.digits:
        return _ask(call, agent)
    note(call, answered_at=call.answered_at or now, connected_at=call.connected_at or now, by_id=agent)
    return twiml.say_first([])


def _ask(call: Call, agent: int) -> str:
    wants = f"A customer wants to talk to {call.account.name}. Press 1 to take the call."
    again = call_urls.of("screen", call.attempt, agent=agent)
    return twiml.ask([Said(wants)], action=again, seconds=KEY_SECONDS)
