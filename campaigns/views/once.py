"""Buttons that send something: two presses of one are one, the next one is another."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import reswap

TEMPLATE = "campaigns/once.html"


def token(request: HttpRequest) -> uuid.UUID:
    """What makes the same press twice one; a new one where the form brought none."""
    try:
        return uuid.UUID(request.POST.get("once", ""))
    except ValueError:
        return uuid.uuid4()


def anew(request: HttpRequest, element: str) -> HttpResponse:
    """The form's hidden field with this id, for its next press.

    The form aims at it and has `hx-swap="none"`: an error is not put in its place, and is told.
    """
    field = render(request, TEMPLATE, {"element": element, "once": uuid.uuid4()})
    return reswap(field, "outerHTML")
