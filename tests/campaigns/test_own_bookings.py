"""Bookings that people make: with the window they agreed to, credited through the call's step."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from audiences.models import BusinessDay
from campaigns import bookings, job_creation, own_bookings, passages, visit_slots
from campaigns.models import Booking
from campaigns.own_booking_form import OwnBookingForm
from campaigns.own_bookings import Wish
from common import clock
from conversations import call_taking, said_outcomes
from conversations.models import Call
from integrations.messaging import ProviderError
from tests import factories
from tests.accounts.making import signed_in
from tests.analytics import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return factories.make_account("Booking Comfort")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", "Ana Agent")


@pytest.fixture
def client(agent: User) -> Client:
    return signed_in(agent)


def open_weekdays(account: Account) -> None:
    for day in range(7):
        BusinessDay.objects.create(account=account, weekday=day, opens_minute=480, closes_minute=1020)


def test_without_servicetitan_windows_are_the_business_hours_and_it_says_so(account: Account) -> None:
    open_weekdays(account)
    now = clock.now()
    slots = visit_slots.free(account, None, None, now=now)
    assert slots.why == "ServiceTitan is not connected" and slots.spans
    assert all(
        opens > now + visit_slots.LEAD and closes - opens <= visit_slots.WINDOW
        for opens, closes in slots.spans
    )


def test_a_booking_keeps_who_when_and_what_once_per_token(
    account: Account, agent: User, client: Client
) -> None:
    open_weekdays(account)
    contact = factories.make_contact(account, "+13125550111", name="Ann Doe")
    url = reverse("campaigns:book_for", args=[contact.pk])
    form = client.get(url).context["form"]  # a page of its own has the windows at once
    slot = form.fields["slot"].choices[1][0]
    typed = {"token": str(form["token"].value()), "summary": "Furnace is loud", "slot": slot}
    for _ in range(2):
        assert client.post(url, typed).status_code == 302
    booking = Booking.objects.get(contact=contact)
    assert (booking.by, booking.summary, booking.step) == (agent, "Furnace is loud", None)
    assert booking.starts_at is not None and f"{booking.starts_at.isoformat()}/" == slot.split("/")[0] + "/"
    assert booking.next_try_at is not None


def test_nothing_to_do_or_a_time_that_is_over_is_refused(account: Account, client: Client) -> None:
    contact = factories.make_contact(account, "+13125550111")
    url = reverse("campaigns:book_for", args=[contact.pk])
    token = "00000000-0000-4000-8000-000000000001"
    past = clock.now() - timedelta(hours=3)
    over = f"{past.isoformat()}/{(past + timedelta(hours=2)).isoformat()}"
    for typed in ({"summary": ""}, {"summary": "x", "slot": over}, {"summary": "x", "slot": "soon/later"}):
        assert client.post(url, {"token": token, **typed}).status_code == 422
    assert not Booking.objects.exists()


def test_a_booking_on_a_call_carries_its_step_and_books_the_call(
    account: Account, agent: User, client: Client
) -> None:
    made = world.build(account=account)
    contact = factories.make_contact(account, "+13125550111", name="Ann Doe")
    step = made.step(made.enrol(contact), "first_text", "queued")
    planned = factories.plan_call(contact, origin=f"step:{step.pk}")
    call_taking.take([planned.pk], by=agent, now=clock.now())
    now = clock.now()
    Call.objects.create(
        account=account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, by=agent, state="completed", accepted_at=now, answered_at=now, ended_at=now,
    )  # fmt: skip
    url = reverse("campaigns:book_for", args=[contact.pk]) + f"?call={planned.pk}"
    token = "00000000-0000-4000-8000-000000000002"
    went = client.post(url, {"token": token, "summary": "Tune-up"})
    booking = Booking.objects.get(contact=contact)
    planned.refresh_from_db()
    assert (booking.step_id, said_outcomes.outcome_of(planned)) == (step.pk, "booked")
    assert "/calls/" in went.headers["Location"]
    # The step goes on by the call's outcome, whatever becomes of the booking; and nobody gives it up.
    bookings._close(booking, Booking.State.DISMISSED, "Dismissed", now)
    step.refresh_from_db()
    assert step.state == "queued"
    assert bookings._is_awaited(booking)


def test_a_second_booking_of_the_same_step_stands_without_it(account: Account, agent: User) -> None:
    made = world.build(account=account)
    contact = factories.make_contact(account, "+13125550111")
    step = made.step(made.enrol(contact), "first_text", "queued")
    planned = factories.plan_call(contact, origin=f"step:{step.pk}")
    first, second = (
        own_bookings.ask(contact, Wish("Tune-up"), by=agent, token=f"t{n}", now=clock.now(), call=planned)
        for n in range(2)
    )
    assert (first.step_id, second.step_id) == (step.pk, None)


def test_deciding_the_way_keeps_the_window_a_person_agreed_to(account: Account, agent: User) -> None:
    contact = factories.make_contact(account, "+13125550111")
    starts = clock.now() + timedelta(days=1)
    wish = Wish("Tune-up", starts_at=starts, ends_at=starts + timedelta(hours=2))
    booking = own_bookings.ask(contact, wish, by=agent, token="w", now=clock.now())
    job_creation.decide(booking, now=clock.now())
    booking.refresh_from_db()
    assert (booking.way, booking.starts_at) == (Booking.Way.REQUEST, starts)


def test_the_question_stands_at_once_and_its_windows_follow(
    account: Account, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_weekdays(account)
    contact = factories.make_contact(account, "+13125550111", name="Ann Doe")
    question, part = (
        reverse(f"campaigns:{name}", args=[contact.pk]) for name in ("book_for", "book_windows")
    )
    asked = []
    real = visit_slots.free
    monkeypatch.setattr(visit_slots, "free", lambda *a, **k: asked.append(a) or real(*a, **k))
    shown = client.get(question, headers={"HX-Request": "true"}).content.decode()
    assert asked == [] and "Asking ServiceTitan" in shown and part in shown
    assert "No time agreed" in shown, "a booking can be asked for without waiting"
    refused = client.post(question, {"summary": ""}, headers={"HX-Request": "true"})
    assert refused.status_code == 422 and asked == []
    windows = client.get(part, headers={"HX-Request": "true"}).content.decode()
    assert len(asked) == 1 and "your business hours: nobody has looked at the board" in windows


def test_a_source_that_hangs_is_named_and_may_be_asked_again(
    account: Account, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_weekdays(account)

    class Hanging:
        def capacity(self, *_: object, **__: object) -> list[object]:
            raise ProviderError("slow", permanent=False, accepted="unknown", code="timeout")

    monkeypatch.setattr(visit_slots.connections, "servicetitan", lambda _: Hanging())
    contact = factories.make_contact(account, "+13125550111", name="Ann Doe")
    part = reverse("campaigns:book_windows", args=[contact.pk])
    shown = client.get(part, headers={"HX-Request": "true"}).content.decode()
    assert "ServiceTitan did not answer within three seconds" in shown and "Ask ServiceTitan again" in shown


def test_a_window_that_is_gone_is_not_chosen_any_more(account: Account) -> None:
    now = clock.now()
    free, gone = ((now + timedelta(days=n), now + timedelta(days=n, hours=2)) for n in (1, 2))
    chosen = "/".join(at.isoformat() for at in gone)
    looked = OwnBookingForm(
        account=account, slots=visit_slots.Slots([free]), now=now, initial={"slot": chosen}
    )
    assert looked.taken and chosen not in dict(looked.fields["slot"].choices)
    assert looked["slot"].value() == ""
    unasked = OwnBookingForm(
        account=account,
        slots=visit_slots.Slots([free], "Nobody was asked"),
        now=now,
        initial={"slot": chosen},
    )
    assert not unasked.taken and chosen in dict(unasked.fields["slot"].choices)


@pytest.mark.parametrize("said", [True, False])
def test_a_job_made_at_once_takes_no_outcome_from_its_call(
    account: Account, agent: User, client: Client, said: bool
) -> None:
    """ServiceTitan may make the job before the half minute of undo is over: the passage ends with it."""
    made = world.build(account=account)
    contact = factories.make_contact(account, "+13125550111", name="Ann Doe")
    step = made.step(made.enrol(contact), "first_text", "waiting")
    planned = factories.plan_call(contact, origin=f"step:{step.pk}", lane=made.campaign.lane)
    call_taking.take([planned.pk], by=agent, now=clock.now())
    now = clock.now()
    Call.objects.create(
        account=account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, by=agent, state="completed", accepted_at=now, answered_at=now, ended_at=now,
    )  # fmt: skip
    if said:
        planned.refresh_from_db()
        said_outcomes.say(planned, "booked", by=agent, now=now)
    passages.end([step.enrollment_id], reason="booked", now=now)
    planned.refresh_from_db()
    step.refresh_from_db()
    assert (planned.state, planned.outcome) == ("called", "booked" if said else "answered")
    assert planned.outcome_by == agent and planned.calls.get().outcome == planned.outcome
    assert step.state == "completed"
    step.enrollment.refresh_from_db()
    assert step.enrollment.state == "ended"
