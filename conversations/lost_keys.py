"""Keys that customers pressed while nobody here could take them in: had from the provider afterwards.

Whoever presses 9 while the web is away hears the provider's own apology, and their wish would be gone. So
every scripted call that somebody answered, and every customer's call that was offered the 9, is asked about
once, as the provider's list of texts is read: a quarter of an hour after its end it shows which keys were
pressed. Those that we had not noted are acted upon as if they were pressed now; twice is as once.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from urllib.parse import parse_qs, urlsplit

from django.db import InterfaceError, OperationalError
from django.db.models import Exists, OuterRef

from common import loops, sql
from conversations import call_talk, call_urls, inbound, inbound_calls
from conversations.call_talk import Heard
from conversations.models import Call
from integrations.messaging import ProviderError
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess
from integrations.twilio.voice import Pressed

log = logging.getLogger(__name__)
SHOWN_AFTER = timedelta(minutes=16)
ASKED_FOR = timedelta(days=3)  # then it is too late to be of use
BROKEN_FOR = timedelta(hours=1)
"""How long a call that breaks us is left alone, so that the others have their turn; never for good: it may
hold a 9."""
BATCH = 100
LOOP_SECONDS = 10.0


def take_in(*, now: datetime, seconds: float = LOOP_SECONDS) -> int:
    """Ask about calls that are over for long enough, oldest first; how many keys were new. A provider that
    does not answer is not asked again in this round, and neither it nor a call that breaks us keeps anybody
    else from their turn. Not inside a transaction."""
    heard, silent = 0, set[int]()  # connections
    for call, _ in zip(_in_turn(now, silent), loops.loop_until(seconds), strict=False):
        connection = call.number.connection
        try:
            access = TwilioAccess.of(connection)
        except KeyError as missing:
            log.warning("keys of calls cannot be asked for: connection %s lacks %s", connection.pk, missing)
            silent.add(connection.pk)
            continue
        try:
            heard += _take_in(call, access, now)
        except (OperationalError, InterfaceError):
            raise
        except ProviderError as trouble:
            log.warning("keys of calls cannot be asked for: %s", trouble)
            silent.add(connection.pk)
        except Exception:
            log.exception("the keys of call %s cannot be acted upon", call.pk)
            sql.run("UPDATE conversations_call SET keys_broke_at = %s WHERE id = %s", [now, call.pk])
    return heard


def _take_in(call: Call, access: TwilioAccess, now: datetime) -> int:
    """Ask about one call; how many of its keys were new. Raises ProviderError."""
    hear = _hear_caller if call.direction == Call.Direction.IN else _hear
    heard = sum(hear(call, key, now) for key in voice.keys_of(access, call.provider_id or ""))
    sql.run("UPDATE conversations_call SET keys_read_at = %s WHERE id = %s", [now, call.pk])
    return heard


def _in_turn(now: datetime, silent: set[int]) -> Iterator[Call]:
    """A batch, and another one where `silent` connections had their share of it: an account whose provider
    is out of reach for days may have more such calls than any batch holds."""
    known = -1
    while known < len(silent):
        known = len(silent)
        for call in _unread(now, silent):
            if call.number.connection_id not in silent:
                yield call


def _unread(now: datetime, silent: Collection[int]) -> list[Call]:
    over = (
        Call.objects.filter(
            keys_read_at=None, provider_id__isnull=False, ended_at__gt=now - ASKED_FOR,
            ended_at__lte=now - SHOWN_AFTER,
        )
        .exclude(number__connection__in=list(silent))
        .exclude(keys_broke_at__gt=now - BROKEN_FOR)
        .select_related("number__connection")
        .order_by("ended_at", "pk")
    )  # fmt: skip
    ours = over.filter(direction=Call.Direction.OUT, answered_at__isnull=False, agent_phone="")
    offered = inbound_calls.offered_nine(OuterRef("address_id"), OuterRef("created_at"))
    theirs = over.filter(direction=Call.Direction.IN, digits="").filter(Exists(offered))
    return sorted([*ours[:BATCH], *theirs[:BATCH]], key=attrgetter("ended_at", "pk"))


def _hear(call: Call, key: Pressed, now: datetime) -> bool:
    """Whether it is a key that we asked for and never heard."""
    asked, ours = urlsplit(key.url), urlsplit(call_urls.of("key", call.attempt))
    if asked.path != ours.path or key.digits[:1] in call.digits:
        return False
    query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
    _act(
        call,
        call_talk.key(
            call.attempt, [call.account_id], _pressed(call, key), now=now, again=bool(query.get("again")),
            stage=query.get("stage", ""),
        ),
    )  # fmt: skip
    return True


def _hear_caller(call: Call, key: Pressed, now: datetime) -> bool:
    """Whether it is a 9 of somebody who called us. Any other key had them put through, which is over."""
    asked, ours = urlsplit(key.url), urlsplit(call_urls.of("inbound-key", call.attempt))
    if asked.path != ours.path or key.digits[:1] != call_talk.STOP:
        return False
    _act(call, inbound_calls.key(call.attempt, [call.account_id], _pressed(call, key), now=now))
    return True


def _pressed(call: Call, key: Pressed) -> Heard:
    return Heard(call.provider_id or "", digits=key.digits[:1])


def _act(call: Call, done: call_talk.Pressed) -> None:
    """What the webhook does after its answer is made."""
    log.warning("call %s: a key was pressed that nobody had heard", call.pk)
    if done.in_flight:
        inbound.wait_for_calls(done.in_flight)
