"""Keys that customers pressed while nobody here could take them in: had from the provider afterwards.

Whoever presses 9 while the web is away hears the provider's own apology, and their wish would be gone. So
every scripted call that somebody answered is asked about once, as the provider's list of texts is read: a
quarter of an hour after its end it shows which keys were pressed. Those that we had not noted are acted upon
as if they were pressed now; twice is as once.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from common import loops, sql
from conversations import call_talk, call_urls, inbound
from conversations.call_talk import Heard
from conversations.models import Call
from integrations.messaging import ProviderError
from integrations.twilio import voice
from integrations.twilio.client import TwilioAccess
from integrations.twilio.voice import Pressed

log = logging.getLogger(__name__)
SHOWN_AFTER = timedelta(minutes=16)
ASKED_FOR = timedelta(days=3)  # then it is too late to be of use
BATCH = 100
LOOP_SECONDS = 10.0


def take_in(*, now: datetime, seconds: float = LOOP_SECONDS) -> int:
    """Ask about calls that are over for long enough, oldest first; how many keys were new. A provider that
    does not answer is not asked again in this round, and keeps nobody else from their turn. Not inside a
    transaction."""
    heard, silent = 0, set[int]()  # connections
    for call, _ in zip(_in_turn(now, silent), loops.loop_until(seconds), strict=False):
        connection = call.number.connection
        try:
            keys = voice.keys_of(TwilioAccess.of(connection), call.provider_id or "")
        except (KeyError, ProviderError) as trouble:
            log.warning("keys of calls cannot be asked for: %s", trouble)
            silent.add(connection.pk)
            continue
        heard += sum(_hear(call, key, now) for key in keys)
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
    found = Call.objects.filter(
        keys_read_at=None, answered_at__isnull=False, direction=Call.Direction.OUT, agent_phone="",
        provider_id__isnull=False, ended_at__gt=now - ASKED_FOR, ended_at__lte=now - SHOWN_AFTER,
    ).exclude(number__connection__in=list(silent))  # fmt: skip
    return list(found.select_related("number__connection").order_by("ended_at", "pk")[:BATCH])


def _hear(call: Call, key: Pressed, now: datetime) -> bool:
    """Whether it is a key that we asked for and never heard."""
    asked, ours = urlsplit(key.url), urlsplit(call_urls.of("key", call.attempt))
    if asked.path != ours.path or key.digits[:1] in call.digits:
        return False
    query = {name: values[-1] for name, values in parse_qs(asked.query).items()}
    log.warning("call %s: a key was pressed that nobody had heard", call.pk)
    pressed = call_talk.key(
        call.attempt, [call.account_id], Heard(call.provider_id or "", digits=key.digits[:1]), now=now,
        again=bool(query.get("again")), stage=query.get("stage", ""),
    )  # fmt: skip
    if pressed.in_flight:
        inbound.wait_for_calls(pressed.in_flight)
    return True
