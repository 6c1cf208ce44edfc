"""Accounts and people for tests of every area."""

from itertools import count

from django.test import Client

from accounts.models import Account, BusinessUnit, Membership, Role, User

PASSWORD = "correct horse battery"
_numbers = count(1)


def make_account(name: str = "", timezone: str = "America/Chicago") -> Account:
    """A contractor with a name of its own."""
    number = next(_numbers)
    return Account.objects.create(
        name=name or f"Contractor {number}", slug=f"contractor-{number}", timezone=timezone
    )


def make_user(email: str = "", name: str = "", password: str | None = PASSWORD) -> User:
    """A person who belongs to no account yet."""
    number = next(_numbers)
    return User.objects.create_user(
        email or f"person{number}@example.com", password, name=name or f"Person {number}"
    )


def make_member(account: Account, role: Role = Role.ADMIN, user: User | None = None) -> User:
    """A person with this role in this account."""
    user = user or make_user()
    Membership.objects.create(account=account, user=user, role=role)
    return user


def make_business_unit(account: Account, name: str = "HVAC service") -> BusinessUnit:
    """A business unit of this account."""
    return BusinessUnit.objects.create(account=account, servicetitan_id=next(_numbers), name=name)


def signed_in(user: User) -> Client:
    """A browser in which this person has signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
