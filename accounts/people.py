"""Opening accounts, and letting people into them."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.text import slugify

from accounts import audit
from accounts.models import Account, Membership, Role, User
from accounts.models.account import validate_timezone
from accounts.models.user import normalise_email


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
    user = User.objects.filter(email=email).first() or _new_user(email, password, name)
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


def _new_user(email: str, password: str | None, name: str) -> User:
    user = User(email=email, name=name or email.split("@")[0])
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as wrong:
            raise Refused(" ".join(wrong.messages)) from wrong
    return User.objects.create_user(email, password, name=user.name)
