"""Settings: the overview that leads to the sections."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access


@require_GET
@access.require("view")
def overview(request: HttpRequest) -> HttpResponse:
    """The sections this person may open."""
    return render(request, "settings/overview.html")


@require_GET
@access.require("view")
def roles(request: HttpRequest) -> HttpResponse:
    """What each role may do, as `accounts.access` has it."""
    return render(request, "settings/roles.html", {"matrix": access.matrix(), "title": "Roles"})
