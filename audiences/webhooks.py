"""ServiceTitan's webhook: verified over its raw bytes before anything is parsed, stored, answered at once.

It is a hint that something changed; `audiences/hints.py` fetches what is true.
"""

import logging

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import access
from common import clock
from integrations import inbox
from integrations.models import ProviderEvent
from integrations.servicetitan import signers, webhooks

log = logging.getLogger(__name__)


@access.public
@csrf_exempt
@require_POST
def servicetitan(request: HttpRequest) -> HttpResponse:
    """A hint that rows of a tenant have changed; refused where anything is amiss."""
    body = request.read(webhooks.MAX_BYTES + 1)
    if len(body) > webhooks.MAX_BYTES:
        return _plain("Too large for a hint.", 413)
    try:
        return _keep(body, request.headers.get(webhooks.SIGNATURE_HEADER, ""))
    except (inbox.InboxUnavailable, DatabaseError, InterfaceError):
        log.warning("a hint of ServiceTitan's was not stored", exc_info=True)
        return _plain("Not stored; try again.", 503)


def _keep(body: bytes, signature: str) -> HttpResponse:
    accounts = signers.who_signed(body, signature)
    if not accounts:
        log.warning("refused an unsigned or wrongly signed hint")
        return _plain("The signature is missing or wrong.", 403)
    told = [{"entity": hint.entity, "id": hint.id} for hint in webhooks.hints(body)]
    for account_id in accounts:
        inbox.store(
            inbox.IncomingEvent(
                provider="servicetitan",
                event_id=f"{account_id}:{webhooks.event_id(body, at=clock.now())}",
                kind=ProviderEvent.Kind.SOURCE_CHANGED,
                payload={"hints": told},
                account_id=account_id,
            )
        )
    return HttpResponse(status=204)


def _plain(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain")
