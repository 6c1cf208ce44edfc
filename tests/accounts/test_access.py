"""From a request to rows: roles, accounts, and what is refused."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts import access
from accounts.models import ApiToken, Membership, Role, User
from tests.accounts.making import make_account, make_business_unit, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/campaigns/?status=active"}


def test_signed_out_page_leads_to_sign_in_and_back() -> None:
    answer = Client().get("/campaigns/?status=active")
    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/campaigns/%3Fstatus%3Dactive"


def test_signed_out_fragment_leaves_the_page_by_htmx() -> None:
    answer = Client().get("/units/", headers=HTMX)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/login/?next=/campaigns/%3Fstatus%3Dactive"


def test_signed_out_post_does_not_return_to_a_post_address() -> None:
    assert Client().post("/campaigns/")["Location"] == "/login/?next=/"


@pytest.mark.parametrize("role", Role)
def test_role_decides_who_may_post(role: Role) -> None:
    client = signed_in(make_member(make_account("Acme"), role))
    assert client.get("/campaigns/").content.decode() == f"Acme {role}"
    expected = 403 if role == Role.AGENT else 200
    assert client.post("/campaigns/").status_code == expected


def test_refusal_says_which_role_is_needed_and_who_grants_it() -> None:
    account = make_account("Acme")
    make_member(account, Role.ADMIN, make_user(name="Ada Admin"))
    gone = make_member(account, Role.ADMIN, make_user(name="Gone Admin"))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    client = signed_in(make_member(account, Role.AGENT))
    page = client.post("/campaigns/").content.decode()
    for words in ("launch campaigns", "CSR or Marketer or Admin", "Ada Admin", "in Acme you are Agent"):
        assert words in page
    assert "Gone Admin" not in page


def test_refusal_of_a_fragment_is_a_fragment() -> None:
    client = signed_in(make_member(make_account(), Role.AGENT))
    page = client.post("/campaigns/", headers=HTMX).content.decode()
    assert "launch campaigns" in page and "<html" not in page


def test_rows_of_other_accounts_are_not_there() -> None:
    mine, theirs = make_account(), make_account()
    unit, other = make_business_unit(mine, "Plumbing"), make_business_unit(theirs, "Roofing")
    client = signed_in(make_member(mine))
    assert client.get("/units/").content == b"Plumbing"
    assert client.get(f"/units/{unit.pk}/").content == b"Plumbing"
    assert client.get(f"/units/{other.pk}/").status_code == 404
    assert client.get("/units/999999/").status_code == 404
    assert client.get("/units/not-a-number/").status_code == 404


def test_row_by_lookup_is_the_accounts_own() -> None:
    mine, theirs = make_account(), make_account()
    admin, stranger = make_member(mine), make_member(theirs)
    ApiToken.objects.issue(account=theirs, by=stranger, name="mine", scopes=["all"])
    assert signed_in(admin).get("/tokens/").status_code == 404
    assert signed_in(stranger).get("/tokens/").status_code == 200


def test_person_of_no_account_is_told_so() -> None:
    answer = signed_in(make_user()).get("/campaigns/")
    assert answer.status_code == 403
    assert "You belong to no account" in answer.content.decode()


def test_lost_membership_counts_at_once() -> None:
    client = signed_in(make_member(make_account()))
    assert client.get("/campaigns/").status_code == 200
    Membership.objects.all().delete()
    assert client.get("/campaigns/").status_code == 403


def test_switcher_moves_to_another_of_ones_accounts_only() -> None:
    first, second, foreign = make_account("Alpha"), make_account("Beta"), make_account("Gamma")
    user = make_member(first, Role.ADMIN)
    make_member(second, Role.AGENT, user)
    client = signed_in(user)
    assert client.get("/campaigns/").content == b"Alpha admin"
    answer = client.post("/account/switch/", {"account": second.pk})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/campaigns/").content == b"Beta agent"
    assert client.post("/account/switch/", {"account": foreign.pk}).status_code == 404
    assert client.post("/account/switch/", {"account": "x"}).status_code == 404
    assert client.get("/account/switch/").status_code == 405
    assert client.get("/campaigns/").content == b"Beta agent"


def test_chosen_account_lost_falls_back_to_the_first() -> None:
    first, second = make_account("Alpha"), make_account("Beta")
    user = make_member(first)
    make_member(second, Role.CSR, user)
    client = signed_in(user)
    client.post("/account/switch/", {"account": second.pk})
    Membership.objects.filter(account=second).delete()
    assert client.get("/campaigns/").content == b"Alpha admin"


def test_undeclared_view_is_never_run() -> None:
    client = signed_in(make_member(make_account()))
    with pytest.raises(ImproperlyConfigured, match=r"pages\.undeclared declares neither"):
        client.get("/undeclared/")


def test_unknown_capability_is_an_error_at_once() -> None:
    with pytest.raises(ImproperlyConfigured, match="lunch_campaign"):
        access.require("lunch_campaign")


def test_every_capability_is_held_by_admins_and_none_by_nobody() -> None:
    assert all(access.allowed(Role.ADMIN, name) for name in access.CAN)
    assert not any(access.allowed("", name) for name in access.CAN)


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "", None]
)
def test_next_never_leaves_the_site(url: str | None) -> None:
    assert access.safe_next(url) == "/"


def test_next_keeps_a_path_of_this_site() -> None:
    assert access.safe_next("/campaigns/?status=active") == "/campaigns/?status=active"
