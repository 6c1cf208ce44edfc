"""Calls whose answer was lost: found in the provider's list, or given up; and calls whose end nobody told.

A match is one listed call to that phone from that number, created around the request and no other call's of
ours. Two are an alarm, and nothing is placed again for either.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from common import loops, sql
from common.transactions import atomic_with_retry
from conversations import call_ending, call_progress
from conversations.call_progress import FINAL, News
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.models import Call
from integrations.messaging import CallReport, CallState, ListedCall, ProviderError
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess

log = logging.getLogger(__name__)
BATCH = 200
_SLACK = timedelta(minutes=2)
_MOST_DOUBLINGS = 8
_POLLS_BEFORE_GIVING_UP = 2
SILENT_AFTER = timedelta(minutes=10)
"""A call of which nothing was heard for so long is looked up: its last callback may have been lost."""
_NEVER_SAID = "The provider never said whether it placed this call"


def reconcile(*, now: datetime, seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Look up calls that are unknown or silent for up to `seconds`, and hang up what nobody wants; how many
    were settled. A provider that does not answer is not asked again in this round."""
    silent: set[int] = set()  # connections
    settled = call_ending.end_unwanted()
    calls = [*_unknown(), *_silent(now)]
    for call, _ in zip(calls, loops.loop_until(seconds), strict=False):
        connection = call.number.connection
        if connection.pk in silent:
            continue
        try:
            access = TwilioAccess.of(connection)
            settled += _look_up(call, access, now)
        except KeyError as missing:
            log.warning("connection %s lacks %s", connection.pk, missing)
            silent.add(connection.pk)
        except ProviderError as error:
            log.warning("calls cannot be looked up: %s", error.code)
            silent.add(connection.pk)
    return settled


def _unknown() -> list[Call]:
    """Polls are spread: each one doubles the wait for the next, on the real clock."""
    ids = sql.column(
        """
        SELECT k.id FROM conversations_call k
        WHERE k.state = 'unknown' AND k.claimed_at < clock_timestamp()
            - %s * power(2, least(k.unknown_polls, %s)) * interval '1 second'
        ORDER BY random() LIMIT %s
        """,
        [settings.RECONCILE_AFTER_SECONDS, _MOST_DOUBLINGS, BATCH],
    )
    return list(Call.objects.select_related("address", "number__connection").filter(pk__in=ids))


def _silent(now: datetime) -> list[Call]:
    live = (Call.State.ACCEPTED, Call.State.RINGING, Call.State.IN_PROGRESS)
    calls = Call.objects.filter(
        direction=Call.Direction.OUT,
        state__in=live,
        state_at__lt=now - SILENT_AFTER,
        claimed_at__isnull=False,
    )
    return list(calls.select_related("address", "number__connection").order_by("?")[:BATCH])


def _look_up(call: Call, access: TwilioAccess, now: datetime) -> bool:
    """Ask the provider about one call; whether it moved."""
    if call.provider_id:
        return _apply(call.pk, voice.look_up(access, call.provider_id), now)
    to = call.agent_phone or call.address.value
    listed = voice.list_calls(access, to=to, created_after=call.created_at - _SLACK)
    matches = _unclaimed([each for each in listed if each.from_ == call.number.e164])
    if len(matches) > 1:
        log.error("call %s matches %s calls at the provider", call.pk, len(matches))
        return False
    if matches:
        return _apply(call.pk, matches[0].report, now)
    return _count_poll(call.pk, now)


def _unclaimed(listed: Sequence[ListedCall]) -> list[ListedCall]:
    sids = [each.report.provider_id for each in listed]
    known = Call.objects.filter(provider="twilio", provider_id__in=sids)
    claimed = set(known.values_list("provider_id", flat=True))
    return [each for each in listed if each.report.provider_id not in claimed]


@atomic_with_retry
def _apply(call_id: int, report: CallReport, now: datetime) -> bool:
    return call_progress.advance([News(call_id, report)], now=now) == 1


@atomic_with_retry
def _count_poll(call_id: int, now: datetime) -> bool:
    """Nothing was found: give up once the time for it is over."""
    polled = sql.rows(
        "UPDATE conversations_call SET unknown_polls = least(unknown_polls + 1, 1000)"
        " WHERE id = %s AND state = 'unknown' RETURNING unknown_polls, valid_until",
        [call_id],
    )
    if not polled:
        return False
    ((polls, valid_until),) = polled
    if polls < _POLLS_BEFORE_GIVING_UP or (valid_until is not None and valid_until > now):
        return False
    report = CallReport("", "", CallState.FAILED, FINAL, code=DELIVERY_UNKNOWN, meaning=_NEVER_SAID)
    return call_progress.advance([News(call_id, report)], now=now) == 1
