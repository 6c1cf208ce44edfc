"""What the tables of accounts refuse."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from accounts import audit
from accounts.models import Account, ApiToken, AuditEntry, BusinessUnit, Membership, Role, User
from common import clock
from tests.accounts.making import make_account, make_business_unit, make_member, make_user

pytestmark = pytest.mark.django_db


def refused(model: type[Model], **fields: object) -> bool:
    """Whether the database refuses this row, past every save method."""
    try:
        with transaction.atomic():
            model._default_manager.bulk_create([model(**fields)])
    except IntegrityError:
        return True
    return False


def test_email_is_unique_whatever_its_capitals() -> None:
    make_user("Dana@Example.com")
    assert User.objects.get().email == "dana@example.com"
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user("DANA@example.COM")
    assert refused(User, email="Dana@example.com", name="x", password="x")


def test_person_is_found_whatever_the_capitals() -> None:
    dana = make_user("dana@example.com")
    assert User.objects.get_by_natural_key(" Dana@Example.com ") == dana


def test_one_membership_per_account_with_a_known_role() -> None:
    account = make_account()
    user = make_member(account, Role.CSR)
    assert refused(Membership, account=account, user=user, role=Role.ADMIN)
    assert refused(Membership, account=account, user=make_user(), role="owner")


@pytest.mark.parametrize("zone", ["America/Gotham", "Chicago", "", "EST5 EDT"])
def test_account_with_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError):
        make_account(timezone=zone)


def test_account_checks_hold_in_the_database() -> None:
    assert refused(Account, name="", slug="a", timezone="UTC")
    assert refused(Account, name="A", slug="Not Plain", timezone="UTC")
    assert refused(Account, name="A", slug="a", timezone="no zone!")


def test_business_unit_once_per_account() -> None:
    unit = make_business_unit(make_account())
    assert refused(BusinessUnit, account=unit.account, servicetitan_id=unit.servicetitan_id, name="x")
    assert refused(BusinessUnit, account=unit.account, servicetitan_id=0, name="x")
    assert not refused(BusinessUnit, account=make_account(), servicetitan_id=unit.servicetitan_id, name="x")


def test_token_is_recognised_until_revoked_or_its_maker_disabled() -> None:
    account = make_account()
    admin = make_member(account)
    token, secret = ApiToken.objects.issue(account=account, by=admin, name="CI", scopes=["reply"])
    assert secret not in str(ApiToken.objects.values()[0])
    assert ApiToken.objects.recognise(secret) == token
    assert ApiToken.objects.recognise(secret + "x") is None
    assert token.allows("reply") and not token.allows("launch_campaign")
    User.objects.update(is_active=False)
    assert ApiToken.objects.recognise(secret) is None
    User.objects.update(is_active=True)
    make_member(make_account(), user=admin)
    Membership.objects.filter(account=account).delete()  # left; still a member elsewhere
    assert ApiToken.objects.recognise(secret) is None
    Membership.objects.create(account=account, user=admin, role=Role.CSR)
    assert ApiToken.objects.recognise(secret) == token
    token.revoked_at = clock.now()
    token.save()
    assert ApiToken.objects.recognise(secret) is None


def test_token_checks_hold_in_the_database() -> None:
    account = make_account()
    admin = make_member(account)
    assert refused(ApiToken, account=account, created_by=admin, name="x", hash="a" * 64, scopes=[])
    assert refused(ApiToken, account=account, created_by=admin, name="x", hash="secret", scopes=["all"])


def test_audit_entry_records_who_did_what_to_which_row() -> None:
    account = make_account()
    admin = make_member(account)
    unit = make_business_unit(account)
    audit.record(
        account=account, by=admin, verb="renamed", on=unit, summary="Renamed it", detail={"to": "HVAC"}
    )
    entry = AuditEntry.objects.newest().about(unit).get()
    assert (entry.by, entry.object_kind, entry.object_id) == (admin, "accounts.businessunit", str(unit.pk))
    assert entry.detail == {"to": "HVAC"}


@pytest.mark.parametrize(
    "change",
    [
        "update accounts_auditentry set summary = 'nothing happened'",
        "update accounts_auditentry set by_id = null",
        "delete from accounts_auditentry",
    ],
)
def test_audit_entry_cannot_be_changed_even_by_sql(change: str) -> None:
    account = make_account()
    audit.record(account=account, by=make_member(account), verb="stopped", summary="Stopped it")
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        connection.cursor().execute(change)
    assert AuditEntry.objects.get().summary == "Stopped it"


def test_audit_entry_needs_a_verb_and_a_sentence() -> None:
    account = make_account()
    assert refused(AuditEntry, account=account, verb="Stopped It", summary="x")
    assert refused(AuditEntry, account=account, verb="stopped", summary="")
    assert refused(AuditEntry, account=account, verb="stopped", summary="x", object_kind="a.b")
