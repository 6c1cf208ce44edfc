"""Nobody changes, deletes or empties what is evidence: not by the ORM, by SQL, by a cascade, as a replica."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model, ProtectedError

from accounts import audit
from accounts.models import Account, AuditEntry, User
from audiences import consent, suppression
from audiences.models import Consent, ConsentBasis, OptOut, OptOutImport
from common import clock
from conversations import corrections
from conversations.models import Message, Reading, ReadingCorrection
from tests import factories
from tests.accounts.making import make_member

pytestmark = pytest.mark.django_db

TABLES: tuple[type[Model], ...] = (
    AuditEntry, OptOut, OptOutImport, ConsentBasis, Consent, Reading, ReadingCorrection,
)  # fmt: skip
ONCE = {
    OptOut: {"lifted_at", "lifted_evidence", "lifted_provider_id", "lifted_by_id"},
    Consent: {"ended_at", "ended_why"},
}
OTHER = {  # for each kind of column, another value than the one it holds
    "JSONField": """'{{"x": 1}}'""",
    "BooleanField": "NOT {0}",
    "DateTimeField": "coalesce({0}, now()) + interval '1 day'",
    "FloatField": "coalesce({0}, 0) + 0.5",
    "CharField": "'x' || left({0}, 3)",
    "TextField": "'x' || left({0}, 3)",
    "GenericIPAddressField": "'192.0.2.1'",
}


@pytest.fixture
def agent() -> User:
    """Somebody in whose account one row of each kind of evidence stands."""
    account = Account.objects.create(name="Kept Plumbing", slug="kept")
    agent = make_member(account)
    thread = factories.make_thread(account, body="Leave me alone", name="Pat Customer")
    now = clock.now()
    audit.record(account=account, by=agent, verb="launched", summary="Launched it")
    consent.declare(account, "existing", name="Ann Owner", by=agent, now=now)
    Consent.objects.create(
        account=account, address=thread.address, kind="texts", source="form", proof="I agree", given_at=now,
        recorded_at=now,
    )  # fmt: skip
    OptOutImport.objects.create(
        account=account, name="Old list", declared_none=True, by=agent, confirmed_at=now, finished_at=now
    )
    corrections.correct(Message.objects.get(), "optout", agent)
    assert all(model._default_manager.exists() for model in TABLES) and thread.address_id
    return agent


def refused(change: Callable[[], object]) -> bool:
    """Whether the database, or Django for it, refuses; the rows are as before."""
    try:
        with transaction.atomic():
            change()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except (IntegrityError, DatabaseError, ProtectedError):
        return True
    return False


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_way_of_deleting(agent: User, model: type[Model]) -> None:
    table, row = model._meta.db_table, model._default_manager.order_by("pk")[0]
    assert refused(lambda: model._default_manager.all().delete())
    assert refused(lambda: model._default_manager.all()._raw_delete("default"))  # type: ignore[attr-defined]
    assert refused(row.delete)
    assert refused(lambda: run(f"DELETE FROM {table}"))
    assert refused(lambda: run(f"TRUNCATE {table} CASCADE"))
    assert refused(lambda: run("TRUNCATE accounts_account CASCADE"))
    assert refused(lambda: run(f"SET LOCAL session_replication_role = replica; DELETE FROM {table}"))
    assert refused(lambda: run(f"SET LOCAL session_replication_role = replica; TRUNCATE {table} CASCADE"))


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_column_changes(agent: User, model: type[Model]) -> None:
    """Whatever a column holds, it cannot be given another value."""
    open_to = ONCE.get(model, set())
    table = model._meta.db_table
    for field in model._meta.concrete_fields:
        kind, column = field.get_internal_type(), field.column
        to = OTHER.get(kind, "coalesce({0}, 0) + 1").format(column)
        if column in open_to:
            continue
        with pytest.raises(DatabaseError) as refusal, transaction.atomic():
            run(f"UPDATE {table} SET {column} = {to}")
        assert refusal.value.__cause__.sqlstate == "23001", column  # type: ignore[union-attr]


def test_people_contacts_and_accounts_that_evidence_names_cannot_go(agent: User) -> None:
    account, message = Account.objects.get(), Message.objects.get()
    for row in (agent, account, message, message.contact, message.address):
        assert row is not None and refused(row.delete), row
        table = row._meta.db_table
        assert refused(lambda of=table, pk=row.pk: run(f"DELETE FROM {of} WHERE id = {pk}")), table


def test_an_opt_out_is_lifted_once(agent: User) -> None:
    wish, now = OptOut.objects.get(), clock.now()
    assert refused(lambda: OptOut.objects.update(lifted_evidence="START"))  # words without an end
    assert refused(lambda: OptOut.objects.update(lifted_at=now, evidence=""))  # with what they wrote
    suppression.lift(wish.address, channel="phone", evidence="START", now=now, by=agent)
    wish.refresh_from_db()
    assert (wish.lifted_at, wish.lifted_evidence, wish.lifted_by) == (now, "START", agent)
    for change in (
        {"lifted_at": None, "lifted_evidence": "", "lifted_by": None},
        {"lifted_at": now - timedelta(days=1)},
        {"lifted_evidence": "Please"},
        {"lifted_by": None},
    ):
        assert refused(lambda to=change: OptOut.objects.update(**to)), change


def test_a_lift_without_words_cannot_be_given_some_later(agent: User) -> None:
    OptOut.objects.update(lifted_at=clock.now())
    assert refused(lambda: OptOut.objects.update(lifted_evidence="She said so"))
    assert refused(lambda: OptOut.objects.update(lifted_by=agent))


def test_a_draft_may_go_and_a_confirmed_list_only_moves_on(agent: User) -> None:
    account, now = Account.objects.get(), clock.now()
    OptOutImport.objects.create(account=account, name="Draft").delete()
    listed = OptOutImport.objects.create(
        account=account, name="List", values="+13125550101", confirmed_at=now
    )
    mine = OptOutImport.objects.filter(pk=listed.pk)
    mine.update(done=1, recorded=1)
    assert refused(lambda: mine.update(name="Another list"))
    assert refused(lambda: mine.update(confirmed_at=None))
    assert refused(listed.delete)
    mine.update(finished_at=now, values="")
    assert refused(lambda: mine.update(recorded=0))


def test_a_reading_changes_by_a_correction_on_file_alone(agent: User) -> None:
    message = Message.objects.get()
    assert refused(lambda: Reading.objects.update(label="question"))
    corrections.correct(message, "complaint", agent)
    assert Reading.objects.get().label == "complaint"
    assert refused(lambda: Reading.objects.update(label="optout"))
    assert refused(lambda: Reading.objects.update(detector="another"))
