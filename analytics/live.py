"""Live regions: a page whose one part asks again every two seconds, and gets 304 while nothing changed."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from accounts import access
from analytics.metrics import version_token

REGION = "live"
TAG = "HX-PTag"  # the version a region has; hx-ptag sends it


def polled(request: HttpRequest) -> bool:
    """Whether a region of a page asks, and not a person for the page."""
    return bool(getattr(request, "htmx", None))


def answer(request: access.Request, template: str, shown: Any, context: dict[str, Any]) -> HttpResponse:
    """The page, or its live region alone for htmx, or 304 where the region already shows `shown`.

    The version covers what is shown, for whom (role and capabilities), where (address with its filters), and
    the templates. No ETag: the browser would answer from its own cache and the region would be rebuilt.
    """
    version = version_token(
        shown, request.account.pk, request.account.timezone, request.role, request.get_full_path()
    )
    if polled(request) and request.headers.get(TAG) == version:
        response: HttpResponse = HttpResponseNotModified()
    else:
        name = f"{template}#{REGION}" if polled(request) else template
        response = render(request, name, {**context, "version": version})
    response[TAG] = version
    patch_vary_headers(response, ["HX-Request"])
    return response
