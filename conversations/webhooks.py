"""Twilio's webhooks for texts, and its news of calls. Verified before anything is parsed; closed when
anything is amiss."""

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import access
from accounts.models import Account
from conversations import inbound, listening
from conversations.models import Attempt, Call
from integrations import inbox
from integrations.models import ProviderEvent, SendingNumber
from integrations.twilio import signers, voice
from integrations.twilio import webhooks as twilio

log = logging.getLogger(__name__)
_EVENT_ID_LENGTH = ProviderEvent._meta.get_field("event_id").max_length
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def verified_accounts(request: HttpRequest) -> list[int]:
    """The accounts whose Twilio secret signed this request: several where they share one Twilio account,
    none for anybody else's request. Raises the database's errors."""
    found = signers.who_signed(
        twilio.public_url(request), request.POST, request.headers,
        account_sid=request.POST.get("AccountSid", ""),
    )  # fmt: skip
    if not found:
        log.warning("refused an unsigned or wrongly signed request to %s", request.path)
    return found


def _choose(accounts: list[int], account_id: int | None) -> int:
    """This account where its secret signed; else the first that signed, for which the news then proves to be
    none of its own."""
    return account_id if account_id in accounts and account_id is not None else accounts[0]


@access.public
@csrf_exempt
@require_POST
def inbound_text(request: HttpRequest) -> HttpResponse:
    """A customer's text. Answered when it is stored and acted upon, and a STOP is final.

    Where the database is away it is had from the provider's list later (`listening`).
    """
    try:
        return _take_in(request)
    except (DatabaseError, InterfaceError):
        log.warning("a customer's text was not stored", exc_info=True)
        listening.missed()
        return HttpResponse("Not stored; try again.\n", status=503, content_type="text/plain")


def _take_in(request: HttpRequest) -> HttpResponse:
    accounts = verified_accounts(request)
    if not accounts:
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    listening.own_up()
    text = twilio.parse_inbound(request.POST)
    number = SendingNumber.objects.receiving(text.to)
    chosen = _choose(accounts, number.account_id if number else None)
    inbound.receive_now(text, account=Account.objects.get(pk=chosen))
    return HttpResponse(EMPTY_TWIML, content_type="text/xml")


@access.public
@csrf_exempt
@require_POST
def text_status(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """News of a text we sent: stored at once, applied by the drain."""
    owner = Attempt.objects.filter(pk=attempt).values_list("message__account_id", flat=True)
    return _keep(request, attempt, ProviderEvent.Kind.MESSAGE_STATUS, twilio.status_event_id, owner)


@access.public
@csrf_exempt
@require_POST
def call_status(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """News of a call we had placed: stored at once, applied by the drain."""
    owner = Call.objects.filter(attempt=attempt).values_list("account_id", flat=True)
    return _keep(request, attempt, ProviderEvent.Kind.CALL_STATUS, voice.status_event_id, owner)


def _keep(
    request: HttpRequest, attempt: UUID, kind: ProviderEvent.Kind,
    event_id: Callable[[Mapping[str, str]], str], owner: QuerySet[Any, int],
) -> HttpResponse:  # fmt: skip
    """Store news of an attempt; `owner` finds whose it is, asked only where several may have signed."""
    try:
        accounts = verified_accounts(request)
        if not accounts:
            return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
        listening.own_up()
        inbox.store(
            inbox.IncomingEvent(
                provider="twilio",
                event_id=event_id(request.POST)[:_EVENT_ID_LENGTH],
                kind=kind,
                payload={**request.POST.dict(), "attempt": str(attempt)},
                account_id=_choose(accounts, owner.first() if len(accounts) > 1 else None),
            )
        )
        return HttpResponse(status=204)
    except (inbox.InboxUnavailable, DatabaseError, InterfaceError):
        log.warning("news of %s not stored", kind, exc_info=True)
        return HttpResponse("Not stored; try again.\n", status=503, content_type="text/plain")
