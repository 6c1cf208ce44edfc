"""Accounts and people for tests of every area."""

from datetime import timedelta
from itertools import count

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.middleware import SESSION_STARTED, SESSION_USED
from accounts.models import Account, BusinessUnit, Membership, Role, User
from accounts.receivers import note_sign_in
from common import clock

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
    """A browser in which this person has signed in, by the rows that leaves: most tests begin so."""
    note_sign_in(User, user)
    started, data = clock.now().timestamp(), SessionStore()
    data.update({
        SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(), SESSION_STARTED: started, SESSION_USED: started,
    })  # fmt: skip
    stored = Session.objects.create(
        session_key=get_random_string(32), session_data=data.encode(data._session),
        expire_date=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE),
    )  # fmt: skip
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = stored.session_key
    return client
