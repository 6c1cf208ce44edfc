"""The only way from a request to rows: who is asking, for which account, and may they.

A view declares `@access.require("launch_campaign")` (or `@access.public`), then takes its rows through
`access.rows` and `access.get`. A view that declares nothing is refused by `accounts.middleware`.

Models name the way to their account as `account_path = "campaign__account"`; without it, `account`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Account, Membership, Role, User

P = ParamSpec("P")
M = TypeVar("M", bound=models.Model)
View = Callable[..., HttpResponseBase]

SESSION_ACCOUNT = "account_id"
ROOT_RULE = "access_rule"


@dataclass(frozen=True)
class Capability:
    """Something a person may do: the words after “may”, and the roles besides admin that may."""

    phrase: str
    roles: frozenset[str]

    def held_by(self, role: str) -> bool:
        """Whether this role may; an admin may do everything."""
        return role == Role.ADMIN or role in self.roles


def _capability(phrase: str, *roles: Role) -> Capability:
    return Capability(phrase, frozenset(role.value for role in roles))


_EVERYONE = (Role.CSR, Role.MARKETER, Role.AGENT)

# What each role may do, once, as data. The admin is never listed: an admin may do everything.
CAN: dict[str, Capability] = {
    "view": _capability("look at pages", *_EVERYONE),
    "read_conversations": _capability("read conversations", *_EVERYONE),
    "queue_download": _capability("queue downloads", *_EVERYONE),
    "build_audience": _capability("build audiences", Role.CSR),
    "import_contacts": _capability("import contacts from files", Role.CSR),
    "launch_campaign": _capability("launch campaigns", Role.CSR, Role.MARKETER),
    "pause_campaign": _capability("pause and resume campaigns", Role.CSR, Role.MARKETER),
    "stop_campaign": _capability("stop campaigns", Role.CSR, Role.MARKETER),
    "pause_everything": _capability("pause and resume all sending", Role.CSR, Role.MARKETER),
    "move_campaign": _capability("move running campaigns to another version", Role.MARKETER),
    "edit_workflow": _capability("design and publish workflows", Role.MARKETER),
    "edit_playbook": _capability("arrange playbooks", Role.MARKETER),
    "edit_experiment": _capability("run experiments", Role.MARKETER),
    "reply": _capability("reply to customers", Role.CSR, Role.AGENT),
    "write_note": _capability("write notes", Role.CSR, Role.AGENT),
    "book_job": _capability("book jobs", Role.CSR, Role.AGENT),
    "opt_out_contact": _capability("record opt-outs", Role.CSR, Role.AGENT),
    "set_language": _capability("set the language customers are written to in", Role.CSR, Role.AGENT),
    "record_consent": _capability("record and withdraw consents", Role.CSR, Role.AGENT),
    "call": _capability("call customers and work the call queue", Role.CSR, Role.AGENT),
    "manage_account": _capability("change the account’s settings"),
    "manage_users": _capability("manage users and roles"),
    "manage_providers": _capability("connect providers"),
    "manage_numbers": _capability("manage sending numbers"),
    "manage_compliance": _capability("change compliance settings"),
    "manage_tokens": _capability("manage API tokens"),
    "correct_credit": _capability("correct a job’s credit"),
    "read_audit_log": _capability("read the audit log"),
}


@dataclass(frozen=True)
class Rule:
    """What a view declared: open to everybody, or the capabilities it asks for."""

    public: bool = False
    capability: str = ""
    post: str = ""


class Request(HttpRequest):
    """A request inside `@access.require`: for annotations only."""

    user: User
    account: Account
    role: Role


class Denied(PermissionDenied):
    """The person is known but may not; the 403 page says who may and who can grant it."""

    def __init__(self, capability: str, role: str = "") -> None:
        super().__init__(f"not allowed to {CAN[capability].phrase}")
        self.capability = CAN[capability]
        self.role = role


class NoAccount(PermissionDenied):
    """The person is signed in but belongs to no account."""


class SignInRequired(HttpResponse):
    """401 that makes htmx leave the page for the sign-in form (a redirect would land inside the target)."""

    status_code = 401

    def __init__(self, url: str) -> None:
        super().__init__()
        self["HX-Redirect"] = url


def allowed(role: str, capability: str) -> bool:
    """Whether a role may do this; an unknown capability is a programming error."""
    if capability not in CAN:
        raise ImproperlyConfigured(f"{capability!r} is not in accounts.access.CAN")
    return CAN[capability].held_by(role)


@dataclass(frozen=True)
class Matrix:
    """What each role may do, for people: (phrase, one yes or no per role)."""

    roles: list[Role]
    rows: list[tuple[str, list[bool]]]


def matrix() -> Matrix:
    """`CAN` as a table, in its order, a phrase beginning with a capital."""
    roles = [Role.CSR, Role.MARKETER, Role.AGENT, Role.ADMIN]
    rows = [
        (one.phrase[0].upper() + one.phrase[1:], [one.held_by(role) for role in roles])
        for one in CAN.values()
    ]
    return Matrix(roles, rows)


def particular(role: str) -> list[str]:
    """The phrases that set a role apart: of an admin, what nobody else may; else, what not everybody may."""
    kept = []
    for one in CAN.values():
        holders = [other for other in Role if one.held_by(other)]
        if role in holders and (holders == [Role.ADMIN] if role == Role.ADMIN else len(holders) < len(Role)):
            kept.append(one.phrase)
    return kept


def require(capability: str = "view", *, post: str = "") -> Callable[[View], View]:
    """Let only signed-in members with `capability` in; `post` names a further one for unsafe methods.

    The view's request gains `account` and `role`, and renders in company time. Signed out: a redirect to the
    sign-in page, or for htmx 401 with HX-Redirect. No right: `Denied`, a 403 page.
    """
    for name in filter(None, (capability, post)):
        allowed("", name)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return sign_in_required(request)
            enter(request, capability)
            if post and request.method not in ("GET", "HEAD", "OPTIONS"):
                check(request, post)
            with timezone.override(request.account.zone):  # type: ignore[attr-defined]
                return view(request, *args, **kwargs)

        setattr(guarded, ROOT_RULE, Rule(capability=capability, post=post))
        return guarded

    return decorate


def public(view: View) -> View:
    """Declare a view open to everybody: sign-in, health, webhooks (which verify their own signatures)."""

    @wraps(view)
    def open_to_all(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    setattr(open_to_all, ROOT_RULE, Rule(public=True))
    return open_to_all


def rule_of(view: View) -> Rule | None:
    """What a view declared, or None if nothing."""
    return getattr(view, ROOT_RULE, None)


def enter(request: HttpRequest, capability: str) -> None:
    """Put account and role on the request of a signed-in person; raise NoAccount or Denied."""
    if not getattr(request, "asks_only", False):  # else both are there: see `accounts.polling`
        membership = current_membership(request)
        if membership is None:
            raise NoAccount("member of no account")
        request.account = membership.account  # type: ignore[attr-defined]
        request.role = Role(membership.role)  # type: ignore[attr-defined]
    check(request, capability)


def check(request: HttpRequest, capability: str) -> None:
    """Raise Denied unless the person may do this; for choices that only the view can make."""
    role = request.role  # type: ignore[attr-defined]
    if not allowed(role, capability):
        raise Denied(capability, role)


def current_membership(request: HttpRequest) -> Membership | None:
    """The account chosen in this session if still a member there, else the first by name."""
    mine = Membership.objects.of(request.user)  # type: ignore[arg-type]
    chosen = request.session.get(SESSION_ACCOUNT)
    return (chosen is not None and mine.filter(account_id=chosen).first()) or mine.first()


def switch(request: HttpRequest, account_id: int) -> Account:
    """Work in another of one's accounts from now on; 404 for one that is not."""
    membership = Membership.objects.of(request.user).filter(account_id=account_id).first()  # type: ignore[arg-type]
    if membership is None:
        raise Http404("no such account")
    request.session[SESSION_ACCOUNT] = membership.account_id
    return membership.account


