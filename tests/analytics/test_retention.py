"""Old passages go without a figure changing, and what proves something stays."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from accounts.models import AuditEntry, Role
from analytics import counters, list_counts, metrics, retention, rows
from analytics.models import ClearedReturn, Clearing, CounterBaseline, JobCredit
from analytics.recount import recount
from analytics.sending import figures, series
from analytics.sending import rows as sending_rows
from analytics.sending.selection import Selection
from analytics.tasks import clear_old
from audiences import suppression
from campaigns.models import Campaign, Enrollment, Step
from common import clock, sql
from conversations.models import Attempt, Message, ReadingCorrection, Thread
from tests.accounts.making import make_member, signed_in
from tests.analytics.test_concurrency import in_threads
from tests.analytics.world import NOON, World, build, later
from tests.product import wait_for

DAYS = 200
NOW = datetime(2027, 5, 5, 8, tzinfo=UTC)  # a year later, three at night in Chicago
OLD = NOON + timedelta(days=2)
WHOLE = NOON.replace(second=0)
DAY = timedelta(days=1, minutes=-7)


@pytest.fixture
def world(settings: Any) -> World:
    settings.RETENTION_DAYS = DAYS
    return build()


def passage(world: World, state: str = "delivered", *, at: datetime = NOON, **fields: Any) -> Enrollment:
    """Somebody who got one text, waits no longer, and has ended."""
    enrollment = world.enrol(at=at)
    step = world.step(enrollment, "first_text", "completed", at)
    text = world.text(step, state, at, accepted=state not in ("failed", "cancelled", "queued"))
    Attempt.objects.create(message=text, state="accepted", started_at=at)
    Step.objects.filter(pk=step.pk).update(message=text)
    Message.objects.filter(pk=text.pk).update(**fields)
    world.step(enrollment, "reply", "skipped", at + timedelta(minutes=90))
    end(enrollment, at + timedelta(hours=3))
    return enrollment


def end(enrollment: Enrollment, at: datetime) -> None:
    Enrollment.objects.filter(pk=enrollment.pk).update(state="ended", ended_at=at, ended_reason="finished")


def complete(world: World, at: datetime = OLD) -> Campaign:
    Campaign.objects.filter(pk=world.campaign.pk).update(status="completed", completed_at=at)
    world.campaign.refresh_from_db()
    return world.campaign


def clear(campaign: Campaign, size: int = 3) -> None:
    while retention.clear_slice(campaign, now=NOW, size=size):
        pass


def text_of(enrollment: Enrollment) -> Message:
    return Message.objects.get(step__enrollment=enrollment)


@pytest.mark.django_db
def test_figures_stay_while_rows_go(world: World) -> None:
    people = [
        passage(world, state, at=later(7 * n)) for n, state in enumerate(["delivered"] * 5 + ["failed"] * 2)
    ]
    Message.objects.filter(pk=text_of(people[1]).pk).update(replied_at=later(30))
    while counters.squash():
        pass
    world.exclude()
    campaign = complete(world)
    before = counters.totals([campaign.pk])
    minutes = counters.between([campaign.pk], WHOLE, WHOLE + timedelta(minutes=14))
    hours = counters.between([campaign.pk], WHOLE - DAY, WHOLE + DAY)
    tiles, rate = metrics.tiles(world.account, NOW), metrics.booking_rate(campaign, "first_text")
    assert before[campaign.pk, "first_text", "accepted"] == 5 and rate.whole == 5
    clear(campaign)
    assert Enrollment.objects.count() == Step.objects.count() == Message.objects.count() == 0
    assert Attempt.objects.count() == 0
    assert CounterBaseline.objects.filter(column="mark").count() == 0
    for squashed in (False, True):
        assert counters.totals([campaign.pk]) == before
        assert counters.between([campaign.pk], WHOLE, WHOLE + timedelta(minutes=14)) == minutes
        assert counters.between([campaign.pk], WHOLE - DAY, WHOLE + DAY) == hours
        assert metrics.tiles(world.account, NOW) == tiles
        assert metrics.booking_rate(campaign, "first_text") == rate
        assert recount().differences == []
        while not squashed and counters.squash():
            pass
    entry = AuditEntry.objects.get(verb="cleared_passages")
    assert "7 passages" in entry.summary and entry.by is None
    clear(campaign)  # at once again: nothing is told twice
    assert AuditEntry.objects.filter(verb="cleared_passages").count() == 1


@pytest.mark.django_db
def test_lists_know_how_many_rows_are_left(world: World) -> None:
    for n, state in enumerate(["delivered", "delivered", "failed", "delivered"]):
        who = passage(world, state, at=later(7 * n))
    wrote_lately(world, who)
    campaign = complete(world)
    clear(campaign)
    assert Enrollment.objects.count() == 1
    for column in ("entries", "exits", "exits:finished", "audience", "accepted", "delivered", "completed"):
        left = rows.behind(campaign, None, column).count()
        assert list_counts.of_campaign(campaign, None, column) == left == 1, column
    chosen = Selection(since=WHOLE, until=WHOLE + timedelta(days=1))
    early = Selection(since=WHOLE, until=WHOLE + timedelta(minutes=20))
    for selection, left in ((Selection(), 1), (chosen, 1), (early, 0)):
        for figure in ("entries", "entries_unique", "text:planned", "text:sent", "text:delivered"):
            assert figures.count(world.account, selection, figure) == left, (selection, figure)
            assert sending_rows.behind(world.account, selection, figure).count() == left


@pytest.mark.django_db
def test_distinct_contacts_of_a_range_stay_when_passages_go(world: World) -> None:
    """Somebody who came three times counts once in a range that holds two of them, and once in each alone."""
    for n in range(2):
        contact = world.add_contact()
        for times in range(3):
            at = later(n * 7 + times * 24 * 60)
            enrollment = world.enrol(contact, at=at)
            Enrollment.objects.filter(pk=enrollment.pk).update(
                returning=times > 0, state="ended", ended_at=at + timedelta(hours=3), ended_reason="finished"
            )
    stays = passage(world, at=later(3 * 24 * 60))
    wrote_lately(world, stays)
    campaign = complete(world, OLD + timedelta(days=2))
    ranges = [
        Selection(),
        *(Selection(since=WHOLE + timedelta(hours=since), until=WHOLE + timedelta(hours=until))
          for since, until in ((0, 1), (0, 25), (1, 25), (24, 49), (0, 100), (3, 4), (3, 28), (26, 200))),
    ]  # fmt: skip

    def shown() -> list[figures.Moves]:
        return [figures.of(world.account, each, series.grouping("", each.since, each.until)).moves
                for each in ranges]  # fmt: skip

    before = shown()
    assert [(moves.entries, moves.entries_unique) for moves in before[:4]] == [(7, 3), (2, 2), (4, 2), (2, 2)]
    clear(campaign)
    assert Enrollment.objects.count() == 1 and ClearedReturn.objects.count() == 4
    assert shown() == before
    for selection in ranges:
        for figure in ("entries", "entries_unique", "exits", "exits_unique"):
            left = sending_rows.behind(world.account, selection, figure).count()
            assert figures.count(world.account, selection, figure) == left, (selection, figure)
    assert recount().differences == []


def opted_out(world: World, who: Enrollment) -> None:
    suppression.opt_out(who.address, channel="phone", source="agent", now=NOON, evidence="no more")


def opted_out_elsewhere(world: World, who: Enrollment) -> None:
    other = world.enrol().address
    suppression.opt_out(other, channel="phone", source="agent", now=NOON, contact=who.contact)
    Enrollment.objects.filter(address=other).delete()


def credited(world: World, who: Enrollment) -> None:
    booking = world.book(who.step_set.first())
    job = world.job(booking, at=later(60))
    JobCredit.objects.create(
        account=world.account, job=job, campaign=world.campaign, node=world.nodes["first_text"],
        enrollment=who, link="booking",
    )  # fmt: skip
    booking.delete()


def booked(world: World, who: Enrollment) -> None:
    world.book(who.step_set.first())


def wrote_lately(world: World, who: Enrollment) -> None:
    Thread.objects.create(
        account=world.account, contact=who.contact, address=who.address, number=world.number,
        last_message_at=NOW - timedelta(days=DAYS - 1),
    )  # fmt: skip


def answered_by_stop(world: World, who: Enrollment) -> None:
    Message.objects.filter(pk=text_of(who).pk).update(opted_out_at=later(5))


def corrected(world: World, who: Enrollment) -> None:
    answer = Message.objects.create(
        account=world.account, contact=who.contact, address=who.address, number=world.number,
        kind="inbound", state="received", body="no thanks", replies_to=text_of(who),
    )  # fmt: skip
    ReadingCorrection.objects.create(message=answer, was="question", now="optout", by=None)


def unknown(world: World, who: Enrollment) -> None:
    Message.objects.filter(pk=text_of(who).pk).update(state="unknown")


def running(world: World, who: Enrollment) -> None:
    Enrollment.objects.filter(pk=who.pk).update(state="active", ended_at=None, ended_reason="")


def ended_lately(world: World, who: Enrollment) -> None:
    end(who, NOW - timedelta(days=DAYS - 1))


def entered_again(world: World, who: Enrollment) -> None:
    again = world.enrol(who.contact)
    ended_lately(world, again)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "proof",
    [opted_out, opted_out_elsewhere, credited, booked, wrote_lately, answered_by_stop, corrected, unknown,
     running, ended_lately, entered_again],
)  # fmt: skip
def test_what_proves_something_stays_whole(world: World, proof: Callable[[World, Enrollment], None]) -> None:
    kept, gone = passage(world), passage(world)
    proof(world, kept)
    clear(complete(world))
    assert not Enrollment.objects.filter(pk=gone.pk).exists()
    assert Enrollment.objects.filter(pk=kept.pk).exists()
    assert kept.step_set.count() == 2 and Attempt.objects.filter(message=text_of(kept)).exists()
    assert recount().differences == []


@pytest.mark.django_db
def test_an_old_answer_stays_and_forgets_what_it_answered(world: World) -> None:
    who = passage(world)
    thread = Thread.objects.create(
        account=world.account, contact=who.contact, address=who.address, number=world.number,
        last_message_at=later(9),
    )  # fmt: skip
    answer = Message.objects.create(
        account=world.account, contact=who.contact, address=who.address, number=world.number,
        kind="inbound", state="received", body="Friday?", replies_to=text_of(who),
    )  # fmt: skip
    clear(complete(world))
    answer.refresh_from_db()
    assert answer.replies_to is None and Thread.objects.filter(pk=thread.pk).exists()
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_only_at_night_only_old_only_where_asked(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage(world)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert clear_old() == 0  # it runs
    campaign = complete(world, NOW - timedelta(days=DAYS - 1))
    assert clear_old() == 0  # ended lately
    complete(world)
    settings.RETENTION_DAYS = 0
    assert clear_old() == 0
    settings.RETENTION_DAYS = DAYS
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=9))
    assert clear_old() == 0  # noon
    assert Enrollment.objects.count() == 1
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert clear_old() == 1 and Enrollment.objects.count() == 0
    assert retention.next_campaign(NOW) is None
    assert retention.next_campaign(NOW + retention.AGAIN + timedelta(minutes=1)) == campaign


@pytest.mark.django_db
def test_no_touch_that_may_still_win_a_job_goes(world: World, settings: Any) -> None:
    settings.RETENTION_DAYS = 1
    Campaign.objects.filter(pk=world.campaign.pk).update(credit_window_days=300)
    passage(world)
    campaign = complete(world)
    assert retention.next_campaign(NOON + timedelta(days=380)) is None
    clear(campaign)
    assert Enrollment.objects.count() == 1  # three hundred and ninety days have not passed


@pytest.mark.django_db
def test_the_lists_say_what_is_gone(world: World) -> None:
    passage(world)
    clear(complete(world))
    client = signed_in(make_member(world.account, Role.CSR))
    url = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    assert "Details of what ended before" in client.get(url).content.decode()
    records = reverse("analytics:campaign", args=[world.campaign.pk]) + "?tab=records"
    assert "October 17, 2026" in client.get(records).content.decode()
    tile = client.get(reverse("analytics:tile_rows", args=["audience_count"])).content.decode()
    assert "the figures still count them" in tile
    other = build(account=world.account)
    url = reverse("analytics:campaign_rows", args=[other.campaign.pk])
    assert "Details of what ended before" not in client.get(url).content.decode()


@pytest.mark.django_db
def test_every_key_to_what_goes_is_minded() -> None:
    """Whoever adds a foreign key to one of these must say in `retention` what becomes of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND confrelid::regclass::text = any(%s)",
            [
                [
                    "campaigns_enrollment",
                    "campaigns_step",
                    "conversations_message",
                    "conversations_attempt",
                    "conversations_plannedcall",
                    "conversations_call",
                ]
            ],
        )
        assert set(cursor.fetchall()) == {
            ("analytics_creditcorrection", "conversations_call"),  # kept
            ("analytics_creditcorrection", "conversations_message"),  # kept
            ("analytics_jobcredit", "campaigns_enrollment"),  # kept
            ("analytics_jobcredit", "conversations_call"),  # kept
            ("analytics_jobcredit", "conversations_message"),  # kept
            ("analytics_jobstanding", "campaigns_enrollment"),  # kept
            ("analytics_jobstanding", "conversations_call"),  # kept with its enrollment
            ("analytics_jobstanding", "conversations_message"),  # kept with its enrollment
            ("campaigns_booking", "campaigns_enrollment"),  # kept
            ("campaigns_booking", "campaigns_step"),  # kept
            ("campaigns_enrollment", "conversations_message"),  # a reply, which stays
            ("campaigns_enrollmentsnapshot", "campaigns_enrollment"),
            ("campaigns_linkcode", "campaigns_step"),
            ("campaigns_removal", "campaigns_enrollment"),
            ("campaigns_step", "campaigns_enrollment"),
            ("campaigns_step", "conversations_message"),
            ("conversations_attempt", "conversations_message"),
            ("conversations_call", "conversations_plannedcall"),
            ("conversations_contacthold", "conversations_message"),
            ("conversations_message", "conversations_message"),
            ("conversations_messageprice", "conversations_message"),
            ("conversations_reading", "conversations_message"),  # of replies, which stay
            ("conversations_readingcorrection", "conversations_message"),  # kept
            ("conversations_receivedemail", "conversations_message"),  # of replies, which stay
            ("conversations_receivedmedia", "conversations_message"),  # of replies, which stay
            ("conversations_secondtry", "conversations_message"),
        }


