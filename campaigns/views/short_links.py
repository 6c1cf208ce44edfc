"""`/l/<code>`: a customer follows a short link. Nothing here says who they are, or whose the link was."""

import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.clients import client_ip
from campaigns import clicking, link_bots, link_domains, link_signs
from campaigns.clicking import Followed, Target
from campaigns.models import LinkCode
from common import clock
from common.group_commit import NotCommitted
from common.phone import display_phone

PREFIX = "/l/"
MOST_UNKNOWN = 30  # codes that lead nowhere, of one client in a minute
_unknown: Counter[str] = Counter()
_minute = 0


class LeadingOnMiddleware:
    """Leads people on before session, person and page are looked at: nothing of them decides here, and
    looking costs several times what the click does. Whatever needs a page goes the whole way to `follow`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "GET" and request.path_info.startswith(PREFIX):
            number, address = link_signs.read(request.path_info.removeprefix(PREFIX)), client_ip(request)
            target = _leads_now(number, address)
            if number is not None and target is not None:
                if _recorded(request, number, address):
                    return to_destination(target)
                request.unrecorded_target = target  # type: ignore[attr-defined]
        return self.get_response(request)


@access.public
@require_safe
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """What `LeadingOnMiddleware` leaves: pages for what leads nowhere. HEAD follows without counting."""
    if (target := getattr(request, "unrecorded_target", None)) is not None:
        return _go_on(request, target)
    number, address = link_signs.read(code), client_ip(request)
    if too_many(address):
        return _page(request, "unknown", 429, retry="60")
    target = clicking.resolve(number) if number is not None else None
    if number is None or target is None:
        _missed(address)
        return _page(request, "unknown", 404)
    if target.expires_at <= clock.now():
        return _expired(request, number)
    return to_destination(target)


def _leads_now(number: int | None, address: str | None) -> Target | None:
    """Where a code leads at this moment, for this client; None where there is something to say instead."""
    target = clicking.resolve(number) if number is not None and not too_many(address) else None
    return target if target is not None and target.expires_at > clock.now() else None


def _recorded(request: HttpRequest, number: int, address: str | None) -> bool:
    """Whether the click is committed now."""
    agent = clicking.plain(request.headers.get("User-Agent", ""))
    verdict = link_bots.of_request(request.headers, address)
    try:
        clicking.record(Followed(number, clock.now(), verdict, agent, clicking.client_of(address)))
    except NotCommitted:
        clicking.forget()
        return False
    return True


@access.public
@require_safe
def proof(request: HttpRequest, challenge: str) -> HttpResponse:
    """What only this deployment can answer: so a domain shows that it leads here."""
    answer = link_domains.answer_to(challenge)
    return safe(HttpResponse(answer, content_type="text/plain"))


def too_many(address: str | None) -> bool:
    """Whether this client has tried too many codes in the present minute that lead nowhere."""
    global _minute
    minute = int(time.monotonic() // 60)
    if minute != _minute:
        _minute = minute
        _unknown.clear()
    return _unknown[address or ""] >= MOST_UNKNOWN


def _missed(address: str | None) -> None:
    _unknown[address or ""] += 1


def _expired(request: HttpRequest, number: int) -> HttpResponse:
    """Whom to ask instead: the company, at the number it had texted from."""
    codes = LinkCode.objects.select_related(
        "link__campaign__account", "link__campaign__number", "step__message__number"
    )
    code = codes.filter(pk=number).first()
    campaign = code.link.campaign if code else None
    text = code.step.message if code else None
    ours = (text.number if text else None) or (campaign.number if campaign else None)
    context = {
        "company": campaign.account.name if campaign else "",
        "phone": ours.e164 if ours else "",
        "phone_words": display_phone(ours.e164) if ours else "",
    }
    return _page(request, "expired", 410, **context)


def _go_on(request: HttpRequest, target: Target) -> HttpResponse:
    """The click could not be kept: nobody is sent on unseen, and nobody is kept from going on."""
    context = {"destination": target.destination, "site": urlsplit(target.destination).netloc}
    return _page(request, "not_now", 503, retry="5", **context)


def _page(request: HttpRequest, name: str, status: int, retry: str = "", **context: str) -> HttpResponse:
    response = render(request, f"links/{name}.html", context, status=status)
    if retry:
        response["Retry-After"] = retry
    return safe(response)


def to_destination(target: Target) -> HttpResponse:
    """302. It says its length itself, as `CommonMiddleware` would have."""
    return safe(HttpResponse(status=302, headers={"Location": target.destination, "Content-Length": "0"}))


def safe(response: HttpResponse) -> HttpResponse:
    """Kept by nobody, found by no search, and without telling the destination where people come from."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
