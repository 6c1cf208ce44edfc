"""The gate against a plain model of its rules, in random worlds: shared phones and mailboxes, flags, wishes,
consents, do-not-call lists, caps, holds and hours. What entering a campaign says agrees with the gate."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, event, given, settings

from audiences import fitness, suppression
from audiences.suppression import Reach
from tests.audiences import people
from tests.audiences.gate_worlds import HOUR, WORLDS, ZONE, Person, Touch, World, build

pytestmark = pytest.mark.django_db


# --- the model -------------------------------------------------------------------------------------------


def opening(now: datetime) -> tuple[datetime, datetime]:
    """The opening that holds now, else the next: 9:00 to 19:00 in Denver, Monday to Saturday."""
    day = now.astimezone(ZONE).date()
    while True:
        opens = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
        closes = opens.replace(hour=19)
        if day.weekday() != 6 and closes > now:
            return opens, closes
        day += timedelta(days=1)


def listed(world: World, person: Person, phone: int) -> bool:
    for listing in world.lists:
        if not listing.ours or listing.state != "in force" or phone not in listing.phones:
            continue
        regular = person.last_job is not None and person.last_job >= timedelta(0)
        if listing.kind == "own" or not (regular or "texts" in world.phones[phone].consents):
            return True
    return False


def final_reason(world: World, touch: Touch) -> str:
    """What no waiting can help, or nothing."""
    person, phone, asks = world.people[touch.person], world.phones[touch.phone], touch.fields
    automated, text = asks["automated"], asks["medium"] == "text"
    free = asks["confirmation"] or asks["answer"]
    unasked = automated and not free and not (touch.wrote is not None and touch.wrote <= 24 * HOUR)
    if automated and not asks["answer"] and not person.active:
        return "inactive"
    if automated and not asks["answer"] and person.do_not_service:
        return "do_not_service"
    if touch.email:
        box = world.mailboxes[touch.phone]
        if automated and not free and touch.phone not in person.mailboxes:
            return "no_address"
        if unasked and person.do_not_mail:
            return "do_not_mail"
        return "unreachable" if box.unreachable else "opted_out" if box.opted_out else ""
    if (text and phone.line_type == "landline") or (
        automated and not free and touch.phone not in person.phones
    ):
        return "no_address"
    if automated and text and any(other.phones.get(touch.phone) for other in world.people):
        return "do_not_text"
    if phone.unreachable:
        return "unreachable"
    if phone.opted_out:
        return "opted_out"
    if unasked and listed(world, person, touch.phone):
        return "do_not_call"
    if unasked and text and world.limits and world.limits[2] and "texts" not in phone.consents:
        return "no_consent"
    if not text and asks["recorded_voice"] and "recorded_calls" not in phone.consents:
        return "no_consent"
    return ""


def expected(world: World) -> list[tuple[bool, str, datetime | None]]:
    """(allowed, reason, until) of every touch, in order."""
    day, week, _ = world.limits or (2, 6, False)
    opens, _ = opening(world.now)
    phones, mailboxes, homes = [0, 0, 0], [0, 0, 0], [0, 0]
    found: list[tuple[bool, str, datetime | None]] = []
    for touch in world.touches:
        asks, home = touch.fields, world.people[touch.person].home
        if reason := final_reason(world, touch):
            found.append((False, reason, None))
            continue
        recent = touch.wrote is not None and touch.wrote <= 24 * HOUR
        counted = asks["automated"] and not asks["confirmation"] and not recent
        waits = []
        free = asks["confirmation"] or asks["answer"] or not asks["automated"]
        if touch.held is not None and touch.held > timedelta(0) and not free:
            waits.append((world.now + touch.held, "hold"))
        if not touch.email and opens > world.now:
            waits += [] if touch.wrote is not None and touch.wrote <= HOUR / 2 else [(opens, "window")]
        told = mailboxes if touch.email else phones
        if counted and asks["address_touches_24h"] + told[touch.phone] >= 3:
            waits.append((world.now + 24 * HOUR, "mailbox_cap" if touch.email else "phone_cap"))
        full = asks["household_touches_24h"] + homes[home] >= day
        if counted and (full or asks["household_touches_7d"] + homes[home] >= week):
            waits.append((world.now + 24 * HOUR, "household_cap"))
        if waits and asks["automated"]:
            found.append((False, max(waits)[1], max(waits)[0]))
            continue
        found.append((True, "window" if waits else "", None))
        if counted:
            told[touch.phone] += 1
            homes[home] += 1
    return found


def entered(world: World, number: int) -> tuple[int | None, str]:
    """(phone, reason) at which somebody enters a campaign."""
    mine = world.people[number].phones
    able = [phone for phone in mine if world.phones[phone].line_type != "landline"]

    def flaws(phone: int) -> tuple[bool, bool]:
        return any(p.phones.get(phone) for p in world.people), world.phones[phone].unreachable

    chosen = min(able, key=flaws, default=None)
    if chosen is None:
        person = world.people[number]
        reasons = {"inactive": not person.active, "do_not_service": person.do_not_service}
        return None, next((reason for reason, holds in reasons.items() if holds), "no_address")
    text = {"automated": True, "medium": "text", "confirmation": False, "answer": False}
    return chosen, final_reason(world, Touch(number, chosen, text, None, None))


# --- both -----------------------------------------------------------------------------------------------


def reaches(world: World) -> list[Reach]:
    ids = world.ids
    return [
        Reach(
            key=key,
            account_id=ids["account"][0],
            contact_id=ids["people"][touch.person],
            address_id=ids["mailboxes" if touch.email else "phones"][touch.phone],
            household_id=ids["homes"][world.people[touch.person].home],
            zone_set_id=ids["zones"][0],
            window_id=None,
            answers_message_at=None if touch.wrote is None else world.now - touch.wrote,
            held_until=None if touch.held is None else world.now + touch.held,
            **touch.fields,
        )
        for key, touch in enumerate(world.touches)
    ]


def entries(world: World) -> list[tuple[int | None, str]]:
    phone_of = {pk: n for n, pk in enumerate(world.ids["phones"])} | {None: None}
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {fitness.MOMENT_SQL} SELECT a.id, {fitness.entry_reason_sql()} FROM audiences_contact c"
            f" LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE"
            " WHERE c.id = ANY(%s) ORDER BY c.id",
            [world.now, world.ids["people"]],
        )
        return [(phone_of[pk], reason) for pk, reason in cursor.fetchall()]


@settings(
    max_examples=120,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a world is small enough to read as it is
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=WORLDS)
def test_the_gate_and_the_entry_are_what_the_model_says(world: World, db: None) -> None:
    with transaction.atomic():
        build(world)
        verdicts = suppression.may_reach(reaches(world), now=world.now)
        entering = entries(world)
        transaction.set_rollback(True)
    found = [(v.allowed, v.reason, v.until) for _, v in sorted(verdicts.items())]
    for _, reason, _ in found:
        event(f"gate: {reason or 'allowed'}")
    assert found == expected(world)
    assert entering == [entered(world, number) for number in range(3)]


def test_a_thousand_reaches_take_as_many_queries_as_one(django_assert_max_num_queries: Any) -> None:
    account = people.account()
    ann, bob = people.contact(account), people.contact(account)
    phones = [people.phone(ann), people.phone(bob)]
    thousand = [
        people.reach(who, phone, medium=medium)
        for n in range(170)
        for who, phone in ((ann, phones[0]), (bob, phones[1]))
        for medium in ("text", "call", "email")
    ]
    suppression.may_reach(thousand[:2], now=people.NOON)
    with django_assert_max_num_queries(7):
        assert len(suppression.may_reach(thousand, now=people.NOON)) == 1020
