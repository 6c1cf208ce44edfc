"""What merge fields say of real rows: in the picker, at the queue, in both languages; who is passed over."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account, BusinessUnit
from audiences import merge_fields, segments
from audiences.models import (
    Appointment,
    AppointmentAssignment,
    Contact,
    CustomerMembership,
    Estimate,
    Job,
    JobType,
    MembershipType,
)
from campaigns import engine, enrolling, lacking, launching, said, samples, text_sizes
from campaigns.models import EnrollmentSnapshot
from common import clock
from conversations import claiming
from conversations.models import Lane, Message
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
EDGES = [("text", "next", "done")]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    account = factories.make_account("Prairie Home Comfort")
    factories.make_number(account, "+13125550190")
    return account


def a_customer(account: Account, number: int = 1, **fields: object) -> Contact:
    return factories.make_contact(account, phone=factories.reserved(number), **fields)


def with_everything(account: Account) -> Contact:
    """A customer of whom every field is known."""
    contact = a_customer(
        account, first_name="Ann", last_name="Rivera", name="Ann Rivera", street="12 Elm St", city="Joliet",
        balance=Decimal("184.50"),
    )  # fmt: skip
    customer = {"account": account, "servicetitan_customer_id": contact.servicetitan_customer_id}
    unit = BusinessUnit.objects.create(account=account, servicetitan_id=1, name="HVAC service")
    tune_up = JobType.objects.create(account=account, servicetitan_id=1, name="Furnace tune-up")
    plan = MembershipType.objects.create(account=account, servicetitan_id=1, name="Gold plan")
    Job.objects.create(
        **customer, servicetitan_id=1, job_type=tune_up, business_unit=unit, status="Completed",
        created_on=NOON - timedelta(days=400), completed_on=datetime(2025, 11, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    Job.objects.create(
        **customer, servicetitan_id=2, job_type=tune_up, status="Scheduled",
        created_on=NOON - timedelta(days=900),
    )  # fmt: skip
    Appointment.objects.create(
        account=account, servicetitan_id=1, servicetitan_job_id=2, status="Scheduled",
        starts_at=datetime(2026, 11, 24, 20, 30, tzinfo=UTC), ends_at=datetime(2026, 11, 24, 22, tzinfo=UTC),
        arrives_from=datetime(2026, 11, 24, 20, tzinfo=UTC),
        arrives_until=datetime(2026, 11, 24, 22, tzinfo=UTC),
    )  # fmt: skip
    for number, name in enumerate(["Luis Ortega", "Dana Whitlock", "Luis Ortega", ""], start=1):
        AppointmentAssignment.objects.create(
            account=account, servicetitan_id=number, servicetitan_appointment_id=1, technician=name
        )
    AppointmentAssignment.objects.create(
        account=account, servicetitan_id=9, servicetitan_appointment_id=1, technician="Off it", active=False
    )
    AppointmentAssignment.objects.create(
        account=account, servicetitan_id=10, servicetitan_appointment_id=2, technician="Of another visit"
    )
    CustomerMembership.objects.create(
        **customer, servicetitan_id=1, membership_type=plan, status="Active",
        starts_at=NOON - timedelta(days=300), ends_at=datetime(2027, 1, 12, 18, tzinfo=UTC),
    )  # fmt: skip
    Estimate.objects.create(
        **customer, servicetitan_id=1, name="New furnace", status="Open", subtotal=Decimal("4250.00"),
        created_on=NOON - timedelta(days=25),
    )  # fmt: skip
    return contact


SAID = {
    "first_name": "Ann",
    "last_name": "Rivera",
    "name": "Ann Rivera",
    "street": "12 Elm St",
    "city": "Joliet",
    "balance": "$184.50",
    "company": "Prairie Home Comfort",
    "company_phone": "(312) 555-0190",
    "business_unit": "HVAC service",
    "last_job_type": "Furnace tune-up",
    "last_job_date": "October 2025",  # nine in the evening of the 31st, in Chicago
    "next_appointment_date": "Tuesday, November 24",
    "next_appointment_time": "2:30 pm",
    "next_appointment_window": "2:00 pm to 4:00 pm",
    "next_appointment_technician": "Luis Ortega, Dana Whitlock",
    "next_appointment_type": "Furnace tune-up",
    "membership_type": "Gold plan",
    "membership_renewal_date": "January 12, 2027",
    "open_estimate_amount": "$4,250",
    "open_estimate_name": "New furnace",
    "open_estimate_date": "October 29, 2026",
    "open_estimate_days": "25",
}


def test_every_field_says_what_the_mirror_holds(account: Account) -> None:
    contact = with_everything(account)
    groups = merge_fields.grouped_for(contact.pk, "en", now=NOON)
    assert {field.name: field.said for _, fields in groups for field in fields} == SAID


def test_what_is_not_so_any_more_is_not_known(account: Account) -> None:
    contact = with_everything(account)
    Contact.objects.update(balance=0, first_name="  ")
    Estimate.objects.update(status="Sold")
    CustomerMembership.objects.update(status="Expired")
    Appointment.objects.update(status="Canceled")
    gone = {name for name in SAID if name.startswith(("open_", "next_", "member", "balance", "first_name"))}
    assert set(merge_fields.known([contact.pk], now=NOON)[contact.pk]) == set(SAID) - gone


def test_a_visit_without_window_or_technician_says_what_stands_in_for_them(account: Account) -> None:
    contact = with_everything(account)
    AppointmentAssignment.objects.all().delete()
    Appointment.objects.update(arrives_from=None, arrives_until=None)
    known = merge_fields.known([contact.pk], now=NOON)[contact.pk]
    assert not {"next_appointment_window", "next_appointment_technician"} & set(known)
    assert known["next_appointment_time"] == "14:30"
    words = "{{ next_appointment_window | default: 'the agreed time' }}, {{ next_appointment_technician }}"
    (sample,) = said.texts(account, {"body": words}, [contact.pk], now=NOON)
    assert "next visit’s technician" in sample.missing
    assert len(text_sizes.longest_values(account)["next_appointment_technician"]) == 80


def crew(account: Account, *names: str) -> None:
    """Who comes to the visit, in place of others."""
    AppointmentAssignment.objects.all().delete()
    for number, name in enumerate(names, start=1):
        AppointmentAssignment.objects.create(
            account=account, servicetitan_id=number, servicetitan_appointment_id=1, technician=name
        )


LONG = ("Bartholomew Featherstonehaugh-Montgomery", "Maximiliana Alexandrina Wolfeschlegelstein")


@pytest.mark.parametrize(
    ("names", "said_of_them"),
    [
        (("Dana Whitlock", "Luis Ortega", "Marcus Bell"), "Dana Whitlock, Luis Ortega"),
        (LONG, ", ".join(LONG)),
        (("x" * 90,), "x" * 80),
    ],
)
def test_two_technicians_are_named_and_with_their_whole_names(
    account: Account, names: tuple[str, ...], said_of_them: str
) -> None:
    contact = with_everything(account)
    crew(account, *names)
    known = merge_fields.known([contact.pk], now=NOON)[contact.pk]
    assert known["next_appointment_technician"] == said_of_them
    assert len(text_sizes.longest_values(account)["next_appointment_technician"]) == len(said_of_them)


def test_window_and_technician_in_spanish(account: Account) -> None:
    contact = with_everything(account)
    Contact.objects.update(language="es")
    spanish = {"body": "{{ next_appointment_technician }}: {{ next_appointment_window }}"}
    (sample,) = said.texts(account, {"body": "Hi", "spanish": spanish}, [contact.pk], now=NOON)
    assert sample.body.startswith("Luis Ortega, Dana Whitlock: 2:00 p. m. a 4:00 p. m.")


def launch(account: Account, settings: dict[str, object]) -> list[Message]:
    """One text to everybody, queued."""
    nodes = [("text", "send_sms", settings), ("done", "end", {})]
    version = factories.make_workflow(account, nodes, EDGES)
    number = account.sending_numbers.get()
    campaign = launching.launch(
        account,
        launching.Draft(
            name="C", version=version, audience=factories.make_audience(account), number=number
        ),
        by=factories.make_user(account), now=NOON,
    )  # fmt: skip
    enrolling.enroll(campaign, now=NOON)
    engine.run_round(now=NOON)
    return list(Message.objects.order_by("contact_id"))


def claimed(texts: list[Message]) -> dict[str, str]:
    claims = claiming.claim([text.pk for text in texts], now=NOON)
    names = {text.pk: text.contact.name for text in Message.objects.select_related("contact")}
    return {names[claim.message_id]: claim.body.split("\n")[0] for claim in claims}


def test_everybody_is_written_to_in_their_language(account: Account) -> None:
    with_everything(account)
    a_customer(account, 2, first_name="José", name="José", language="es")
    contact = a_customer(account, 3, first_name="Eva", name="Eva", language="es")
    Contact.objects.filter(pk=contact.pk).update(first_name="")
    texts = launch(
        account,
        {
            "body": "Hi {{ first_name }}, {{ company }} here",
            "spanish": {"body": 'Hola {{ first_name | default: "cliente" }}, de {{ company }}'},
        },
    )
    assert claimed(texts) == {
        "Ann Rivera": "Hi Ann, Prairie Home Comfort here",
        "José": "Hola José, de Prairie Home Comfort",
        "Eva": "Hola cliente, de Prairie Home Comfort",
    }


def test_without_spanish_words_everybody_gets_the_english(account: Account) -> None:
    a_customer(account, 2, first_name="José", name="José", language="es")
    texts = launch(account, {"body": "Hi {{ first_name }}"})
    assert claimed(texts) == {"José": "Hi José"}


def test_a_visit_moved_after_entering_is_told_as_it_is(account: Account) -> None:
    """The last job is the one somebody came in with; the visit, what stands when the text is made."""
    contact = with_everything(account)
    nodes = [
        ("text", "send_sms", {"body": "Your {{ last_job_type }}: {{ next_appointment_date }}"}),
        ("done", "end", {}),
    ]
    version = factories.make_workflow(account, nodes, EDGES)
    campaign = launching.launch(
        account,
        launching.Draft(
            name="C", version=version, audience=factories.make_audience(account),
            number=account.sending_numbers.get(),
        ),
        by=factories.make_user(account), now=NOON,
    )  # fmt: skip
    enrolling.enroll(campaign, now=NOON)
    Appointment.objects.update(starts_at=datetime(2026, 11, 27, 16, tzinfo=UTC))
    other = JobType.objects.create(account=account, servicetitan_id=9, name="Drain cleaning")
    Job.objects.create(
        account=account, servicetitan_customer_id=contact.servicetitan_customer_id, servicetitan_id=3,
        job_type=other, status="Completed", created_on=NOON, completed_on=NOON,
    )  # fmt: skip
    engine.run_round(now=NOON)
    assert Message.objects.get().variables == {
        "last_job_type": "Furnace tune-up", "next_appointment_date": "2026-11-27"
    }  # fmt: skip


def test_a_snapshot_stays_small(account: Account) -> None:
    with_everything(account)
    launch(account, {"body": "Hi {{ name }}, {{ open_estimate_name }}"})
    data = EnrollmentSnapshot.objects.get().data
    assert set(data) == {"customer_id", "job_ids", "last_job_type", "last_job_at", "next_appointment_at"}
    assert len(str(data)) < 300


def test_who_would_be_skipped_is_counted_by_language_and_field(account: Account) -> None:
    with_everything(account)
    a_customer(account, 2, name="No first name", first_name="")
    a_customer(account, 3, name="Sin nombre", first_name="", language="es")
    Contact.objects.filter(name__in=["No first name", "Sin nombre"]).update(first_name="")
    words = said.wordings(
        {"body": "Hi {{ first_name }}", "spanish": {"body": "Debe {{ balance }} a {{ company }}"}}
    )
    query, params = segments.compile_ids(account, {}, {}, now=NOON)
    needed = [lacking.needs(words)]
    assert needed == [{"en": {"first_name"}, "es": {"balance"}}]
    for fit in (False, True):
        assert lacking.count(query, params, needed, now=NOON, fit=fit) == lacking.Lacking(
            2, (("balance owed", 1), ("first name", 1))
        )


def test_nothing_is_asked_where_nothing_can_be_missing(
    account: Account, django_assert_num_queries: object
) -> None:
    words = said.wordings({"body": 'Hi {{ first_name | default: "there" }}, {{ company }}'})
    query, params = segments.compile_ids(account, {}, {}, now=NOON)
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert lacking.count(query, params, [lacking.needs(words)], now=NOON, fit=True) == lacking.NOBODY


def test_a_launch_shows_both_languages_and_says_who_is_skipped(account: Account) -> None:
    for number in range(1, 5):
        a_customer(account, number, first_name=f"Ann {number}")
    spoken = a_customer(account, 9, first_name="José", name="José", language="es")
    lost = a_customer(account, 10, name="Nobody")
    Contact.objects.filter(pk=lost.pk).update(first_name="")
    words = {"body": "Hi {{ first_name }}", "spanish": {"body": "Hola {{ first_name }}"}}
    version = factories.make_workflow(account, [("text", "send_sms", words), ("done", "end", {})], EDGES)
    found = samples.preview(
        account, audience=factories.make_audience(account), targeting={}, version=version, number=None,
        now=NOON,
    )  # fmt: skip
    assert [sample.language for sample in found.samples] == ["en", "en", "es"]
    assert found.samples[-1].contact_id == spoken.pk and found.samples[-1].body.startswith("Hola José")
    assert found.lacking == lacking.Lacking(1, (("first name", 1),))
    assert Lane.objects.count() == 0
