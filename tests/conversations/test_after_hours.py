"""One text a night to whoever waits for a person: not by day, not twice, not to who asked us to stop."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from audiences import account_hours, suppression
from audiences.models import AccountHours, ClosedDay
from conversations import after_hours, claiming, inbound, opt_outs, threads
from conversations.models import Message, Thread
from integrations.messaging import InboundText
from tests import factories

CHICAGO = ZoneInfo("America/Chicago")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WORKDAYS = dict.fromkeys(range(5), (8 * 60, 17 * 60))


def chicago(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CHICAGO).astimezone(UTC)


MONDAY = chicago(2026, 11, 23, 12)
EVENING = chicago(2026, 11, 23, 22)


class Office:
    """An account with business hours and one customer who writes."""

    def __init__(self, opens: dict[int, tuple[int, int]] | None = WORKDAYS) -> None:
        self.account: Account = factories.make_account("Comfort Air")
        self.contact = factories.make_contact(self.account)
        self.address = factories.phone_of(self.contact)
        self.number = factories.make_number(self.account)
        self.agent = factories.make_user(self.account, "agent")
        if opens:
            account_hours.set_business_hours(self.account, opens, by=None, now=MONDAY)

    def hears(self, body: str, at: datetime = EVENING) -> list[Message]:
        """A text arrives; the after-hours answers there are then."""
        text = InboundText(
            provider_id=f"SM{uuid.uuid4().hex}", to=self.number.e164, from_=self.address.value, body=body
        )
        inbound.receive(text, account=self.account, now=at)
        return answers()

    def replies(self, at: datetime, body: str = "On it.") -> Message:
        return threads.reply(self.thread, body=body, by=self.agent, token=uuid.uuid4(), now=at)

    @property
    def thread(self) -> Thread:
        return Thread.objects.get()


def answers() -> list[Message]:
    return list(Message.objects.filter(origin__startswith=after_hours.ORIGIN).order_by("pk"))


def leaves(message: Message, at: datetime) -> bool:
    claims = claiming.claim([message.pk], now=at)
    message.refresh_from_db()
    return bool(claims)


@pytest.fixture
def office(db: None) -> Office:
    return Office()


def test_a_question_in_the_evening_is_answered_with_when_we_open(office):
    (text,) = office.hears("Do you have Friday?")
    assert text.body == (
        "Thanks for your message! Comfort Air is closed right now. We open Tuesday 8:00 AM and will get back "
        "to you then."
    )
    assert (text.kind, text.lane.kind, text.number) == ("automatic", "automatic", office.number)
    assert leaves(text, EVENING + MINUTE)  # ten at night: the customer has just written
    assert office.thread.needs_reply  # a person still answers


def test_nothing_is_answered_by_day_or_before_somebody_set_business_hours(office):
    assert office.hears("Do you have Friday?", MONDAY) == []
    account_hours.set_business_hours(office.account, {}, by=None, now=MONDAY)
    assert office.hears("Do you have Friday?") == []


def test_an_account_without_hours_answers_nobody_by_itself(db):
    assert Office(opens=None).hears("Do you have Friday?") == []


def test_switched_off(office):
    account_hours.set_answers(office.account, on=False, words="", by=None, now=MONDAY)
    assert office.hears("Do you have Friday?") == []


@pytest.mark.parametrize(
    "body", ["STOP", "Please stop texting me", "START", "thanks!", "You have the wrong number", "HELP"]
)
def test_opt_outs_courtesies_and_strangers_get_no_such_answer(office, body):
    assert office.hears(body) == []


def test_doubt_about_being_left_alone_is_for_a_person(office):
    assert {"optout"} <= after_hours._NEVER_TO
    office.hears("could you maybe stop sending these so often")
    read = Message.objects.get(kind="inbound").reading
    assert (answers() == []) == (read.label == "optout")


def test_two_texts_in_one_night_are_answered_once_and_the_next_night_again(office):
    office.hears("Do you have Friday?")
    office.hears("Or Saturday?", EVENING + HOUR)
    assert len(office.hears("Hello?", chicago(2026, 11, 24, 7, 59))) == 1
    assert len(office.hears("Hello?", chicago(2026, 11, 24, 8, 1))) == 1
    assert len(office.hears("Hello?", chicago(2026, 11, 24, 17))) == 2


def test_a_closed_day_is_part_of_the_night(office):
    account_hours.add_closed_days(office.account, {date(2026, 11, 24): "Inventory"}, by=None, now=MONDAY)
    (text,) = office.hears("Do you have Friday?")
    assert "Wednesday 8:00 AM" in text.body
    assert len(office.hears("Hello?", chicago(2026, 11, 24, 12))) == 1


def test_hours_changed_at_night_do_not_answer_twice(office):
    office.hears("Do you have Friday?")
    account_hours.set_business_hours(
        office.account, dict.fromkeys(range(5), (7 * 60, 17 * 60)), by=None, now=EVENING
    )
    assert len(office.hears("Hello?", EVENING + HOUR)) == 1


def test_a_colleague_who_answers_first_takes_its_place(office):
    (text,) = office.hears("Do you have Friday?")
    office.replies(EVENING + MINUTE)
    assert not leaves(text, EVENING + MINUTE)
    assert (text.state, text.code) == ("cancelled", after_hours.ANSWERED)
    assert len(office.hears("Great", EVENING + HOUR)) == 1


def test_nothing_speaks_between_a_colleague_who_is_at_it_and_the_customer(office):
    office.hears("Do you have Friday?", MONDAY)
    office.replies(EVENING - 10 * MINUTE)
    assert office.hears("And Saturday?") == []
    assert len(office.hears("Hello?", EVENING + HOUR)) == 1


def test_closing_the_thread_takes_it_back(office):
    (text,) = office.hears("Do you have Friday?")
    threads.close(office.thread, by=office.agent, now=EVENING + MINUTE)
    assert not leaves(text, EVENING + MINUTE)


def test_a_stop_that_follows_takes_it_back(office):
    (text,) = office.hears("Do you have Friday?")
    office.hears("STOP", EVENING + MINUTE)
    assert not leaves(text, EVENING + 2 * MINUTE) and text.code == opt_outs.REASON


def test_it_is_not_sent_half_an_hour_later(office):
    (text,) = office.hears("Do you have Friday?")
    assert not leaves(text, EVENING + 31 * MINUTE) and text.state == "expired"


def test_caps_and_the_replys_own_hold_do_not_keep_it_back(office):
    for minutes in (1, 2, 3):
        at = EVENING - minutes * MINUTE
        Message.objects.create(
            account=office.account, contact=office.contact, address=office.address, number=office.number,
            body="Hi", kind="campaign", state="delivered", state_at=at, created_at=at, accepted_at=at,
        )  # fmt: skip
    (text,) = office.hears("Do you have Friday?")
    assert leaves(text, EVENING + MINUTE)


def test_words_of_ones_own_and_what_is_wrong_with_them(office):
    account_hours.set_answers(
        office.account, on=True, words="{{ company }}: {{ opens }}!", by=None, now=MONDAY
    )
    (text,) = office.hears("Do you have Friday?")
    assert text.body == "Comfort Air: Tuesday 8:00 AM!"
    assert after_hours.problems("{{ company }} {{ first_name }}") and after_hours.problems("{{ company")
    assert after_hours.problems(after_hours.WORDS) == after_hours.problems("  ") == []


def test_words_that_cannot_be_filled_any_more_leave_no_hole(office):
    AccountHours.objects.update(answer_words="{{ gone }}")
    (text,) = office.hears("Do you have Friday?")
    assert "Comfort Air is closed right now" in text.body


# --- one a night, whatever happens ---


def is_open(moment: datetime, closed: set[date]) -> bool:
    """The office's hours once more, plainly."""
    local = moment.astimezone(CHICAGO)
    return local.weekday() < 5 and 8 <= local.hour < 17 and local.date() not in closed


