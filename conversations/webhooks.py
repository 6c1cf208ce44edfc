"""Twilio's webhooks for texts. Verified before anything is parsed; closed when anything is amiss."""

import logging
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import access
from accounts.models import Account
from conversations import inbound
from integrations import inbox
from integrations.models import Connection, ProviderEvent
from integrations.twilio import webhooks as twilio

log = logging.getLogger(__name__)
EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def verified_account(request: HttpRequest) -> Account | None:
    """The account whose Twilio secret signed this request; None for anybody else's."""
    account_sid = request.POST.get("AccountSid", "")
    url = twilio.public_url(request)
    for connection in Connection.objects.filter(
        provider="twilio", settings__account_sid=account_sid
    ).select_related("account"):
        tokens = (
            connection.credentials.get("auth_token", ""),
            connection.credentials.get("secondary_auth_token", ""),
        )
        if twilio.verify(url, request.POST, request.headers, tokens):
            return connection.account
    log.warning("refused an unsigned or wrongly signed request to %s", request.path)
    return None


@access.public
@csrf_exempt
@require_POST
def inbound_text(request: HttpRequest) -> HttpResponse:
    """A customer's text. Answered when it is stored and acted upon, and a STOP is final."""
    account = verified_account(request)
    if account is None:
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    text = twilio.parse_inbound(request.POST)
    inbound.receive_now(text, account=account)
    return HttpResponse(EMPTY_TWIML, content_type="text/xml")


@access.public
@csrf_exempt
@require_POST
def text_status(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """News of a text we sent: stored at once, applied by the drain."""
    account = verified_account(request)
    if account is None:
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    event = inbox.IncomingEvent(
        provider="twilio",
        event_id=twilio.status_event_id(request.POST),
        kind=ProviderEvent.Kind.MESSAGE_STATUS,
        payload={**request.POST.dict(), "attempt": str(attempt)},
        account_id=account.pk,
    )
    try:
        inbox.store(event)
    except inbox.InboxUnavailable:
        return HttpResponse("Not stored; try again.\n", status=503, content_type="text/plain")
    return HttpResponse(status=204)
