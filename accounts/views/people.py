"""The members of the account: invite, change roles, disable, enable, remove."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, audit, invitations, people
from accounts.access import Request
from accounts.forms import InviteForm, RoleForm
from accounts.invitations import LIFE, State
from accounts.models import Membership, Role
from common.htmx import leave_for


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with what a page says of it."""

    row: Membership
    me: bool

    @property
    def state(self) -> State:
        """What this member can do right now."""
        return invitations.state_of(self.row)

    @property
    def waits(self) -> bool:
        """Whether they have yet to choose a password."""
        return self.state in (State.INVITED, State.LINK_ENDED, State.NOT_SENT)

    @property
    def link_ends(self) -> Any:
        """Until when the invitation's link works, if one was sent."""
        return self.row.invited_at and self.row.invited_at + LIFE


@require_GET
@access.require("manage_users")
def people_list(request: Request) -> HttpResponse:
    """Everybody who belongs to the account, those who can enter first."""
    rows = access.rows(request, Membership).select_related("user").order_by("user__name", "pk")
    members = sorted(
        (Member(row, row.user_id == request.user.pk) for row in rows),
        key=lambda one: one.state == State.DISABLED,
    )
    return render(request, "settings/people.html", {"members": members, "title": "People"})


@require_http_methods(["GET", "POST"])
@access.require("manage_users")
def invite(request: Request) -> HttpResponse:
    """Make somebody a member and mail them how to begin."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data | {"role": Role(form.cleaned_data["role"])}
        try:
            membership = people.invite(account=request.account, by=request.user, **asked)
        except people.Refused as refused:
            form.add_error(None, str(refused))
        else:
            _send(request, membership)
            return leave_for(request, "accounts:people")
    context = {"form": form, "roles": _choices(form), "days": LIFE.days, "title": "Invite a person"}
    return render(request, "settings/invite.html", context, status=422 if form.errors else 200)


@require_GET
@access.require("manage_users")
def member(request: Request, pk: int) -> HttpResponse:
    """One member: state, role, and what can be done about both."""
    row = _get(request, pk)
    form = RoleForm(initial={"role": row.role})
    context = {
        "member": Member(row, row.user_id == request.user.pk),
        "roles": _choices(form),
        "title": str(row.user),
    }
    return render(request, "settings/member.html", context)


@require_POST
@access.require("manage_users")
def change_role(request: Request, pk: int) -> HttpResponse:
    """POST `role`: another role."""
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles. Nothing was changed.")
        return leave_for(request, "accounts:member", _get(request, pk).pk)
    role = Role(form.cleaned_data["role"])
    return _do(
        request,
        pk,
        lambda row: people.change_role(row, role, by=request.user),
        f"{{name}} is {role.label} now.",
    )


@require_POST
@access.require("manage_users")
def disable(request: Request, pk: int) -> HttpResponse:
    """Keep a member out."""
    return _do(
        request, pk, lambda row: people.disable(row, by=request.user),
        "{name} is disabled and cannot enter {account}.",
    )  # fmt: skip


@require_POST
@access.require("manage_users")
def enable(request: Request, pk: int) -> HttpResponse:
    """Let a disabled member in again."""
    return _do(
        request, pk, lambda row: people.enable(row, by=request.user), "{name} can enter {account} again."
    )


@require_POST
@access.require("manage_users")
def remove(request: Request, pk: int) -> HttpResponse:
    """Take a member out of the account."""
    return _do(
        request, pk, lambda row: people.remove(row, by=request.user),
        "{name} is no member of {account} any more.",
        to_list=True,
    )  # fmt: skip


@require_POST
@access.require("manage_users")
def invite_again(request: Request, pk: int) -> HttpResponse:
    """Mail a fresh link."""
    row = _get(request, pk)
    if row.user.has_usable_password():
        messages.info(request, f"{row.user} has a password already and needs no link.")
    elif _send(request, row):
        audit.record(
            account=row.account, by=request.user, verb="invited_again", on=row,
            summary=f"Sent {row.user} the invitation again",
        )  # fmt: skip
    return leave_for(request, "accounts:member", row.pk)


def _do(
    request: Request, pk: int, act: Callable[[Membership], None], done: str, *, to_list: bool = False
) -> HttpResponse:
    row = _get(request, pk)
    name = str(row.user)
    try:
        act(row)
    except people.Refused as refused:
        messages.error(request, str(refused))
        if not Membership.objects.filter(pk=pk).exists():
            return leave_for(request, "accounts:people")
    else:
        messages.success(request, done.format(name=name, account=row.account))
        if to_list:
            return leave_for(request, "accounts:people")
    return leave_for(request, "accounts:member", pk)


def _get(request: Request, pk: int) -> Membership:
    return access.get(request, Membership.objects.select_related("user", "account"), pk)


def _send(request: Request, row: Membership) -> bool:
    """Mail the invitation and say what became of it."""
    try:
        sent = invitations.send(row, by=request.user)
    except people.Refused as refused:
        messages.error(request, str(refused))
        return False
    if not sent:
        messages.warning(
            request,
            f"{row.user} is a member, but the mail could not be sent. Ask whoever runs Truckroll about"
            " account mail, then send the invitation again.",
        )
    elif row.user.has_usable_password():
        messages.success(request, f"{row.user} signs in already and can enter {row.account} now.")
    else:
        messages.success(request, f"The invitation is on its way to {row.user.email}.")
    return sent


def _choices(form: forms.Form) -> list[tuple[Any, str]]:
    """Each role's radio button, with what sets the role apart."""
    return [(radio, ", ".join(access.particular(radio.data["value"]))) for radio in form["role"]]
