"""Answering pages and the parts of them that htmx asks for.

A template names its regions with `{% partialdef region %}`; a region's element id equals its name.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect


def respond(
    request: HttpRequest, template: str, region: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """The whole page, or only its region where htmx asked."""
    name = f"{template}#{region}" if _htmx(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def respond_live(
    request: HttpRequest, template: str, region: str, context: dict[str, Any], *, version: str
) -> HttpResponse:
    """As `respond`, for a region that polls: 304 while the browser has this version of it.

    The template gets `version` for its `hx-ptag`; see `version_of`.
    """
    unchanged = not_modified(request, version)
    if unchanged is not None:
        return unchanged
    response = respond(request, template, region, {**context, "version": version})
    response["HX-PTag"] = version
    return response


def not_modified(request: HttpRequest, version: str) -> HttpResponse | None:
    """304 where the browser polls for this version, which it has; for views whose version costs less than
    what they show."""
    htmx = _htmx(request)
    if not htmx or htmx.ptag != version:
        return None
    unchanged = HttpResponseNotModified()
    unchanged["HX-PTag"] = version
    return unchanged


def version_of(shown: Any) -> str:
    """A short token that changes whenever what is shown changes, and with each release.

    `shown` needs a stable `repr`.
    """
    return hashlib.blake2b((release() + repr(shown)).encode(), digest_size=12).hexdigest()


@cache
def release() -> str:
    """What changes with a release as far as fragments show: the text of our templates."""
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted((Path(settings.BASE_DIR) / "templates").glob("**/*.html")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def leave_for(request: HttpRequest, to: Any, *args: Any) -> HttpResponse:
    """Go to another page: a redirect, or for htmx (whose fetch would follow one unseen) HX-Redirect."""
    response = redirect(to, *args)
    return HttpResponseClientRedirect(response["Location"]) if _htmx(request) else response


def _htmx(request: HttpRequest) -> Any:
    return getattr(request, "htmx", None)
