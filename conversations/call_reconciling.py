"""Calls whose answer was lost: found in the provider's list, or given up; and calls whose end nobody told.

A match is one listed call to that phone from that number, created around the request and no other call's of
ours. Where several fit, or another call of ours is looked for at the same phone, the addresses that a listed
call has asked say whose it is: they carry the attempt. Nothing is ever placed again for any of them.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from common import loops, sql
from common.transactions import atomic_with_retry
from conversations import call_ending, call_progress, call_remedies, inbound_calls
from conversations.call_progress import FINAL, News
from conversations.call_remedies import SEVERAL_CALLS
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.models import Call
from integrations.messaging import CallReport, CallState, ListedCall, ProviderError, Remedy
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess

log = logging.getLogger(__name__)
BATCH = 200
_SLACK = timedelta(minutes=2)
_MOST_DOUBLINGS = 8
_POLLS_BEFORE_GIVING_UP = 2
SILENT_AFTER = timedelta(minutes=10)
"""A call of which nothing was heard for so long is looked up: its last callback may have been lost."""
UNDECIDED_FOR = timedelta(hours=2)
"""How long it is asked which of several listed calls is ours: the longest call (an hour) is over by then, and
the quarter of an hour after which the provider shows what a call has asked."""
_NEVER_SAID = "The provider never said whether it placed this call"
_FORGOTTEN = "The provider does not know this call any more"
_SEVERAL = "The provider’s answer was lost, and of several calls to this phone it did not say which this was"


def reconcile(*, now: datetime, seconds: float = loops.LONGEST_LOOP_SECONDS) -> int:
    """Look up calls that are unknown or silent for up to `seconds`, and hang up what nobody wants; how many
    were settled. A provider that does not answer is not asked again in this round, and a call that breaks us
    keeps no other from its turn."""
    silent: set[int] = set()  # connections
    settled = call_ending.end_unwanted()
    calls = [*_unknown(), *_silent(now), *_silent_callers(now)]
    for call, _ in zip(calls, loops.loop_until(seconds), strict=False):
        connection = call.number.connection
        if connection.pk in silent:
            continue
        try:
            access = TwilioAccess.of(connection)
        except KeyError as missing:
            log.warning("connection %s lacks %s", connection.pk, missing)
            silent.add(connection.pk)
            continue
        try:
            settled += _look_up(call, access, now)
        except (OperationalError, InterfaceError):
            raise
        except ProviderError as error:
            log.warning("calls cannot be looked up: %s", error.code)
            silent.add(connection.pk)
        except Exception:  # the others have their turn all the same: they are taken in any order
            log.exception("call %s cannot be settled", call.pk)
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


def _silent_callers(now: datetime) -> list[Call]:
    """Customers' calls that seem to go on: where their end was lost, nobody knows that somebody called, and
    whoever took the call is not rung for the next."""
    calls = Call.objects.filter(
        direction=Call.Direction.IN, state__in=Call.LIVE, state_at__lt=now - SILENT_AFTER,
        provider_id__isnull=False,
    )  # fmt: skip
    return list(calls.select_related("number__connection").order_by("?")[:BATCH])


def _look_up(call: Call, access: TwilioAccess, now: datetime) -> bool:
    """Ask the provider about one call; whether it moved."""
    if call.direction == Call.Direction.IN:
        return _end_callers(call, _of_books(access, call.provider_id or ""), now)
    if call.provider_id:
        return _apply(call.pk, _of_books(access, call.provider_id), now)
    listed = voice.list_calls(access, to=_rings(call), created_after=call.created_at - _SLACK)
    fitting = _unclaimed([each for each in listed if each.from_ == call.number.e164])
    if len(fitting) > 1 or (fitting and _has_rivals(call)):
        return _tell_apart(call, fitting, access, now)
    if fitting:
        return _apply(call.pk, fitting[0].report, now)
    return _count_poll(call.pk, now)


def _of_books(access: TwilioAccess, provider_id: str) -> CallReport:
    """Where a call stands by the provider's books; one that they have lost is over. Raises ProviderError."""
    try:
        return voice.look_up(access, provider_id)
    except ProviderError as error:
        if error.code != voice.NOT_FOUND:
            raise
        return CallReport("", "", CallState.FAILED, FINAL, code=voice.NOT_FOUND, meaning=_FORGOTTEN)


