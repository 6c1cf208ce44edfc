"""The gate against a plain model of its rules, in random worlds: shared phones and mailboxes, flags, wishes,
consents, do-not-call lists, caps, holds and hours. What entering a campaign says agrees with the gate."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from audiences import fitness, suppression
from audiences.models import (
    Address,
    Consent,
    Contact,
    ContactAddress,
    DoNotCallEntry,
    DoNotCallList,
    Household,
    OptOut,
    ReachLimits,
    ZoneSet,
)
from audiences.suppression import Reach
from tests.audiences import people

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("America/Denver")
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Phone:
    line_type: str
    unreachable: bool
    opted_out: bool
    lifted: bool
    consents: set[str]
    ended: set[str]


@dataclass
class Mailbox:
    unreachable: bool
    opted_out: bool


@dataclass
class Person:
    active: bool
    do_not_service: bool
    home: int
    last_job: timedelta | None  # relative to the instant 18 months ago
    phones: dict[int, bool]  # phone → marked "do not text" here
    mailboxes: list[int]


@dataclass
class Listing:
    kind: str
    state: str
    ours: bool
    phones: set[int]


@dataclass
class Touch:
    person: int
    phone: int  # of a text or call; an email goes to the mailbox of this number
    fields: dict[str, Any]
    wrote: timedelta | None
    held: timedelta | None

    @property
    def email(self) -> bool:
        return bool(self.fields["medium"] == "email")


@dataclass
class World:
    now: datetime
    phones: list[Phone]
    people: list[Person]
    lists: list[Listing]
    limits: tuple[int, int, bool] | None
    touches: list[Touch]
    mailboxes: list[Mailbox]
    ids: dict[str, list[int]] = field(default_factory=dict)


PHONES = st.integers(0, 2)
KINDS = st.sets(st.sampled_from(["texts", "recorded_calls"]))
SELDOM = st.integers(0, 9).map(lambda n: n == 9)
COUNTS = st.sampled_from([0, 0, 0, 1, 2, 3, 6])


@st.composite
def touches(draw: st.DrawFn) -> Touch:
    fields = {
        "medium": draw(st.sampled_from(["text", "text", "call", "email"])),
        "automated": draw(st.sampled_from([True, True, True, False])),
        "confirmation": draw(SELDOM),
        "answer": draw(SELDOM),
        "recorded_voice": draw(SELDOM),
        "address_touches_24h": draw(COUNTS),
        "household_touches_24h": draw(COUNTS),
        "household_touches_7d": draw(COUNTS),
    }
    wrote = draw(st.sampled_from([None, None, None, 29, 30, 31, 23 * 60, 24 * 60, 24 * 60 + 1]))
    held = draw(st.sampled_from([None, None, None, -1, 0, 1, 200]))
    return Touch(
        draw(st.integers(0, 2)),
        draw(PHONES),
        fields,
        None if wrote is None else timedelta(minutes=wrote),
        None if held is None else held * HOUR,
    )


WORLDS = st.builds(
    World,
    now=st.integers(0, 20 * 24 * 12).map(lambda n: BEGIN + n * timedelta(minutes=5)),
    phones=st.lists(
        st.builds(
            Phone,
            line_type=st.sampled_from(["mobile", "unknown", "unknown", "voip", "landline"]),
            unreachable=SELDOM,
            opted_out=SELDOM,
            lifted=st.booleans(),
            consents=KINDS,
            ended=KINDS,
        ),
        min_size=3,
        max_size=3,
    ),
    people=st.lists(
        st.builds(
            Person,
            active=SELDOM.map(lambda seldom: not seldom),
            do_not_service=SELDOM,
            home=st.integers(0, 1),
            last_job=st.sampled_from([None, -HOUR, timedelta(0), HOUR, timedelta(days=200)]),
            phones=st.dictionaries(PHONES, SELDOM, min_size=2, max_size=3),
            mailboxes=st.lists(PHONES, min_size=1, max_size=3, unique=True),
        ),
        min_size=3,
        max_size=3,
    ),
    lists=st.lists(
        st.builds(
            Listing,
            kind=st.sampled_from(["own", "registry"]),
            state=st.sampled_from(["in force", "in force", "draft", "ended"]),
            ours=st.sampled_from([True, True, False]),
            phones=st.sets(PHONES, min_size=1),
        ),
        min_size=1,
        max_size=3,
    ),
    limits=st.none()
    | st.tuples(st.integers(1, 3), st.integers(3, 12), st.booleans()),
    touches=st.lists(touches(), min_size=3, max_size=7),
    mailboxes=st.lists(st.builds(Mailbox, SELDOM, SELDOM), min_size=3, max_size=3),
)  # fmt: skip


def eighteen_months_before(now: datetime) -> datetime:
    """The same day of the month, a year and a half ago; the worlds lie in days that every month has."""
    months = now.year * 12 + now.month - 1 - 18
    return now.replace(year=months // 12, month=months % 12 + 1)


def build(world: World) -> None:
    """The world as rows."""
    ours, other = people.account(), people.account("other")
    zones = ZoneSet.objects.create(key="model", zones=[ZONE.key], states=[])
    homes = [Household.objects.create(account=ours, key=f"home:{n}") for n in range(2)]
    addresses = [
        Address.objects.create(
            account=ours, channel="phone", value=value(n), line_type=phone.line_type,
            unreachable_since=BEGIN if phone.unreachable else None,
        )
        for n, phone in enumerate(world.phones)
    ]  # fmt: skip
    boxes = [
        Address.objects.create(
            account=ours, channel="email", value=f"box{n}@example.org",
            unreachable_since=BEGIN if box.unreachable else None,
        )
        for n, box in enumerate(world.mailboxes)
    ]  # fmt: skip
    for box, address in zip(world.mailboxes, boxes, strict=True):
        if box.opted_out:
            OptOut.objects.create(account=ours, address=address, channel="email", source="agent", at=BEGIN)
    contacts = []
    for n, person in enumerate(world.people):
        made = Contact.objects.create(
            account=ours, servicetitan_customer_id=n + 1, name=f"P{n}", household=homes[person.home],
            zone_set=zones, active=person.active, do_not_service=person.do_not_service,
            last_job_at=job_at(world, person),
        )  # fmt: skip
        contacts.append(made)
        for place, (phone, flagged) in enumerate(person.phones.items()):
            ContactAddress.objects.create(
                contact=made, address=addresses[phone], position=place, do_not_text=flagged
            )
        for place, box in enumerate(person.mailboxes):
            ContactAddress.objects.create(contact=made, address=boxes[box], position=place)
    for phone, address in zip(world.phones, addresses, strict=True):
        record_wishes(phone, address)
    for listing in world.lists:
        record_list(listing, ours if listing.ours else other)
    if world.limits:
        day, week, switch = world.limits
        ReachLimits.objects.create(
            account=ours, household_per_day=day, household_per_week=week, texts_need_consent=switch
        )
    world.ids = {
        "account": [ours.pk], "zones": [zones.pk], "homes": [home.pk for home in homes],
        "phones": [address.pk for address in addresses], "people": [contact.pk for contact in contacts],
        "mailboxes": [box.pk for box in boxes],
    }  # fmt: skip


def value(phone: int) -> str:
    return f"+1303555010{phone}"


def job_at(world: World, person: Person) -> datetime | None:
    return None if person.last_job is None else eighteen_months_before(world.now) + person.last_job


def record_wishes(phone: Phone, address: Address) -> None:
    for there, lifted in ((phone.opted_out, None), (phone.lifted, BEGIN)):
        if there:
            OptOut.objects.create(
                account_id=address.account_id, address=address, channel="phone", source="text", at=BEGIN,
                lifted_at=lifted,
            )  # fmt: skip
    for kinds, ended in ((phone.consents, None), (phone.ended, BEGIN)):
        for kind in kinds:
            Consent.objects.create(
                account_id=address.account_id, address=address, kind=kind, source="form", proof="Yes.",
                given_at=BEGIN, recorded_at=BEGIN, ended_at=ended, ended_why="withdrawn" if ended else "",
            )  # fmt: skip


def record_list(listing: Listing, account: Any) -> None:
    ended = listing.state == "ended"
    made = DoNotCallList.objects.create(
        account=account, kind=listing.kind, name="A list", obtained_on=BEGIN.date(), phones=1, read_at=BEGIN,
        confirmed_at=None if listing.state == "draft" else BEGIN,
        ended_at=BEGIN if ended else None, ended_why="removed" if ended else "",
    )  # fmt: skip
    DoNotCallEntry.objects.bulk_create(DoNotCallEntry(list=made, phone=value(n)) for n in listing.phones)


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
