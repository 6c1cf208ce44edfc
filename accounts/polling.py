"""Polls that find nothing, answered before they cost: no session, view or template is touched.

Two memories of one process, both at most a second old, decide. Who asks: the standing of a session, noted
when a poll of it has passed everything, `accounts.access` included. What there is: the version that the same
role (or person) was shown at the same address (`common.htmx.unchanged_lately`). Where the first is older, one
statement asks whether anything that decided it has changed. Where the second is, a view that says so
(`version_first`) is asked by itself, with the person, account and role that are known. Whatever is not
certain goes the whole way.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from accounts import access
from accounts.middleware import SESSION_STARTED
from accounts.models import Account, Role, User
from common import clock, htmx, sql

STANDING_SECONDS = 1.0  # how late signing out, a role and a disabled person are noticed by polls
_MOST_KNOWN = 5_000
_READ = """
select session.session_data, session.expire_date, person.is_active, person.password,
       (select array_agg(membership.account_id || ':' || membership.role order by account.name, account.id)
        from accounts_membership membership
        join accounts_account account on account.id = membership.account_id
        where membership.user_id = person.id and membership.disabled_at is null),
       md5(concat(person::text, (select account::text from accounts_account account where account.id = %s)))
from django_session session join accounts_user person on person.id = %s
where session.session_key = %s
"""
Deciding = tuple[Any, ...]  # a row of `_READ`


@dataclass
class Standing:
    """What a session may do, what decided it, and when that was read last (monotonic)."""

    at: float
    account: Account
    user: User
    role: Role
    ends: float  # by the product's clock, whatever happens
    decided: Deciding


_known: OrderedDict[str, Standing] = OrderedDict()
_headers: dict[str, str] = {}  # of every answer to a poll that finds nothing


class PollMiddleware:
    """First of all: answers 304 where both memories say so, and notes what goes the whole way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key, version = request.COOKIES.get(settings.SESSION_COOKIE_NAME), request.headers.get("HX-PTag")
        if not key or not version or request.method != "GET" or not htmx.timed(request):
            if key:  # a person did something: timers look at everything anew, and not only a second later
                _known.pop(key, None)
            return self.get_response(request)
        if (_shown_lately(request, key, version) and _stands(key)) or _says_so_itself(request, key):
            return htmx.unchanged(version, _headers)
        began = time.monotonic()
        response = self.get_response(request)
        if response.status_code == 304 and key not in _known:
            _note(request, response, key, began)
        return response


def forget() -> None:
    """Know nobody any more."""
    _known.clear()


def _shown_lately(request: HttpRequest, key: str, version: str) -> bool:
    known = _known.get(key)
    if known is None or "HX-Request" not in request.headers:
        return False
    who = (known.account.pk, known.user.pk, str(known.role))
    return htmx.seen_lately(*who, request.get_full_path(), version)


def _says_so_itself(request: HttpRequest, key: str) -> bool:
    """Whether the view, asked alone, finds nothing new. Whatever else it finds, the whole way shows."""
    if key not in _known or "HX-Request" not in request.headers:
        return False
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return False
    if not getattr(match.func, htmx.VERSION_FIRST, False) or not _stands(key):
        return False
    known = _known.get(key)
    if known is None:
        return False
    asked: Any = copy(request)
    asked.asks_only, asked.resolver_match, asked.htmx = True, match, HtmxDetails(asked)
    asked.user, asked.account, asked.role = copy(known.user), copy(known.account), known.role
    try:
        return bool(match.func(asked, *match.args, **match.kwargs).status_code == 304)
    except Exception:  # changed, gone or not allowed: or a mistake, which the whole way tells
        return False


def _stands(key: str) -> bool:
    """Whether a session is what it was, known for a second or asked again; forgets it where it is not."""
    known, now = _known.get(key), time.monotonic()
    if known is None:  # another thread has just found it different
        return False
    if now - known.at >= STANDING_SECONDS:
        same = _read(key, known.user.pk, known.account.pk) == known.decided
        known.at = now
    else:
        same = True
    # Sessions end by real time, as Django's own do; their longest age is by the product's.
    ended = known.decided[1] <= timezone.now() or clock.now().timestamp() > known.ends
    if ended or not same:
        _known.pop(key, None)
    return same and not ended


def _note(request: HttpRequest, response: HttpResponseBase, key: str, began: float) -> None:
    """Remember who was let in, if all that decided it still is as this request found it."""
    account, role, user = getattr(request, "account", None), getattr(request, "role", ""), request.user
    started = request.session.get(SESSION_STARTED)
    if account is None or not user.is_authenticated or started is None or request.session.session_key != key:
        return
    decided = _read(key, user.pk, account.pk)
    person, company = User.objects.filter(pk=user.pk).first(), Account.objects.filter(pk=account.pk).first()
    if person is None or company is None or decided != _read(key, user.pk, account.pk):
        return  # it has just changed, so that the rows read between may be of then or of now
    if decided is None or not decided[2] or decided[3] != user.password:
        return
    mine, chosen = f"{account.pk}:{role}", request.session.get(access.SESSION_ACCOUNT)
    if mine not in decided[4] or not (chosen == account.pk or decided[4][0] == mine):
        return
    if request.session.decode(decided[0]) != dict(request.session.items()):
        return
    ends = started + settings.SESSION_LONGEST_AGE
    _known[key] = Standing(began, company, person, Role(role), ends, decided)
    while len(_known) > _MOST_KNOWN:
        _known.popitem(last=False)
    _headers.update({name: text for name, text in response.headers.items() if name != "HX-PTag"})


def _read(key: str, user: int, account: int) -> Deciding | None:
    """What decides of a session, and what its person and account are, as far as it can be told apart."""
    found = sql.rows(_READ, [account, user, key])
    return found[0] if found else None