def night_of(moment: datetime, closed: set[date]) -> datetime:
    """Names a night by when it ends, found by walking."""
    while not is_open(moment, closed):
        moment = moment.replace(minute=0, second=0) + HOUR
    return moment


acts = st.sampled_from(["asks", "asks", "asks", "thanks", "stops", "starts", "agent", "closes", "sender"])
waits = st.sampled_from([MINUTE, 5 * MINUTE, 29 * MINUTE, 31 * MINUTE, 3 * HOUR, 9 * HOUR, 26 * HOUR])
WORDS: dict[str, str] = {
    "asks": "Do you have Friday?",
    "thanks": "thanks!",
    "stops": "STOP",
    "starts": "START",
}


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(acts, waits), min_size=3, max_size=14), st.integers(0, 24 * 7 * 4))
def test_at_most_one_answer_a_night_in_any_story(story: list[tuple[str, timedelta]], quarter: int) -> None:
    try:
        with transaction.atomic():
            tell(story, chicago(2026, 10, 29, 0) + 15 * MINUTE * quarter)  # over the change of the clocks
            raise Told
    except Told:
        pass


class Told(Exception):
    """Rolls a story back."""


def tell(story: list[tuple[str, timedelta]], now: datetime) -> None:
    office = Office()
    closed = {date(2026, 11, 3)}
    ClosedDay.objects.create(account=office.account, day=date(2026, 11, 3), name="Election day")
    nights: Counter[datetime] = Counter()
    wrote: datetime | None = None
    for act, wait in story:
        now += wait
        before = len(answers())
        if act in WORDS:
            office.hears(WORDS[act], now)
            wrote = now if act == "asks" else wrote
        elif act == "agent" and Thread.objects.filter(state="open").exists():
            office.replies(now)
        elif act == "closes" and Thread.objects.exists():
            threads.close(office.thread, by=office.agent, now=now)
        elif act == "sender":
            send_all(office, now, wrote)
        made = answers()[before:]
        if made:
            assert act == "asks" and len(made) == 1 and not is_open(now, closed)
            assert not suppression.in_force([office.address.pk])
            nights[night_of(now, closed)] += 1
    assert all(count == 1 for count in nights.values())


def send_all(office: Office, now: datetime, wrote: datetime | None) -> None:
    """What leaves now was asked for within half an hour, by somebody who may be written to."""
    out = bool(suppression.in_force([office.address.pk]))
    for text in Message.objects.filter(origin__startswith=after_hours.ORIGIN, state="queued"):
        if leaves(text, now):
            assert not out and wrote is not None and now - wrote <= 30 * MINUTE
            by_hand: dict[str, Any] = {"kind": "agent", "created_at__gte": text.created_at}
            assert not Message.objects.filter(**by_hand).exists()
