"""Seals show what somebody who owns the database did to evidence."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.urls import reverse

from accounts import audit, sealing
from accounts.models import Account, AuditEntry, AuditSeal, Role
from audiences import suppression
from audiences.models import OptOut
from common import clock
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.tampering import unguarded

LOG = reverse("accounts:audit_log")


@pytest.fixture
def account(db: None, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Three entries and two opt-outs, sealed two rows at a time."""
    monkeypatch.setattr(sealing, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(sealing, "BATCH", 2)
    # A test is one transaction, which no other process would wait for in vain.
    monkeypatch.setattr(sealing, "_all_committed", lambda: True)
    account = factories.make_account("Sealed Plumbing")
    for number in range(3):
        write(account, f"Launched campaign {number}")
    for number in range(2):
        address = factories.phone_of(factories.make_contact(account, f"+1312555010{number}"))
        suppression.opt_out(address, channel="phone", source="text", now=clock.now(), evidence="STOP")
    return account


def write(account: Account, summary: str) -> AuditEntry:
    return audit.record(account=account, by=None, verb="launched", summary=summary)


def seal() -> int:
    return sealing.seal_all(now=clock.now())


def found(account: Account) -> list[str]:
    return list(sealing.differences(account))


def test_all_evidence_is_sealed_in_one_chain_once(account: Account) -> None:
    other = factories.make_account("Other Plumbing")
    write(other, "Launched theirs")
    assert seal() > 0 and seal() == 0
    mine = AuditSeal.objects.of(account.pk)
    assert [one.number for one in mine] == [1, 2, 3, 4]  # entries 2 and 1, a declaration, opt-outs 2
    assert {one.kind for one in mine} >= {"accounts.auditentry", "audiences.optout", "audiences.consentbasis"}
    assert sum(one.rows for one in mine) == 3 + 2 + 1
    assert found(account) == found(other) == []
    write(account, "Launched a fourth")
    assert seal() == 1 and found(account) == []
    suppression.lift(OptOut.objects.all()[0].address, channel="phone", evidence="START", now=clock.now())
    assert found(account) == [], "ending an opt-out is no change of what was sealed"


def test_a_changed_row_shows(account: Account) -> None:
    seal()
    entry = AuditEntry.objects.order_by("pk")[0]
    with unguarded(AuditEntry):
        AuditEntry.objects.filter(pk=entry.pk).update(at=entry.at - timedelta(microseconds=1))
    (difference,) = found(account)
    assert "Seal 1 (accounts.auditentry" in difference and "not what was sealed" in difference


def test_a_missing_row_shows(account: Account) -> None:
    seal()
    with unguarded(OptOut):
        OptOut.objects.order_by("pk")[0].delete()
    (difference,) = found(account)
    assert "audiences.optout" in difference and "2 rows were sealed, and 1 are there" in difference


def test_a_row_slipped_in_shows(account: Account) -> None:
    seal()
    entry = AuditEntry.objects.order_by("pk")[0]
    key = entry.pk
    with unguarded(AuditEntry):
        entry.delete()
    AuditEntry.objects.create(pk=key, account=account, verb="launched", summary="Another", at=entry.at)
    assert "not what was sealed" in found(account)[0]


def test_a_row_handed_to_another_account_shows(account: Account) -> None:
    seal()
    other = factories.make_account("Other Plumbing")
    with unguarded(AuditEntry):
        AuditEntry.objects.filter(pk=AuditEntry.objects.order_by("pk")[0].pk).update(account=other)
    assert "2 rows were sealed, and 1 are there" in found(account)[0]


def test_a_seal_made_anew_does_not_fit_the_next(account: Account) -> None:
    """Even one made with the right key: the chain goes on from the former digest."""
    seal()
    first = AuditSeal.objects.of(account.pk)[0]
    with unguarded(AuditSeal):
        AuditSeal.objects.filter(pk=first.pk).update(digest="0" * 64)
    assert [words.partition(" (")[0] for words in found(account)] == ["Seal 1", "Seal 2"]
    with unguarded(AuditSeal):
        first.delete()
    assert found(account)[0] == "Seal 1 is missing."


def test_whoever_lacks_the_deployments_key_cannot_make_seals(account: Account, settings) -> None:
    settings.SECRET_KEY = "somebody else's"
    seal()
    settings.SECRET_KEY = "ours"
    assert all("a key that this deployment does not have" in words for words in found(account))
    settings.SECRET_KEY_FALLBACKS = ["somebody else's"]
    assert found(account) == []


def test_a_seal_over_a_column_that_is_gone_is_named_and_hides_no_other(account: Account) -> None:
    seal()
    with unguarded(AuditSeal):
        AuditSeal.objects.filter(account=account, number=1).update(columns="id,gone")
    assert "columns that are there no more: gone" in found(account)[0]
    with unguarded(OptOut):
        OptOut.objects.update(evidence="Yes please")
    assert sealing.check_on(now=clock.now(), go_on=lambda: True) == 2


def test_seals_are_kept_themselves(account: Account) -> None:
    table = AuditSeal._meta.db_table
    seal()
    for change in (
        f"UPDATE {table} SET digest = repeat('0', 64)",
        f"UPDATE {table} SET last = last + 1",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
    ):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            connection.cursor().execute(f"SET CONSTRAINTS ALL IMMEDIATE; {change}")


def test_the_product_checks_and_the_audit_page_says_so(account: Account) -> None:
    admin: Client = signed_in(make_member(account, Role.ADMIN))
    assert "settings__seals" not in admin.get(LOG).content.decode()
    seal()
    assert sealing.check_on(now=clock.now(), go_on=lambda: True) == 0
    assert "all 4 seals held" in admin.get(LOG).content.decode()
    with unguarded(OptOut):
        OptOut.objects.update(evidence="Yes please")
    assert sealing.check_on(now=clock.now(), go_on=lambda: True) == 0, "checked within the hour"
    assert sealing.check_on(now=clock.now() + timedelta(hours=2), go_on=lambda: True) == 1
    page = admin.get(LOG).content.decode()
    assert "is not what was sealed" in page and "audiences.optout" in page


def test_the_command_names_the_first_difference(account: Account, capsys) -> None:
    call_command("verify_log")
    assert "nothing is sealed yet" in capsys.readouterr().out
    seal()
    call_command("verify_log", account=account.slug)
    assert "4 seals, newest " in capsys.readouterr().out
    with unguarded(AuditEntry):
        AuditEntry.objects.update(summary="Nothing happened")
    with pytest.raises(CommandError, match="2 seals do not hold"):
        call_command("verify_log")
    assert "Seal 1 (accounts.auditentry" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_no_row_is_passed_over_that_commits_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody took a lower key and has not committed: nothing is sealed over it."""
    monkeypatch.setattr(sealing, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(sealing, "WAIT_SECONDS", 0.5)
    account = factories.make_account("Late Plumbing")
    wrote, go_on = Event(), Event()

    def slowly() -> None:
        try:
            with transaction.atomic():
                write(account, "The slow one")
                wrote.set()
                go_on.wait(20)
        finally:
            connections.close_all()

    slow = Thread(target=slowly)
    slow.start()
    try:
        assert wrote.wait(20)
        write(account, "The quick one")
        assert seal() == 0
    finally:
        go_on.set()
        slow.join()
    # Other tests write in the same cluster: a transaction of theirs that lasts is waited for, too.
    assert any(seal() == 2 for _ in range(40)) and found(account) == []
    sealed = AuditSeal.objects.get(kind="accounts.auditentry")
    assert sealed.rows == 2