def rows(
    request: HttpRequest, source: type[M] | models.Manager[M] | models.QuerySet[M]
) -> models.QuerySet[M]:
    """The rows of `source` that belong to the request's account."""
    queryset = source._default_manager.all() if isinstance(source, type) else source.all()
    path = getattr(queryset.model, "account_path", "account")
    return queryset.filter(**{path: request.account.pk})  # type: ignore[attr-defined]


def get(
    request: HttpRequest,
    source: type[M] | models.Manager[M] | models.QuerySet[M],
    pk: int | str | None = None,
    **lookup: Any,
) -> M:
    """The one row of the request's account with this key or lookup; 404 if it is missing or another's."""
    if pk is not None:
        lookup["pk"] = pk
    found = rows(request, source)
    try:
        return found.get(**lookup)
    except (ObjectDoesNotExist, ValueError) as missing:
        raise Http404(f"no {found.model._meta.verbose_name} here") from missing


def sign_in_required(request: HttpRequest) -> HttpResponseBase:
    """Send a signed-out person to the sign-in page, and back to this page afterwards."""
    htmx = getattr(request, "htmx", None)
    wanted = request.get_full_path() if request.method == "GET" else "/"
    if htmx:
        wanted = htmx.current_url_abs_path or "/"
    url = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': safe_next(wanted)}, safe='/')}"
    return SignInRequired(url) if htmx else HttpResponseRedirect(url)


def safe_next(url: str | None) -> str:
    """`url` if it is a path of this site, else the dashboard: never an open redirect."""
    if url and url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None):
        return url
    return resolve_url(settings.LOGIN_REDIRECT_URL)
