"""A NUL in an address: PostgreSQL cannot hold one, so it must never reach a search."""

import pytest

from accounts.models import Role
from tests.accounts.making import make_account, make_member, signed_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "url",
    [
        "/search/?q=a%00b",
        "/conversations/?q=%00a",
        "/conversations/?folder=all&q=a%00",
        "/contacts/?q=a%00b",
        "/settings/audit-log/?q=%00",
        "/login/?next=/%00",
    ],
)
def test_a_nul_is_refused_and_breaks_nothing(url: str) -> None:
    browser = signed_in(make_member(make_account(), Role.ADMIN))
    assert browser.get(url).status_code == 400
    assert browser.get(url.replace("%00", "0")).status_code in (200, 302)
