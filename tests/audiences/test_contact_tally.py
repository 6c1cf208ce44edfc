"""How many contacts an account has, whoever writes them."""

from threading import Thread

import pytest
from django.db import connection, transaction

from audiences import contact_tally, sync_state, tasks
from audiences.contact_tally import Tally
from audiences.models import Contact, ContactTally
from common import sql
from tests.audiences import people

pytestmark = pytest.mark.django_db


def counted(account):
    """What a count of the rows says."""
    mine = Contact.objects.filter(account=account)
    return Tally(mine.count(), mine.filter(servicetitan_customer_id__gt=0).count())


def test_every_way_of_writing_contacts_is_counted():
    account, other = people.account("one"), people.account("two")
    made = [people.contact(account) for _ in range(3)] + [people.contact(other)]
    assert contact_tally.of(account) == counted(account) == Tally(3, 3)
    # By copying one into both accounts at once: an import's, then one whom the sync knows already.
    fields = ", ".join(
        field.column
        for field in Contact._meta.concrete_fields
        if field.column not in ("id", "account_id", "servicetitan_customer_id")
    )
    again = (
        f"INSERT INTO audiences_contact (account_id, servicetitan_customer_id, {fields})"
        f" SELECT a, %s, {fields} FROM audiences_contact, unnest(%s::bigint[]) a WHERE id = %s"
        " ON CONFLICT (account_id, servicetitan_customer_id, person) DO UPDATE SET name = 'Again'"
    )
    both = [account.pk, other.pk]
    sql.run(again, [-7, both, made[0].pk])
    sql.run(again, [made[0].servicetitan_customer_id, both, made[0].pk])
    for of in (account, other):
        assert contact_tally.of(of) == counted(of)
    assert (contact_tally.of(account), contact_tally.of(other)) == (Tally(4, 3), Tally(3, 2))
    Contact.objects.filter(account=account).update(active=False)
    Contact.objects.filter(servicetitan_customer_id=-7).delete()
    assert (contact_tally.of(account), contact_tally.of(other)) == (Tally(3, 3), Tally(2, 2))
    assert sync_state.of(account).contacts == 3 and sync_state.of(other, counting=False).contacts == 0


def test_folding_changes_no_sum(monkeypatch):
    monkeypatch.setattr(contact_tally, "MOST_ROWS", 2)
    account, other = people.account("one"), people.account("two")
    for of in (account, account, account, other):
        people.contact(of)
    tasks.count_jobs()
    assert ContactTally.objects.filter(account=account).count() == 1
    assert contact_tally.of(account) == Tally(3, 3) and contact_tally.of(other) == Tally(1, 1)
    assert contact_tally.fold() == 0


@pytest.mark.django_db(transaction=True)
def test_who_writes_waits_for_nobody_who_writes_or_folds(monkeypatch):
    monkeypatch.setattr(contact_tally, "MOST_ROWS", 0)
    account = people.account()
    people.contact(account)

    def another():
        try:
            people.contact(account)
            contact_tally.fold()
        finally:
            connection.close()

    with transaction.atomic():
        people.contact(account)
        thread = Thread(target=another)
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive(), "a row that is not committed yet holds nobody up"
        assert contact_tally.of(account) == counted(account) == Tally(3, 3)
    assert contact_tally.of(account) == Tally(3, 3)
