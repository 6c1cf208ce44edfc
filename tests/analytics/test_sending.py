"""Assignments & Sending: ranges, groupings and statuses against plain Python over the raw rows."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.models import Account, BusinessUnit
from analytics import counters, recount
from analytics.downloads import sources
from analytics.metrics import sending
from analytics.sending import figures, periods, rows, series, source
from analytics.sending.selection import Selection, Unknown
from audiences.models import Contact
from campaigns.models import Campaign, Enrollment, Playbook
from conversations.models import Lane, Message
from integrations.models import SendingMailbox
from tests import factories
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")
STATES = (
    "queued", "calling", "unknown", "cancelled", "accepted", "sent", "delivered", "bounced", "blocked",
    "failed", "rejected", "expired",
)  # fmt: skip
SENT = ("accepted", "sent", "delivered", "bounced", "blocked")
# Around both changes of the clocks in Chicago, ends of months, and a year apart.
DAYS = [datetime(2026, 3, 7), datetime(2026, 3, 8), datetime(2026, 10, 31), datetime(2026, 11, 1),
        datetime(2026, 11, 2), datetime(2025, 11, 20), datetime(2026, 7, 1)]  # fmt: skip


@pytest.fixture
def world() -> World:
    world = build()
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Chicago")
    world.account.refresh_from_db()
    return world


def local(text: str) -> datetime:
    """A minute in Chicago."""
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def span(first: str, last: str, **narrowed: int) -> Selection:
    """What somebody selects who types these two ends."""
    period = periods.between(first, last, CHICAGO)
    return Selection(since=period.start, until=period.end, **narrowed)


def page(world: World, selection: Selection, by: str = "") -> figures.Sending:
    grouping = series.grouping(by, selection.since, selection.until)
    return figures.of(world.account, selection, grouping)


def told(shown: figures.Sending) -> dict[str, int]:
    """Every figure of the whole selection by its name."""
    found = {name: getattr(shown.moves, name) for name in sending.ASSIGNMENT_METRICS}
    found |= {reason.figure: reason.n for reason in shown.reasons}
    for channel in shown.channels:
        every = (channel.planned, *channel.statuses, *channel.told)
        found |= {figure.metric.name: figure.n for figure in every}
    return found | {figure.metric.name: figure.n for figure in shown.agents or []}


def moment(random: Random) -> datetime:
    """Some second of one of the days, more often at the edges of hours."""
    start = random.choice(DAYS).replace(tzinfo=CHICAGO).astimezone(UTC)
    second = random.choice([0, 1, 59, random.randrange(60)])
    minute = random.choice([0, 10, 59, random.randrange(60)])
    return start + timedelta(hours=random.randrange(30), minutes=minute, seconds=second)


def scatter(world: World, seed: int = 1, each: int = 60) -> None:
    """Two campaigns with messages in every state, returning contacts, exits, and replies by people."""
    random = Random(seed)
    world.add_campaign()
    mailbox = factories.make_mailbox(world.account)
    agents = Lane.objects.create(account=world.account, kind="agents", name="Agents")
    known: dict[int, list[Contact]] = {campaign.pk: [] for campaign in world.campaigns}
    for _ in range(each):
        campaign, at = random.choice(world.campaigns), moment(random)
        enrollment = _enrol(world, random, campaign, known[campaign.pk], at)
        text = world.text(world.step(enrollment), random.choice(STATES), at)
        _become(random, text, mailbox)
        if random.random() < 0.2:
            Message.objects.create(
                account=world.account, lane=agents, address=enrollment.address, number=world.number,
                contact=enrollment.contact, kind="agent", body="On our way", created_at=at, state_at=at,
                due_at=at, state=random.choice(["sent", "failed", "queued"]), origin=f"agent:{text.pk}",
            )  # fmt: skip
        if random.random() < 0.1:
            counters.squash(limit=random.randrange(1, 80))


def _enrol(
    world: World, random: Random, campaign: Campaign, known: list[Contact], at: datetime
) -> Enrollment:
    returning = bool(known) and random.random() < 0.4
    contact = random.choice(known) if returning else world.add_contact()
    if not returning:
        known.append(contact)
    mine = Enrollment.objects.filter(campaign=campaign, contact=contact)
    mine.filter(state="active").update(state="ended", ended_at=at, ended_reason="finished")
    enrollment = world.enrol(contact, campaign, at)
    changes = {"returning": returning}
    if random.random() < 0.7:
        ended = at + timedelta(minutes=random.randrange(90))
        changes |= {
            "state": "ended",
            "ended_at": ended,
            "ended_reason": random.choice(["finished", "opted_out"]),
        }
    Enrollment.objects.filter(pk=enrollment.pk).update(**changes)
    return enrollment


def _become(random: Random, text: Message, mailbox: SendingMailbox) -> None:
    """What a message of its state may have become, minutes later: an email, accepted, called spam."""
    changes: dict[str, object] = {"state_at": text.created_at + timedelta(minutes=random.randrange(200))}
    if text.state in SENT or (random.random() < 0.3 and text.state in ("failed", "rejected", "expired")):
        changes["accepted_at"] = text.created_at + timedelta(minutes=random.randrange(30))
    if random.random() < 0.5:
        changes |= {"number": None, "mailbox": mailbox, "subject": "Your tune-up"}
        if text.state == "delivered" and random.random() < 0.5:
            changes["spam_reported_at"] = text.created_at + timedelta(minutes=300)
    Message.objects.filter(pk=text.pk).update(**changes)


def of_rows(world: World, selection: Selection) -> dict[str, int]:
    """Every figure again, in plain Python, from all rows of the account one by one."""

    def inside(at: datetime | None) -> bool:
        return at is not None and (
            selection.since is None or selection.until is None or selection.since <= at < selection.until
        )

    found: Counter[str] = Counter()
    contacts: dict[str, set[tuple[int, int]]] = {"entries": set(), "exits": set()}
    for enrollment in Enrollment.objects.filter(campaign__account=world.account):
        key = (enrollment.campaign_id, enrollment.contact_id)
        for name, at in (("entries", enrollment.entered_at), ("exits", enrollment.ended_at)):
            if inside(at):
                found[name] += 1
                contacts[name].add(key)
        if inside(enrollment.ended_at):
            found[f"exits:{enrollment.ended_reason}"] += 1
    for message in Message.objects.filter(account=world.account):
        channel = "email" if message.mailbox_id else "text"
        if message.kind == "agent":
            for name in ("planned", status(message)):
                found[f"agent:{name}"] += inside(message.created_at)
            if message.state in ("delivered", "bounced"):
                found[f"agent:{message.state}"] += inside(message.created_at)
            continue
        if inside(status_at(message)):
            found[f"{channel}:planned"] += 1
            found[f"{channel}:{status(message)}"] += 1
        if message.state in ("delivered", "bounced", "blocked"):
            found[f"{channel}:{message.state}"] += inside(message.state_at)
        found[f"{channel}:spam"] += inside(message.spam_reported_at)
    found["entries_unique"], found["exits_unique"] = len(contacts["entries"]), len(contacts["exits"])
    return {name: n for name, n in found.items() if n}


def status(message: Message) -> str:
    """The one exclusive status."""
    if message.state in ("queued", "calling", "unknown"):
        return "pending"
    return "sent" if message.state in SENT else message.state


def status_at(message: Message) -> datetime:
    """When the message took it."""
    match status(message):
        case "pending":
            return message.created_at
        case "sent":
            return message.accepted_at or message.state_at
    return message.state_at


def nonzero(figures: dict[str, int]) -> dict[str, int]:
    return {name: n for name, n in figures.items() if n}


def minutes() -> st.SearchStrategy[str]:
    """A minute somebody types, near one of the days."""
    day = st.sampled_from(DAYS)
    offset = st.integers(0, 40 * 60) | st.sampled_from([0, 60, 90, 119, 120, 180, 24 * 60 - 1, 24 * 60])
    return st.builds(lambda d, m: f"{d + timedelta(minutes=m):%Y-%m-%dT%H:%M}", day, offset)


def test_ranges_and_groups_agree_with_plain_python_over_raw_rows(world: World) -> None:
    scatter(world)

    @settings(max_examples=60)
    @given(first=minutes(), last=minutes(), by=st.sampled_from(["hour", "day", "week"]))
    @example(first="2026-11-01T01:30", last="2026-11-01T01:30", by="hour")
    @example(first="2026-03-08T00:00", last="2026-03-08T23:59", by="hour")
    @example(first="2025-11-20T00:00", last="2026-12-31T23:59", by="week")
    @example(first="2026-10-31T00:00", last="2026-11-02T23:59", by="hour")
    def check(first: str, last: str, by: str) -> None:
        try:
            selection = span(min(first, last), max(first, last))
        except periods.Refused:
            return
        shown = page(world, selection, by)
        assert nonzero(told(shown)) == of_rows(world, selection)
        assert shown.series.buckets[0].since == selection.since
        assert shown.series.buckets[-1].until == selection.until
        for before, after in zip(shown.series.buckets, shown.series.buckets[1:], strict=False):
            assert before.until == after.since
        for bucket in shown.series.busy:
            raw = of_rows(world, Selection(since=bucket.since, until=bucket.until))
            assert bucket.counts == {name: raw.get(name, 0) for name in bucket.counts}, bucket
        assert {n: sum(b.counts[n] for b in shown.series.buckets) for n in ("entries", "text:planned")} == {
            n: told(shown)[n] for n in ("entries", "text:planned")
        }

    check()


def test_an_event_at_3_15_is_not_in_3_00_to_3_10_and_one_at_3_10_59_is(world: World) -> None:
    for at in ("2026-11-20T02:59:59", "2026-11-20T03:00", "2026-11-20T03:10:59", "2026-11-20T03:15"):
        world.touch(at=local(at))
    chosen = span("2026-11-20T03:00", "2026-11-20T03:10")
    assert chosen.until == local("2026-11-20T03:11")
    assert told(page(world, chosen))["text:sent"] == 2
    assert told(page(world, span("2026-11-20T03:15", "2026-11-20T03:15")))["text:sent"] == 1
    while counters.squash():
        pass
    assert told(page(world, chosen))["text:sent"] == told(page(world, chosen))["entries"] == 2
    listed = rows.behind(world.account, chosen, "text:sent")
    assert sorted(f"{row.accepted_at.astimezone(CHICAGO):%H:%M:%S}" for row in listed) == [
        "03:00:00",
        "03:10:59",
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_identities_and_every_figure_opens_exactly_its_rows(world: World, seed: int) -> None:
    scatter(world, seed)
    playbook = Playbook.objects.create(account=world.account, name="Fall")
    Campaign.objects.filter(pk=world.campaigns[0].pk).update(playbook=playbook)
    for selection in (
        Selection(),
        Selection(campaign=world.campaigns[1].pk),
        Selection(playbook=playbook.pk),
        span("2026-11-01T00:00", "2026-11-01T23:59"),
        span("2026-03-08T00:30", "2026-11-01T01:10"),
    ):
        shown = page(world, selection)
        for name, n in told(shown).items():
            assert rows.behind(world.account, selection, name).count() == n, (name, selection)
            assert figures.count(world.account, selection, name) in (n, None), (name, selection)
        for channel in shown.channels:
            assert channel.planned.n == sum(figure.n for figure in channel.statuses)
        assert shown.moves.exits == sum(reason.n for reason in shown.reasons)
        for row in shown.campaigns:
            one = Selection(campaign=row.pk, since=selection.since, until=selection.until)
            for name in sending.ASSIGNMENT_METRICS:
                assert rows.behind(world.account, one, name).count() == getattr(row.moves, name)
    ever = page(world, Selection()).moves
    assert ever.entries - ever.exits == Enrollment.objects.filter(state="active").count() > 0
    assert told(page(world, Selection()))["text:planned"] > 20
    assert recount.recount().differences == []


def test_everything_ever_is_the_same_as_one_long_range(world: World) -> None:
    scatter(world, 3)
    long = span("2000-01-01T00:00", "2099-12-31T23:59")
    assert told(page(world, Selection())) == told(page(world, long)) != {}
    assert nonzero(told(page(world, long))) == of_rows(world, long)


def test_a_campaign_belongs_to_the_business_units_that_its_rules_ask_for(world: World) -> None:
    west, east = (
        BusinessUnit.objects.create(account=world.account, servicetitan_id=n, name=name)
        for n, name in ((1, "West"), (2, "East"))
    )
    short, tree, other = world.campaigns[0], world.add_campaign(), world.add_campaign()
    Campaign.objects.filter(pk=short.pk).update(targeting={"business_units": [west.pk]})
    rule = {"field": "job.unit", "is": "any_of", "value": [west.pk, east.pk]}
    nested = {"match": "all", "rules": [{"match": "any", "of": "job", "rules": [rule]}]}
    Campaign.objects.filter(pk=tree.pk).update(audience_rules=nested)
    but = {"match": "all", "rules": [rule | {"is": "none_of"}, {"match": "none", "rules": [rule]}]}
    Campaign.objects.filter(pk=other.pk).update(audience_rules=but)

    def chosen(unit: BusinessUnit) -> set[int]:
        return set(Selection(unit=unit.pk).campaigns(world.account).values_list("pk", flat=True))

    assert chosen(west) == {short.pk, tree.pk} and chosen(east) == {tree.pk}


def test_another_accounts_campaign_selects_nothing(world: World) -> None:
    other = build()
    other.touch()
    assert page(world, Selection(campaign=other.campaign.pk)).empty
    assert not rows.behind(world.account, Selection(campaign=other.campaign.pk), "entries").exists()


NO_SELECTIONS = [
    {"since": "2026-01-01T00:00Z"},
    {"campaign": "-1"},
    {"unit": "1e9"},
    {"since": "soon", "until": "2026-01-01T00:00Z"},
    {"since": "2026-01-01T00:00:30Z", "until": "2026-01-01T00:01Z"},
    {"since": "2026-01-01T00:00+00:00:30", "until": "2026-01-01T00:01Z"},
    {"since": "0001-01-01T00:00+14:00", "until": "2026-01-01T00:00Z"},
    {"since": "2026-01-01T00:00Z", "until": "9999-12-31T00:00Z"},
]


@pytest.mark.parametrize("wrong", NO_SELECTIONS)
def test_selections_that_mean_nothing_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Unknown):
        Selection.of(wrong)


@pytest.mark.parametrize("figure", ["", "text:", "text:planned_rate", "entries:x", "post:sent"])
def test_figures_that_do_not_exist_have_no_rows(world: World, figure: str) -> None:
    with pytest.raises(Unknown):
        rows.behind(world.account, Selection(), figure)


def test_files_have_the_rows_of_the_figure_and_say_of_what(world: World) -> None:
    scatter(world)
    wanted = span("2026-11-01T00:00", "2026-11-01T12:00", campaign=world.campaigns[0].pk)
    params = wanted.params() | {"figure": "text:planned"}
    assert Selection.of(params) == wanted
    made = sources.get(source.NAME)
    assert made.query(world.account, params).count() == told(page(world, wanted))["text:planned"]
    name = world.campaigns[0].name
    assert made.words(world.account, params) == f"Texts: planned, {name}, Nov 1, 2026, 12:00 am to 12:00 pm"
    for wrong in ({"figure": "text:planned", "campaign": "x"}, {"figure": "nothing"}, {}):
        with pytest.raises(sources.Unknown):
            made.query(world.account, wrong)
