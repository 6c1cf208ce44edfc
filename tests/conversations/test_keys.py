"""The database itself refuses what must not exist twice, whatever the code above it does."""

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from campaigns import engine, enrolling, launching
from common import clock, sql
from conversations import claiming, leasing
from conversations.models import Call
from integrations import inbox
from integrations.models import ProviderEvent
from tests import factories

pytestmark = pytest.mark.django_db
EVENTS = "integrations_providerevent"
COPIES = {  # key → table, and the columns in which the copy differs from the row that is there
    "message_origin": ("conversations_message", {"provider_id": "NULL"}),
    "message_provider_id": ("conversations_message", {"origin": "NULL"}),
    "attempt_one_not_refused": ("conversations_attempt", {"try_number": "2"}),
    "attempt_try": ("conversations_attempt", {"state": "'refused'"}),
    "step_pass": ("campaigns_step", {}),
    "enrollment_live_contact": ("campaigns_enrollment", {"address_id": "-1"}),
    "enrollment_live_phone": ("campaigns_enrollment", {"contact_id": "-1"}),
}
_ANOTHER = {"attempt": "gen_random_uuid()"}
COPIES_OF_CALLS = {
    "plannedcall_origin": ("conversations_plannedcall", {}),
    "call_one_per_try": ("conversations_call", {**_ANOTHER, "state": "'completed'", "provider_id": "NULL"}),
    "call_one_live": ("conversations_call", {**_ANOTHER, "try_number": "2", "provider_id": "NULL"}),
    "call_provider_id": ("conversations_call", {**_ANOTHER, "planned_id": "NULL"}),
}


@pytest.fixture
def called(noon: datetime) -> None:
    """One text of a campaign that is being called, and has an id at the provider."""
    account = factories.make_account()
    number = factories.make_number(account)
    factories.make_contact(account)
    draft = launching.Draft(
        name="Spring", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=number,
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=noon)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=clock.now())
    assert len(claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now())) == 1
    sql.run("UPDATE conversations_message SET provider_id = 'SM1'")


@pytest.fixture
def rung(noon: datetime) -> None:
    """One planned call whose try rings."""
    planned = factories.plan_call(factories.make_contact(factories.make_account()), origin="step:1")
    Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, state="ringing", provider_id="CA1",
    )  # fmt: skip


@pytest.mark.usefixtures("called")
@pytest.mark.parametrize("key", COPIES)
def test_a_second_row_is_refused(key: str) -> None:
    assert refused(*COPIES[key]) == key


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("key", COPIES_OF_CALLS)
def test_a_second_call_is_refused(key: str) -> None:
    assert refused(*COPIES_OF_CALLS[key]) == key


def refused(table: str, differs: dict[str, str]) -> str:
    """The key by which a copy of a table's one row is refused."""
    names = sql.column(
        "SELECT quote_ident(attname) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table],
    )
    differs = {"id": "gen_random_uuid()" if table.endswith("attempt") else "-1", **differs}
    values = ", ".join(differs.get(name, name) for name in names)
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        sql.run(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} LIMIT 1")
    return str(refusal.value.__cause__.diag.constraint_name)


def test_an_event_is_kept_once(noon: datetime) -> None:
    event = inbox.IncomingEvent(
        "twilio", "SM1:sent:", ProviderEvent.Kind.MESSAGE_STATUS, {}, received_at=noon
    )
    assert inbox.record(event) is not None
    assert inbox.record(event) is None
    columns, table = "month, provider, event_id, kind, payload, headers, received_at, outcome", EVENTS
    copy = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}"
    with pytest.raises(IntegrityError), transaction.atomic():
        sql.run(copy)
