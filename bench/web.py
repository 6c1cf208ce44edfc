"""What receiving a status callback and following a link are measured against, beside the product's addresses.

`verified` only verifies the signature: what any receiver must do. `inline` is the naive receiver: it
verifies, then handles the callback in its request, row by row through the ORM, in one transaction.
`unrecorded` is the same redirect without a click on record, `inline_click` the naive one: it looks the code
up and inserts the click through the ORM, in a transaction of its own.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.clients import client_ip
from bench.callers import SECRET
from campaigns import clicking, link_bots, link_signs
from campaigns.models import Click, LinkCode
from campaigns.views import short_links
from common import clock
from config.urls import urlpatterns as product_urls
from conversations.delivery import RANK
from conversations.models import Attempt, Message
from integrations.models import Connection, ProviderEvent
from integrations.models.provider_event import month_of
from integrations.twilio import webhooks as twilio

UNRECORDED = "/bench/unrecorded/"


@access.public
@csrf_exempt
@require_POST
def verified(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """An empty view: 204 for whoever signs rightly."""
    if not twilio.verify(twilio.public_url(request), request.POST, request.headers, (SECRET,)):
        return HttpResponse(status=403)
    return HttpResponse(status=204)


@access.public
@csrf_exempt
@require_POST
def inline(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """The naive way: keep the event, move attempt and message forward, all in the request."""
    connection = Connection.objects.get(
        provider=Connection.Provider.TWILIO, settings__account_sid=request.POST.get("AccountSid", "")
    )
    tokens = (connection.credentials["auth_token"],)
    if not twilio.verify(twilio.public_url(request), request.POST, request.headers, tokens):
        return HttpResponse(status=403)
    with transaction.atomic():
        _handle(connection, request.POST.dict(), attempt)
    return HttpResponse(status=204)


def _handle(connection: Connection, told: dict[str, Any], attempt_id: UUID) -> None:
    now = clock.now()
    event, new = ProviderEvent.objects.get_or_create(
        provider="twilio", event_id=twilio.status_event_id(told), month=month_of(now),
        defaults={
            "kind": ProviderEvent.Kind.MESSAGE_STATUS, "account_id": connection.account_id,
            "payload": told | {"attempt": str(attempt_id)},
        },
    )  # fmt: skip
    if not new:
        return
    report = twilio.parse_status(told, attempt_id)
    attempt = Attempt.objects.get(pk=attempt_id)
    message = Message.objects.select_for_update(no_key=True).get(pk=attempt.message_id)
    if RANK[message.state] < RANK[report.state.value]:
        message.state, message.state_at = report.state.value, now
        message.code, message.reason = report.code, report.meaning
        message.save(update_fields=["state", "state_at", "code", "reason"])
    event.applied_at, event.outcome = now, "applied"
    event.save(update_fields=["applied_at", "outcome"])


class UnrecordedMiddleware:
    """The product's redirect but for the click, as early."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "GET" and request.path_info.startswith(UNRECORDED):
            number, address = link_signs.read(request.path_info.removeprefix(UNRECORDED)), client_ip(request)
            target = clicking.resolve(number) if number and not short_links.too_many(address) else None
            if target is not None and target.expires_at > clock.now():
                return short_links.to_destination(target)
        return self.get_response(request)


@access.public
@require_safe
def inline_click(request: HttpRequest, code: str) -> HttpResponse:
    """The naive redirect: code and click through the ORM, committed by itself."""
    found = LinkCode.objects.select_related("link").get(pk=link_signs.read(code) or 0)
    verdict = link_bots.of_request(request.headers, client_ip(request))
    Click.objects.create(
        code=found, at=clock.now(), kind=verdict.kind, reason=verdict.reason,
        user_agent=request.headers.get("User-Agent", "")[:200], client=clicking.client_of(client_ip(request)),
    )  # fmt: skip
    return short_links.safe(HttpResponseRedirect(found.destination or found.link.destination))


urlpatterns = [
    path("bench/inline-click/<str:code>", inline_click),
    path("bench/verified/<uuid:attempt>", verified),
    path("bench/inline/<uuid:attempt>", inline),
    *product_urls,
]
