"""What customers wrote while nobody could take it in: had from the provider before campaigns send again.

A webhook that fails is repeated once at best. So whoever applies callbacks gives a sign of life every other
second. Where it stayed away, or PostgreSQL was started since, the account is deaf: the lease passes its
campaigns over until the provider's list of received texts was read. Agents and answers are not held. Every
ten minutes the list is read anyway, for what was missed in other ways.
"""

import logging
import threading
import time
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, OperationalError

from common import sql
from conversations import inbound
from integrations.messaging import InboundText, ProviderError
from integrations.models import Connection, SendingNumber
from integrations.twilio.client import TwilioAccess
from integrations.twilio.lists import list_received

log = logging.getLogger(__name__)
EVERY_SECONDS = 2.0
LOOK_ANYWAY_SECONDS = 600
_SLACK = timedelta(minutes=2)  # our clock against the provider's
DEAF = "(h.alive_at < pg_postmaster_start_time() OR h.alive_at < clock_timestamp() - interval '30 seconds')"
"""SQL: whether the account of the row `h` may have missed something since its last sign of life."""
_signed_at: float | None = None  # monotonic, in this process
_missed = threading.Event()  # in this process; accounts have not been told yet


def stay_alive(*, now: datetime) -> None:
    """Give a sign of life for every account that is not deaf; every other second is enough."""
    global _signed_at
    if _signed_at is not None and time.monotonic() < _signed_at + EVERY_SECONDS:
        return
    sql.run(
        f"""
        UPDATE conversations_listening h SET alive_at = clock_timestamp(), heard_until = %s
        WHERE NOT {DEAF}
        """,
        [now],
    )
    _signed_at = time.monotonic()


def missed() -> None:
    """A customer's text could not be stored, and the provider may not repeat it: see `own_up`."""
    _missed.set()


def own_up() -> None:
    """Make every account deaf where this process had to turn a text away; else nothing is asked.

    For whoever has the database again: servers that recover from a crash do not always start anew, and
    connections may be refused while all else goes well.
    """
    if not _missed.is_set():
        return
    _missed.clear()  # first: what another thread turns away from here on is told anew
    try:
        # Never as before, so that a list which is being read meanwhile is not taken for one read since.
        sql.run(
            "UPDATE conversations_listening"
            " SET alive_at = least(alive_at, pg_postmaster_start_time()) - interval '1 millisecond'"
        )
    except (DatabaseError, InterfaceError):
        _missed.set()
        raise


def catch_up(*, now: datetime) -> int:
    """Read the list of every account that is deaf or was not looked at for long; how many texts were new.

    Read from the last list on, however often one could not be had. One account's trouble is no other's: it
    stays deaf, and is tried again at the next ring. Raises the database's errors.
    """
    sql.run(
        """
        INSERT INTO conversations_listening (account_id, alive_at, heard_until, listed_at)
        SELECT c.account_id, clock_timestamp(), %s, clock_timestamp() FROM integrations_connection c
        WHERE c.provider = %s ON CONFLICT DO NOTHING
        """,
        [now, Connection.Provider.TWILIO],
    )
    due = sql.rows(
        f"""
        SELECT h.account_id, clock_timestamp(), least(h.heard_until, %s - (clock_timestamp() - h.listed_at)),
            h.alive_at FROM conversations_listening h
        WHERE {DEAF} OR h.listed_at < clock_timestamp() - %s * interval '1 second'
        """,
        [now, LOOK_ANYWAY_SECONDS],
    )
    heard = 0
    for account_id, began, since, alive_at in due:
        try:
            heard += _hear(account_id, since - _SLACK, now)
        except ProviderError as error:
            log.error("texts to account %s cannot be listed, its campaigns wait: %s", account_id, error)
            continue
        # As of before the list was read: whatever happened since makes the account deaf again.
        sql.run(
            "UPDATE conversations_listening SET heard_until = %s, listed_at = %s,"
            " alive_at = CASE WHEN alive_at < %s THEN alive_at ELSE %s END WHERE account_id = %s",
            [now, began, alive_at, began, account_id],
        )
    return heard


def _hear(account_id: int, since: datetime, now: datetime) -> int:
    """Take in what was written to the account's numbers, oldest first; how many texts were new."""
    connection = (
        Connection.objects.of(account_id, Connection.Provider.TWILIO).select_related("account").first()
    )
    if connection is None:
        return 0
    try:
        access = TwilioAccess.of(connection)
    except KeyError as missing:
        words = f"The connection lacks {missing}"
        raise ProviderError(words, permanent=True, accepted="no", code="not_connected") from None
    texts: list[InboundText] = []
    for number in SendingNumber.objects.filter(account=account_id).order_by("pk"):
        texts += reversed(list_received(access, to=number.e164, created_after=since))
    new = 0
    for text in texts:
        try:
            new += inbound.receive(text, account=connection.account, now=now) is not None
        except (OperationalError, InterfaceError):
            raise  # no text's fault: the account stays deaf until every one is in
        except Exception:  # it must not keep the others, and with them every campaign, from their turn
            log.exception("text %s cannot be taken in", text.provider_id)
    if new:
        log.warning("account %s: %s texts had been missed", account_id, new)
    return new
