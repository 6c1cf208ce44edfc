"""Hanging up scripted calls that their customers do not want any more: outside any transaction, by a bell,
and again with every sweep until the provider says that they are over."""

import logging

from common import sql
from conversations.models import Call
from integrations.messaging import ProviderError
from integrations.twilio import live_calls
from integrations.twilio.client import TwilioAccess

OVER = "21220"  # the provider’s code: the call is not in progress
NO_ANSWER = ("timeout", "unreachable")  # asked for each call, it would keep the others from their turn
log = logging.getLogger(__name__)


def end_unwanted() -> int:
    """End scripted calls that go on to phones with an opt-out in force; how many.

    Not the call on which somebody has just pressed 9: it says that it was understood, and ends by itself.
    """
    ids = sql.column(
        """
        SELECT k.id FROM conversations_call k
        WHERE k.state IN ('accepted', 'ringing', 'in_progress') AND k.claimed_at IS NOT NULL
          AND k.direction = 'out' AND k.agent_phone = '' AND k.opted_out_at IS NULL
          AND k.provider_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM audiences_optout o WHERE o.address_id = k.address_id AND o.lifted_at IS NULL)
        ORDER BY k.id
        """
    )
    ended, silent = 0, set[int]()  # connections
    for call in Call.objects.select_related("number__connection").filter(pk__in=ids).order_by("pk"):
        connection = call.number.connection
        if connection.pk in silent:
            continue
        try:
            live_calls.end(TwilioAccess.of(connection), call.provider_id or "")
            ended += 1
        except ProviderError as error:
            if error.code == OVER:
                continue
            log.warning("call %s to somebody who has opted out goes on: %s", call.pk, error)
            if error.code in NO_ANSWER:
                silent.add(connection.pk)
        except KeyError as error:
            log.warning("call %s to somebody who has opted out cannot be ended yet: %s", call.pk, error)
            silent.add(connection.pk)
    return ended
