"""The page of a mailbox, behind the link of every email: public, signed by its own address, without session.

Looking changes nothing, however often a scanner looks. A mail program's button posts
`List-Unsubscribe=One-Click` (RFC 8058) and is done; the page's own form posts a choice.
"""

from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.clients import client_ip
from common import clock
from conversations import inbound, leaving, unsubscribing
from conversations.emails import identity
from conversations.leaving import Door, Reader
from conversations.leaving_words import words

TEMPLATE = "conversations/leaving.html"
CHOICES_PER_HOUR = 60
"""Choices on these pages from one client, in each web process; mail programs' buttons are never counted."""
_ONE_CLICK = b"List-Unsubscribe"
_CHOICES = {"emails": "chosen_none", "nothing": "chosen_nothing", "again": "chosen_again"}


@csrf_exempt  # the address itself is the permission, and mail programs have no cookie
@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a mailbox gets, and change it on a POST."""
    link = unsubscribing.read(token)
    reader = leaving.reader(link) if link else None
    if reader is None:
        return _gone(request, known=link is not None)
    if request.method != "POST":
        return _page(request, reader, done=_CHOICES.get(request.GET.get("saved", ""), ""))
    if _ONE_CLICK in request.body:  # whatever the mail program calls the form it posts
        inbound.wait_for_calls(
            tuple(leaving.leave(reader, everything=False, door=Door.ONE_CLICK, now=clock.now()))
        )
        return _private(HttpResponse("Unsubscribed.\n", content_type="text/plain"))
    if _asked(request) > CHOICES_PER_HOUR:
        return _page(request, reader, refused="too_many", status=429)
    return _chosen(request, reader)


def _chosen(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What the form asked for, then the page again by GET."""
    choice = request.POST.get("choice", "")
    if choice not in _CHOICES:
        return _page(request, reader, refused="choose", status=422)
    if choice == "again":
        try:
            leaving.come_back(reader, now=clock.now())
        except leaving.ReturnRefused as refused:
            return _page(request, reader, refused=f"refused_{refused.code}", status=409)
    else:
        calling = leaving.leave(reader, everything=choice == "nothing", door=Door.PAGE, now=clock.now())
        inbound.wait_for_calls(tuple(calling))
    return _private(redirect(f"{request.path}?saved={choice}"))


def _page(
    request: HttpRequest, reader: Reader, *, done: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    standing = leaving.standing(reader)
    if done and (done == "chosen_again") == standing.emails:
        done = ""  # an old address of the page: what it says has been changed since
    sender = reader.message.mailbox if reader.message else None
    shown = identity.of(sender) if sender else identity.of_account(reader.address.account)
    said = words(reader.language, company=shown.company, mailbox=masked(reader.address.value))
    context: dict[str, Any] = {
        "identity": shown,
        "words": said,
        "language": "es" if reader.language == "es" else "en",
        "standing": standing,
        "done": said[done] if done else "",
        "refused": said[refused] if refused else "",
    }
    return _private(render(request, TEMPLATE, context, status=status))


def _gone(request: HttpRequest, *, known: bool) -> HttpResponse:
    """A friendly page for a link to nothing. Where its signature is ours there is nothing left to leave, and
    a mail program's button has what it wants."""
    if known and request.method == "POST":
        return _private(HttpResponse("Unsubscribed.\n", content_type="text/plain"))
    spanish = request.headers.get("Accept-Language", "").lower().startswith("es")
    language = "es" if spanish else "en"
    context = {"words": words(language, company="", mailbox=""), "language": language}
    return _private(render(request, "conversations/leaving_gone.html", context, status=404))


def masked(mailbox: str) -> str:
    """A mailbox as its owner knows it and nobody else: `a•••@e•••.com`."""
    name, _, domain = mailbox.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}•••@{host[:1]}•••{dot}{ending}"


def _asked(request: HttpRequest) -> int:
    """How often this client has chosen within the hour, this time included."""
    key = f"leaving:{client_ip(request)}"
    cache.add(key, 0, timeout=3600)
    return cache.incr(key)


def _private(response: HttpResponse) -> HttpResponse:
    """The address is a permission: it is kept from other sites, copies and search engines."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