@pytest.mark.django_db(transaction=True)
def test_figures_are_exact_among_writers_squash_and_readers(world: World) -> None:
    people = [passage(world, at=later(n)) for n in range(30)]
    lively = [passage(world) for _ in range(4)]
    for each in lively:
        wrote_lately(world, each)
    campaign = complete(world)
    total = counters.totals([campaign.pk])[campaign.pk, "first_text", "accepted"]
    done = threading.Event()
    seen: list[Any] = []

    def write() -> None:
        for turn in range(60):
            text = text_of(lively[turn % 4])
            state = ("delivered", "undelivered", "sent")[turn % 3].replace("undelivered", "failed")
            Message.objects.filter(pk=text.pk).update(state=state, state_at=later(turn))
            old = people[turn % 30].pk  # a callback that comes a year late
            Message.objects.filter(step__enrollment=old).update(state="failed", state_at=later(turn))

    def delete() -> None:
        clear(campaign, size=2)
        done.set()

    def read() -> None:
        while not done.is_set():
            counters.squash()
            seen.extend(recount().differences)
            assert counters.totals([campaign.pk])[campaign.pk, "first_text", "accepted"] == total

    in_threads(write, delete, read)
    assert seen == [] and recount().differences == []
    assert Enrollment.objects.count() == 4 and Clearing.objects.get().deleted == 30


