"""The gallery of email designs, each with words to see it by and in the account's own colours."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Request
from common import clock
from conversations import outbound, trial_emails
from conversations.emails import content, identity, shells
from conversations.emails.designs import DESIGNS, SAMPLE_VARIABLES, Design
from conversations.trial_texts import TrialRefused

LANGUAGES = {"en": "English", "es": "Spanish"}
NOWHERE = "https://www.example.com/"  # where the way out of an example leads
FRAME_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'"
)


@require_safe
@access.require("view")
def gallery(request: Request) -> HttpResponse:
    """The five designs, to choose from."""
    return render(request, "campaigns/designs.html", {"designs": DESIGNS.values()})


@require_safe
@access.require("view")
def design(request: Request, slug: str) -> HttpResponse:
    """One design in its full size, as HTML and as plain text."""
    shown, language = _design(slug), _language(request)
    email = _sample(request, shown, language)
    context: dict[str, Any] = {
        "design": shown,
        "designs": DESIGNS.values(),
        "languages": LANGUAGES,
        "language": language,
        "email": {
            "subject": email.subject,
            "preheader": shown.sample(language).preheader,
            "body": email.text,
            "html_size": email.size,
        },
        "token": uuid.uuid4(),
    }
    return render(request, "campaigns/design.html", context)


@require_safe
@xframe_options_sameorigin
@access.require("view")
def design_email(request: Request, slug: str) -> HttpResponse:
    """The email alone, for a frame of the pages above."""
    email = _sample(request, _design(slug), _language(request))
    return framed(email.html, request.GET.get("theme", ""))


@require_POST
@access.require("view")
def design_test(request: Request, slug: str) -> HttpResponse:
    """Send the example to whoever asks."""
    shown = _design(slug)
    words = shown.english
    template = outbound.template(request.account, words.body, words.subject, content.of(words))
    try:
        trial_emails.send(
            request.account, template, _variables(request), by=request.user, token=_token(request),
            now=clock.now(),
        )  # fmt: skip
    except TrialRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{shown.name} is on its way to {request.user.email}.")
    return redirect("campaigns:design", slug)


def framed(html: str, theme: str) -> HttpResponse:
    """An email as a document that may do nothing but show itself, and only inside a page of ours.

    `theme`, `light` or `dark`, is shown whatever the reader's own is.
    """
    if theme in ("light", "dark"):
        scheme = "all" if theme == "dark" else "not all"
        html = html.replace("(prefers-color-scheme:dark)", scheme).replace("light dark", theme)
    # What is clicked would leave for a new window, which the sandbox does not open.
    response = HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
    response["Content-Security-Policy"] = FRAME_POLICY
    response["Cache-Control"] = "private, no-store"
    return response


def _design(slug: str) -> Design:
    if slug not in DESIGNS:
        raise Http404("no such design")
    return DESIGNS[slug]


def _language(request: Request) -> str:
    asked = request.GET.get("language", "")
    return asked if asked in LANGUAGES else "en"


def _variables(request: Request) -> dict[str, str]:
    return {**SAMPLE_VARIABLES, "company": request.account.name}


def _sample(request: Request, shown: Design, language: str) -> shells.Whole:
    shell = shells.shell(shown.slug, language, identity.of_account(request.account))
    slots = shells.fill(shell, shown.sample(language), _variables(request), unsubscribe_url=NOWHERE)
    return shells.whole(shell, slots)


def _token(request: Request) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        return uuid.uuid4()
