"""SendGrid's webhooks: news of emails, and emails from customers.

News is verified over the bytes as they came, before anything is read of it. Inbound mail is let in by the
secret in its address, or by the same signature; SendGrid drops what is answered with 4xx and tells nobody,
so that our own faults are a 503, after which it comes again for three days.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, DataError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import access
from common import clock
from conversations import inbound_mail
from conversations.mail_events import PROVEN
from integrations import inbox
from integrations.models import ProviderEvent
from integrations.sendgrid import events as sendgrid
from integrations.sendgrid import inbound, registering, signatures

log = logging.getLogger(__name__)
MOST_BYTES = 32 * 1024 * 1024  # of a batch of events, which has a thousand of them or two
MOST_INBOUND_BYTES = 40 * 1024 * 1024  # SendGrid takes mails of 30 MB; what lies beyond is cut off
_UNREADABLE_KEPT = 20_000  # characters of a batch that makes no sense


@access.public
@csrf_exempt
@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """News of emails: stored at once, whole batches in one commit, and applied by the drain."""
    try:
        return _keep(request)
    except (inbox.InboxUnavailable, DatabaseError, InterfaceError):
        log.warning("email events not stored", exc_info=True)
        return HttpResponse("Not stored; try again.\n", status=503, content_type="text/plain")


def _keep(request: HttpRequest) -> HttpResponse:
    # What is not even signed is not read into memory.
    body = request.read(MOST_BYTES + 1) if signatures.SIGNATURE in request.headers else b""
    if len(body) > MOST_BYTES:
        return HttpResponse("The batch is too large.\n", status=413, content_type="text/plain")
    accounts = signatures.who_signed(body, request.headers, now=clock.now())
    if not accounts:
        log.warning("refused an unsigned or wrongly signed request to %s", request.path)
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    try:
        told = sendgrid.split(body)
    except (ValueError, RecursionError):
        log.error("a signed batch of email events cannot be read")
        told = [{"unreadable": body.decode(errors="replace")[:_UNREADABLE_KEPT]}]
    _store(told, accounts)
    return HttpResponse(status=204)


def _store(told: Sequence[dict[str, Any]], accounts: list[int]) -> None:
    """Keep a batch; where it holds something that the database cannot take, each event alone."""
    coming = [_event(event, accounts) for event in told]
    try:
        inbox.store_all(coming)
    except DataError:
        log.exception("a batch of email events holds one that cannot be stored as it is")
        for event in told:
            _store_alone(event, accounts)


def _store_alone(event: dict[str, Any], accounts: list[int]) -> None:
    try:
        inbox.store_all([_event(event, accounts)])
    except DataError:
        shown = ascii(event)
        kept = {"unreadable": shown[:_UNREADABLE_KEPT], "digest": hashlib.sha256(shown.encode()).hexdigest()}
        inbox.store_all([_event(kept, accounts)])


def _event(event: dict[str, Any], accounts: list[int]) -> inbox.IncomingEvent:
    return inbox.IncomingEvent(
        provider="sendgrid",
        event_id=sendgrid.event_id(event),
        kind=ProviderEvent.Kind.MAIL_EVENT,
        payload=event,
        account_id=accounts[0],
        headers={PROVEN: ",".join(map(str, accounts))} if len(accounts) > 1 else {},
    )


@access.public
@csrf_exempt
@require_POST
def inbound_email(request: HttpRequest) -> HttpResponse:
    """A customer's email. Answered when it is stored and acted upon, and a wish to get no more is final."""
    try:
        return _take_in(request)
    except Exception:
        log.exception("a customer's email was not stored")
        return HttpResponse("Not stored; try again.\n", status=503, content_type="text/plain")


def _take_in(request: HttpRequest) -> HttpResponse:
    connection = registering.whose(request.GET.get("key", ""))
    accounts = [connection.account_id] if connection else []
    let_in = bool(accounts) or signatures.SIGNATURE in request.headers
    body = request.read(MOST_INBOUND_BYTES) if let_in else b""  # a stranger's mail is not read into memory
    accounts = accounts or signatures.who_signed(body, request.headers, now=clock.now())
    if not accounts:
        log.warning("refused an inbound email without key or signature")
        return HttpResponse("The key is missing or wrong.\n", status=403, content_type="text/plain")
    try:
        mail = inbound.parse(body, request.headers.get("Content-Type", ""))
    except inbound.Unreadable as why:
        _keep_unreadable(body, accounts, str(why))
    except Exception as broken:  # it would be no better the next time
        log.exception("reading an inbound email broke")
        _keep_unreadable(body, accounts, type(broken).__name__)
    else:
        inbound_mail.receive_now(mail, accounts=accounts)
    return HttpResponse("Thank you.\n", content_type="text/plain")


def _keep_unreadable(body: bytes, accounts: list[int], why: str) -> None:
    """What came in no form that is known, for whoever looks for a lost email."""
    log.error("an inbound email cannot be read: %s", why)
    event = inbox.IncomingEvent(
        provider="sendgrid",
        event_id=f"mail:{hashlib.sha256(body).hexdigest()}",
        kind=ProviderEvent.Kind.MAIL_INBOUND,
        payload={"unreadable": body[:_UNREADABLE_KEPT].decode(errors="replace"), "why": why},
        account_id=accounts[0],
    )
    inbox.store_all([event])
    ProviderEvent.objects.filter(provider="sendgrid", event_id=event.event_id, applied_at=None).update(
        applied_at=clock.now(), outcome=f"unreadable: {why}"
    )
