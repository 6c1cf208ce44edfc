"""Live regions: a page whose one part asks again every two seconds, and gets 304 while nothing changed."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts import access
from analytics.metrics import version_token
from common.htmx import not_modified, respond_live, version_of


def polled(request: HttpRequest) -> bool:
    """Whether a region of a page asks, and not a person for the page."""
    return bool(getattr(request, "htmx", None))


def answer_lazily(
    request: access.Request,
    template: str,
    token: str,
    context: Callable[[], dict[str, Any]],
    *,
    looked_at: float,
) -> HttpResponse:
    """As `answer`, where a token of what is shown is known since `looked_at` (monotonic) and the context is
    asked for only where it is needed."""
    account = request.account
    shown = (token, account.pk, account.timezone, request.role, request.get_full_path())
    version = version_of(shown)
    response = not_modified(request, version) or respond_live(
        request, template, "live", context(), version=version
    )
    response.looked_at = looked_at  # type: ignore[attr-defined]
    return response


def answer(request: access.Request, template: str, shown: Any, context: dict[str, Any]) -> HttpResponse:
    """The page, or its region `live` alone for htmx, or 304 where the region already shows `shown`.

    The version covers what is shown, for whom (role, company time), where (address with its filters), and the
    templates of this release.
    """
    account = request.account
    version = version_token(shown, account.pk, account.timezone, request.role, request.get_full_path())
    return respond_live(request, template, "live", context, version=version)
