"""Opening accounts, letting people into them, changing what they may do, and taking them out."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.models import Account, Membership, Role, User
from accounts.models.account import validate_timezone
from accounts.models.user import normalise_email
from common import clock


class Refused(Exception):
    """The request makes no sense as it stands; the text says why, for the person who asked."""


def open_account(*, name: str, timezone: str) -> Account:
    """A new contractor with an address-friendly slug that nobody has yet. Raises Refused."""
    try:
        validate_timezone(timezone)
    except ValidationError as wrong:
        raise Refused(" ".join(wrong.messages)) from wrong
    base = slugify(name)[:50] or "account"
    slug, number = base, 1
    while Account.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return Account.objects.create(name=name, slug=slug, timezone=timezone)


def add(
    *, account: Account, email: str, password: str | None, name: str, role: Role, by: User | None
) -> Membership:
    """Make somebody a member, and a user if the mailbox is new. Raises Refused.

    A person who already signs in elsewhere keeps their password and name: neither belongs to this account.
    """
    email = normalise_email(email)
    try:
        validate_email(email)
    except ValidationError as wrong:
        raise Refused(f"“{email}” is not an email address.") from wrong
    user = User.objects.filter(email=email).first()
    if user is None:
        user = _new_user(email, password, name)
    elif name and not user.has_usable_password() and not user.memberships.exists():
        user.name = name  # invited once and removed before they ever came
        user.save(update_fields=["name"])
    if Membership.objects.filter(account=account, user=user).exists():
        raise Refused(f"{email} is a member of {account} already.")
    membership = Membership.objects.create(account=account, user=user, role=role)
    audit.record(
        account=account,
        by=by,
        verb="added_member",
        on=membership,
        summary=f"Added {email} as {role.label}",
        detail={"email": email, "role": role.value},
    )
    return membership


@transaction.atomic
def invite(*, account: Account, email: str, name: str, role: Role, by: User) -> Membership:
    """Make somebody a member who chooses a password by a mailed link (`invitations.send`). Raises Refused."""
    _hold(account, by)
    return add(account=account, email=email, password=None, name=name, role=role, by=by)


@transaction.atomic
def change_role(membership: Membership, role: Role, *, by: User | None) -> None:
    """Let a member do what another role may. Raises Refused; the same role again changes nothing."""
    row = _held(membership, by)
    if row.role == role:
        return
    if role != Role.ADMIN:
        _leave_an_admin(row)
    before, row.role = Role(row.role), role
    row.save(update_fields=["role"])
    summary = f"Made {row.user} {role.label} instead of {before.label}"
    _record(row, "changed_role", summary, by, before=before.value, after=role.value)


@transaction.atomic
def disable(membership: Membership, *, by: User | None) -> None:
    """Keep a member out from the next request on; the role stays for later. Raises Refused."""
    row = _held(membership, by)
    if row.disabled_at is None:
        _leave_an_admin(row)
        row.disabled_at = clock.now()
        row.save(update_fields=["disabled_at"])
        _record(row, "disabled_member", f"Disabled {row.user}", by)


@transaction.atomic
def enable(membership: Membership, *, by: User | None) -> None:
    """Let a disabled member in again, in the role they had. Raises Refused."""
    row = _held(membership, by)
    if row.disabled_at is not None:
        row.disabled_at = None
        row.save(update_fields=["disabled_at"])
        _record(row, "enabled_member", f"Enabled {row.user}", by)


@transaction.atomic
def remove(membership: Membership, *, by: User | None) -> None:
    """Take a member out of the account; what they did keeps their name. Raises Refused."""
    row = _held(membership, by)
    _leave_an_admin(row)
    _record(row, "removed_member", f"Removed {row.user}", by, email=row.user.email, role=row.role)
    row.delete()


def _hold(account: Account, by: User | None) -> None:
    """Let one change of people happen at a time in an account, by somebody who is an admin even now.

    Without the lock, two admins who demote each other at once would leave none.
    """
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if by is not None and not Membership.objects.admins(account).filter(user=by).exists():
        raise Refused("Nothing was changed: you are not an admin here any more.")


def _held(membership: Membership, by: User | None) -> Membership:
    """The member as stored now, in a held account, and somebody else than who asks."""
    _hold(membership.account, by)
    row = Membership.objects.select_related("user", "account").filter(pk=membership.pk).first()
    if row is None:
        raise Refused(f"{membership.user} is not a member of {membership.account} any more.")
    if by is not None and row.user_id == by.pk:
        raise Refused("Nobody changes their own role or shuts themselves out: another admin does that.")
    return row


def _leave_an_admin(row: Membership) -> None:
    """Refuse to take the last admin who can sign in; an invited one without a password cannot yet."""
    admins = Membership.objects.admins(row.account)
    if admins.filter(pk=row.pk).exists() and not admins.exclude(pk=row.pk).exists():
        raise Refused(
            f"{row.user} is the only admin of {row.account} who can sign in. Make somebody else admin first."
        )


def _record(row: Membership, verb: str, summary: str, by: User | None, **detail: str) -> None:
    audit.record(account=row.account, by=by, verb=verb, on=row, summary=summary, detail=detail)


def _new_user(email: str, password: str | None, name: str) -> User:
    user = User(email=email, name=name or email.split("@")[0])
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as wrong:
            raise Refused(" ".join(wrong.messages)) from wrong
    return User.objects.create_user(email, password, name=user.name)
