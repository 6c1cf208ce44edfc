"""Random worlds for the gate: people, phones and mailboxes, wishes, lists and touches, drawn and built."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

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
from tests.audiences import people

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
    do_not_mail: bool
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
            do_not_mail=SELDOM,
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
            do_not_mail=person.do_not_mail, last_job_at=job_at(world, person),
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
