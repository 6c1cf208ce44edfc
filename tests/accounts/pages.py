"""A small site on which the shell and `accounts.access` are tried out."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.urls import include, path
from django.views.decorators.http import require_POST

from accounts import access
from accounts.models import ApiToken, BusinessUnit


@access.require()
def home(request: HttpRequest) -> HttpResponse:
    """A page in the shell."""
    return render(request, "base.html")


@access.require("view", post="launch_campaign")
def launch(request: HttpRequest) -> HttpResponse:
    """Anybody may look, some may post."""
    return HttpResponse(f"{request.account.name} {request.role}")  # type: ignore[attr-defined]


@access.require("view")
def unit(request: HttpRequest, pk: str) -> HttpResponse:
    """One row by its key."""
    return HttpResponse(access.get(request, BusinessUnit, pk).name)


@access.require("view")
def units(request: HttpRequest) -> HttpResponse:
    """All rows, whatever the source was given as."""
    sources = (BusinessUnit, BusinessUnit.objects, BusinessUnit.objects.active())
    answers = {",".join(row.name for row in access.rows(request, source)) for source in sources}
    return HttpResponse(answers.pop() if len(answers) == 1 else "the sources differ")


@require_POST
@access.require("view")
def save(request: HttpRequest) -> HttpResponse:
    """Tells the person something."""
    messages.success(request, "Saved é ✓")
    return HttpResponse("ok")


@access.require("view")
def shown_tokens(request: HttpRequest) -> HttpResponse:
    """A row found by something other than its key."""
    return HttpResponse(access.get(request, ApiToken.objects.all(), name="mine").name)


REGION = """<section id="live" data-live hx-get="/fragment/" hx-swap="outerMorph"
 hx-trigger="every 200ms, visibilitychange from:document, refresh from:document"><b>{text}</b>
<details id="details"><summary>More</summary>Much more</details></section>"""
LIVE = """{% extends "base.html" %}{% block content %}REGION
<button id="ask" hx-post="/save/" hx-target="#saved"
 hx-confirm="Save it now?" data-confirm-yes="Save it">Save</button>
<output id="saved"></output>{% endblock %}""".replace("REGION", REGION.format(text="none yet"))
fragments_sent: list[str] = []


@access.require("view")
def live(request: HttpRequest) -> HttpResponse:
    """A page with a live region and a question."""
    return HttpResponse(engines["django"].from_string(LIVE).render({}, request))


@access.require("view")
def fragment(request: HttpRequest) -> HttpResponse:
    """What the live region asks for; keeps the request's poll mark."""
    fragments_sent.append(request.headers.get("X-Poll", ""))
    return HttpResponse(REGION.format(text=f"{len(fragments_sent)} sent"))


@access.public
def missing(request: HttpRequest) -> HttpResponse:
    """A page that is not there."""
    raise Http404


@access.public
def breaking(request: HttpRequest) -> HttpResponse:
    """A page with a fault."""
    raise RuntimeError("on purpose")


def undeclared(request: HttpRequest) -> HttpResponse:
    """A view whose author forgot to say who may see it."""
    return HttpResponse("secret")


urlpatterns = [
    path("", home, name="home"),
    path("campaigns/", launch, name="launch"),
    path("units/", units, name="units"),
    path("units/<pk>/", unit, name="unit"),
    path("save/", save, name="save"),
    path("tokens/", shown_tokens, name="tokens"),
    path("live/", live, name="live"),
    path("fragment/", fragment, name="fragment"),
    path("missing/", missing, name="missing"),
    path("breaking/", breaking, name="breaking"),
    path("undeclared/", undeclared, name="undeclared"),
    path("", include("accounts.urls")),
]
handler403 = "accounts.views.errors.forbidden"
handler404 = "accounts.views.errors.not_found"
handler500 = "accounts.views.errors.broken"
