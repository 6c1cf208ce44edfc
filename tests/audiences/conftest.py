"""Fixtures of this folder."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account, User
from audiences.imports import running
from audiences.imports.running import Grounds
from audiences.models import ContactImport
from tests.audiences import people
from tests.audiences.importing import CUSTOMERS, uploaded
from tests.audiences.people import NOON
from tests.sandbox_process import start_sandbox

__all__ = ["start_sandbox"]


@pytest.fixture
def account() -> Account:
    """A contractor."""
    return people.account()


@pytest.fixture
def by() -> User:
    """Somebody of theirs."""
    return User.objects.create_user("csr@demo.example", name="Cass")


@pytest.fixture
def bring(account: Account, by: User) -> Callable[..., ContactImport]:
    """Upload, confirm with the guessed columns, take in to the end."""

    def do(data: str | bytes, grounds: Grounds = CUSTOMERS, *, into: Account = account, tag: str = "",
           only_confirm: bool = False, **fields: Any) -> ContactImport:  # fmt: skip
        listed = uploaded(into, by, data)
        meanings = fields.pop("meanings", listed.meanings)
        assert running.confirm(listed, meanings, grounds, tag=tag, by=by, now=NOON)
        if not only_confirm:
            running.import_waiting(clock=lambda: NOON)
        listed.refresh_from_db()
        return listed

    return do