@pytest.mark.django_db(transaction=True)
def test_what_others_count_meanwhile_is_not_taken_for_ours(world: World) -> None:
    lively, campaign = passage(world), world.campaign
    wrote_lately(world, lively)
    passage(world)
    complete(world)
    with psycopg.connect(**_dsn()) as holder:
        holder.execute("LOCK TABLE campaigns_enrollmentsnapshot IN EXCLUSIVE MODE")
        worker = threading.Thread(target=lambda: in_threads(lambda: clear(campaign)))
        worker.start()
        wait_for(_held_up, what="a slice in its middle")
        Message.objects.filter(pk=text_of(lively).pk).update(state="failed", state_at=later(70))
        holder.commit()
        worker.join()
    assert Enrollment.objects.get() == lively
    assert counters.totals([campaign.pk])[campaign.pk, "first_text", "text:failed"] == 1
    assert recount().differences == []


@pytest.mark.django_db(transaction=True)
def test_a_killed_slice_leaves_everything_as_it_was(world: World) -> None:
    people = [passage(world) for _ in range(4)]
    campaign = complete(world)
    before = counters.totals([campaign.pk])

    def delete() -> None:
        with pytest.raises(OperationalError):
            retention.clear_slice(campaign, now=NOW)

    with psycopg.connect(**_dsn()) as holder:  # of what goes near the end
        holder.execute("LOCK TABLE campaigns_enrollmentsnapshot IN EXCLUSIVE MODE")
        worker = threading.Thread(target=lambda: in_threads(delete))
        worker.start()
        wait_for(_held_up, what="a slice in its middle")
        (pid,) = _held_up()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        worker.join()
    assert Enrollment.objects.count() == len(people) and Clearing.objects.count() == 0
    assert Message.objects.count() == 4 and CounterBaseline.objects.count() == 0
    assert counters.totals([campaign.pk]) == before and recount().differences == []
    clear(campaign)
    assert Enrollment.objects.count() == 0
    assert counters.totals([campaign.pk]) == before and recount().differences == []


def _held_up() -> list[int]:
    """Backends that wait for the holder's lock, with all but the last deletions done."""
    return sql.column(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        " AND query LIKE 'DELETE FROM campaigns_enrollmentsnapshot%%'"
    )


def _dsn() -> dict[str, Any]:
    found = connection.settings_dict
    return {"host": found["HOST"], "port": found["PORT"], "user": found["USER"], "dbname": found["NAME"]}
