"""What every request passes: how long a session lives, undeclared views, headers."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers

from accounts import access
from accounts.clients import present_ip, storable_ip
from accounts.views import errors
from common import clock

GetResponse = Callable[[HttpRequest], HttpResponseBase]

POLL_HEADER = "X-Poll"  # set by static/js/app.js on requests that a timer made
SESSION_STARTED = "started_at"
SESSION_USED = "used_at"
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")
)


class SessionLifeMiddleware:
    """Ends sessions `SESSION_COOKIE_AGE` after a person's last act, and after `SESSION_LONGEST_AGE` anyhow.

    A live page asks again every few seconds; were polls to count, an unattended screen would stay signed in
    for ever. Sessions of disabled users need nothing here: their user is no longer loaded.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._keep(request)
        return self.get_response(request)

    def _keep(self, request: HttpRequest) -> None:
        session, now = request.session, clock.now().timestamp()
        if now - session.setdefault(SESSION_STARTED, now) > settings.SESSION_LONGEST_AGE:
            logout(request)
        elif not is_poll(request) and now - session.get(SESSION_USED, 0) > settings.SESSION_TOUCH_SECONDS:
            session[SESSION_USED] = now  # a changed session is saved with a new end


class AccessMiddleware:
    """Refuses every view that declares neither `@access.require` nor `@access.public`; notes who asks.

    An address with a NUL in it is nobody's: PostgreSQL knows no such text, so no search may be handed one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        noted = present_ip.set(storable_ip(request))
        try:
            return self.get_response(request)
        finally:
            present_ip.reset(noted)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Fail loudly: a forgotten decorator must never open a page. 400 for a NUL in the address."""
        if access.rule_of(view) is None:
            name = f"{view.__module__}.{getattr(view, '__qualname__', view)}"
            raise ImproperlyConfigured(f"{name} declares neither @access.require nor @access.public")
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            raise BadRequest("NUL in the address")


class NotAPageMiddleware:
    """Tells a person who opens an address that only takes what buttons send; programs get the bare 405."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        by_hand = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or not by_hand or request.htmx:  # type: ignore[attr-defined]
            return response
        page = errors.not_a_page(request)
        page.headers["Allow"] = response.headers["Allow"]
        return page


class HeadersMiddleware:
    """Headers that neither Django nor django-csp sets: browser features, and no copies of signed-in pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if settings.SESSION_COOKIE_NAME in request.COOKIES and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response


def is_poll(request: HttpRequest) -> bool:
    """Whether a timer asked, not a person."""
    return POLL_HEADER in request.headers or "HX-PTag" in request.headers
