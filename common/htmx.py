"""Answering pages and the parts of them that htmx asks for.

A template names its regions with `{% partialdef region %}`; a region's element id equals its name.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

View = Callable[..., HttpResponse]
LOOK_SECONDS = 1.0  # how old the answer may be that polls share; see `unchanged_lately`
_MOST_LOOKED = 5_000
VERSION_FIRST = "version_first"  # set on views that may be asked by themselves; see `unchanged_lately`
_looked: dict[Any, tuple[float, str]] = {}  # by who asks what: when a look began (monotonic), its version


class Changed(Exception):
    """Whoever asks only whether nothing changed (`asks_only`) has another version; nothing was rendered."""


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
    same = not_modified(request, version)
    if same is not None:
        return same
    response = respond(request, template, region, {**context, "version": version})
    response["HX-PTag"] = version
    return response


def not_modified(request: HttpRequest, version: str) -> HttpResponse | None:
    """304 where the browser polls for this version, which it has; for views whose version costs less than
    what they show. Raises Changed for requests that ask nothing else (`accounts.polling`)."""
    htmx = _htmx(request)
    if not htmx or htmx.ptag != version:
        if getattr(request, "asks_only", False):
            raise Changed
        return None
    return unchanged(version)


def unchanged(version: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """304: the browser has this version."""
    answer = HttpResponseNotModified(headers=headers)
    answer["HX-PTag"] = version
    return answer


def unchanged_lately(*, personal: bool = False, version_first: bool = False) -> Callable[[View], View]:
    """Let polls of a live region share one look a second: whoever has the version that somebody of the same
    role got at the same address within that second gets 304 without the view. `personal`: that the same
    person got, for what shows each person something else. `version_first`: for a poll the view works out its
    version before all else, of address, account, role and rows alone, and cheaply: `accounts.polling` then
    asks it without session and middleware.

    Below `accounts.access`, so that nobody is answered who may not ask. Only timers are (`timed`): what a
    person does always shows what is so now, and is what timers compare with from then on. A view that
    shows what was read before it was asked says when that began, as `looked_at` of its answer (monotonic).
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def looked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            account, role = getattr(request, "account", None), str(getattr(request, "role", ""))
            who = (getattr(account, "pk", 0), request.user.pk if personal else None, role)
            path, version = request.get_full_path(), request.headers.get("HX-PTag", "")
            if timed(request) and _htmx(request) and seen_lately(*who, path, version):
                return unchanged(version)
            began = time.monotonic()
            response = view(request, *args, **kwargs)
            if shown := response.headers.get("HX-PTag"):
                if len(_looked) >= _MOST_LOOKED:
                    _looked.clear()
                _looked[(*who, path)] = (getattr(response, "looked_at", began), shown)
            return response

        setattr(looked, VERSION_FIRST, version_first)
        return looked

    return decorate


def timed(request: HttpRequest) -> bool:
    """Whether the clock made the browser ask, and nothing that happened there (`X-Poll: now`)."""
    return request.headers.get("X-Poll") == "1"


def seen_lately(account: int, person: int | None, role: str, path: str, version: str) -> bool:
    """Whether this version was shown at this address within the last second, to this person or this role."""
    if not version:
        return False
    still = time.monotonic() - LOOK_SECONDS
    for who in {person, None}:
        at, shown = _looked.get((account, who, role, path), (0.0, ""))
        if shown == version and at > still:
            return True
    return False


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