def _end_callers(call: Call, report: CallReport, now: datetime) -> bool:
    """As the news of its end would have; whether it is over."""
    if report.rank < FINAL:
        return False
    inbound_calls.ended(
        call.provider_id or "", [call.account_id], status=report.status, seconds=report.seconds or 0, now=now
    )
    return True


def _rings(call: Call) -> str:
    """The phone that the provider was asked to ring."""
    return call.agent_phone or call.address.value


def _unclaimed(listed: Sequence[ListedCall]) -> list[ListedCall]:
    sids = [each.report.provider_id for each in listed]
    known = Call.objects.filter(provider="twilio", provider_id__in=sids)
    claimed = set(known.values_list("provider_id", flat=True))
    return [each for each in listed if each.report.provider_id not in claimed]


def _has_rivals(call: Call) -> bool:
    """Whether a listed call may be another one's of ours whose answer is not here either."""
    phone = _rings(call)
    others = Call.objects.filter(
        Q(agent_phone=phone) | Q(agent_phone="", address__value=phone), number=call.number_id,
        direction=Call.Direction.OUT, state__in=(Call.State.CALLING, Call.State.UNKNOWN), provider_id=None,
    )  # fmt: skip
    return others.exclude(pk=call.pk).exists()


def _tell_apart(call: Call, fitting: Sequence[ListedCall], access: TwilioAccess, now: datetime) -> bool:
    """Take the listed call that names our attempt. What names another is not ours; where none names any, they
    are asked again until all are long over. Whether it moved."""
    over = [each.report.provider_id for each in fitting if each.report.rank == FINAL]
    named = {sid: voice.attempts_of(access, sid) for sid in over}
    ours = [each for each in fitting if call.attempt in named.get(each.report.provider_id, ())]
    if ours:
        return _apply(call.pk, ours[0].report, now)
    left = [each for each in fitting if not named.get(each.report.provider_id)]
    if not left:
        return _count_poll(call.pk, now)
    if call.agent_phone:  # an agent presses a key before any customer is rung: it may be given up
        return _count_poll(call.pk, now)
    if now < call.created_at + UNDECIDED_FOR:
        log.warning("call %s may be any of %s calls at the provider", call.pk, len(left))
        return _count_poll(call.pk, now, gives_up=False)
    return _settle_on(call, left, now)


def _settle_on(call: Call, left: Sequence[ListedCall], now: datetime) -> bool:
    """Nobody can tell any more: it is the one that was answered, so that whoever may have spoken with us is
    not called again, else the first. The line is free, and a person is told."""
    chosen = min(left, key=lambda each: (each.report.state != CallState.COMPLETED, each.created_at))
    moved = _apply(call.pk, replace(chosen.report, code=SEVERAL_CALLS, meaning=_SEVERAL), now)
    if moved:
        call_remedies.apply([(call.pk, Remedy.CHECK_CALLS, SEVERAL_CALLS)], now=now)
    return moved


@atomic_with_retry
def _apply(call_id: int, report: CallReport, now: datetime) -> bool:
    return call_progress.advance([News(call_id, report)], now=now) == 1


@atomic_with_retry
def _count_poll(call_id: int, now: datetime, *, gives_up: bool = True) -> bool:
    """Nothing was found: give up once the time for it is over, where it may be given up."""
    polled = sql.rows(
        "UPDATE conversations_call SET unknown_polls = least(unknown_polls + 1, 1000)"
        " WHERE id = %s AND state = 'unknown' RETURNING unknown_polls, valid_until",
        [call_id],
    )
    if not polled or not gives_up:
        return False
    ((polls, valid_until),) = polled
    if polls < _POLLS_BEFORE_GIVING_UP or (valid_until is not None and valid_until > now):
        return False
    report = CallReport("", "", CallState.FAILED, FINAL, code=DELIVERY_UNKNOWN, meaning=_NEVER_SAID)
    return call_progress.advance([News(call_id, report)], now=now) == 1
