"""An agent presses Call: the claim, then the provider, and what happened in words.

Not inside a transaction: the provider is asked after the claim's commit, while the request waits. Whatever
happens to this process then, the call is recorded, or found again as any other whose answer was lost.
"""

import time
from datetime import datetime

from accounts.models import User
from common import clock
from conversations import call_claiming, call_rechecking, call_sender
from conversations.call_candidates import HELD_WORDS
from conversations.call_claiming import Agent, Decided
from conversations.claiming import CLAIM_VALID_SECONDS
from conversations.handing_over import outgoing_call
from conversations.models import Call, PlannedCall
from conversations.placing_results import PlacingResult
from integrations.messaging import CallReceipt, ProviderError
from integrations.models import Connection
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess

_REASONS = {
    "window": "It is outside the hours in which this person may be called.",
    "hold": "They have replied of late, so campaigns leave them alone for now.",
    "phone_cap": "This phone has had its three texts and calls of 24 hours.",
    "household_cap": "This home has had as many texts and calls as it may have for now.",
    "opted_out": "They have opted out.",
    "do_not_call": "This phone is on a do-not-call list.",
    "inactive": "They are not an active customer any more.",
    "do_not_service": "They are marked as not to be served.",
    "no_address": "This phone is not theirs any more.",
    "unreachable": "This phone does not exist any more.",
    "booked": "They have booked meanwhile.",
    "too_late": "Its time to be called was over.",
}


_SOURCE_SILENT = (
    "ServiceTitan cannot be reached, so nobody knows whether they have booked meanwhile. Nobody was called."
)


class CallRefused(Exception):
    """No call was placed; the words say why and what became of the planned call."""


def place(planned_id: int, *, by: User, agent_phone: str, now: datetime | None = None) -> Call:
    """Ring the agent's phone, then the customer. Raises CallRefused, with words for the agent.

    The returned call is `accepted`, or `unknown` where the provider's answer was lost: the agent's phone may
    ring yet, and nothing is placed again for it.
    """
    going_on = Call.objects.filter(by=by, state__in=Call.LIVE).exclude(agent_phone="").first()
    if going_on is not None and going_on.state == Call.State.UNKNOWN:
        raise CallRefused(
            "The carrier never said whether it took your last call, so that one is looked for first, for "
            "some minutes at most. Nobody was called; if your phone rings, pick up."
        )
    if going_on is not None:
        raise CallRefused("You are in a call already. End that one first.")
    planned = PlannedCall.objects.select_related("address").get(pk=planned_id)
    if planned.address.value == agent_phone:
        raise CallRefused("That is your own phone. Nobody was called.")
    if planned.kind == PlannedCall.Kind.CAMPAIGN and not call_rechecking.ask_now(
        planned, now=now or clock.now()
    ):
        raise CallRefused(f"{_SOURCE_SILENT} {_put_off(planned_id)}")
    born = time.monotonic()  # from before the claim
    at = now or clock.now()
    decided = call_claiming.claim_for_agent(planned_id, agent=Agent(by, agent_phone), now=at)
    if not decided.claims:
        raise CallRefused(_why_not(decided, planned_id))
    claim = decided.claims[0]
    result: CallReceipt | ProviderError
    try:
        access = TwilioAccess.of(Connection.objects.get(pk=claim.connection_id))
        result = voice.place_now(access, outgoing_call(claim), not_after=born + CLAIM_VALID_SECONDS)
    except KeyError:
        words = "The connection to the provider cannot be used; check it in Settings"
        result = ProviderError(words, permanent=False, accepted="no", code="not_connected")
    except ProviderError as error:
        result = error
    call_sender.settle([PlacingResult(claim, result)])
    if isinstance(result, ProviderError) and result.accepted == "no":
        raise CallRefused(f"Nobody was called: {result.message}. The call is still yours.")
    return Call.objects.get(pk=claim.call_id)


def _why_not(decided: Decided, planned_id: int) -> str:
    """What the claim made of it, in words."""
    for deferral in decided.deferred:
        return f"Nobody was called. {_said(deferral.reason)} The call is put off until it may be placed."
    for refused in decided.refused:
        return f"Nobody was called. {_said(refused.code)} The call is taken out of the queue."
    if planned_id in decided.held:
        return f"Nobody was called. {HELD_WORDS[decided.held[planned_id]]} The call stays in the queue."
    return "Nobody was called: somebody else has this call, or it is over."


def _put_off(planned_id: int) -> str:
    """What became of a call about which the source could not be asked."""
    if PlannedCall.objects.filter(pk=planned_id, state=PlannedCall.State.CANCELLED).exists():
        return "It has been silent for two hours, so the call is taken out of the queue."
    return "The call is put off for two hours."


def _said(reason: str) -> str:
    return _REASONS.get(reason, reason.replace("_", " ").capitalize() + ".")
