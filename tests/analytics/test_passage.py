"""One record's passage, the funnel, the volume, the filters of records: each figure is its list's length."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from analytics import attribution, funnel, funnel_groups, metrics, passage, volume
from campaigns.models import Enrollment, EnrollmentSnapshot, Step
from conversations.models import Message, SendingPause
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build()


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.CSR))


def replied(world: World, step: Step, words: str = "Yes please") -> Message:
    """An answer to the text of this step, three minutes after it."""
    text = Message.objects.get(origin=f"step:{step.pk}")
    Message.objects.filter(pk=text.pk).update(replied_at=later(3))
    return Message.objects.create(
        account=world.account, contact_id=text.contact_id, address_id=text.address_id, number=world.number,
        kind="inbound", state="received", body=words, replies_to=text, state_at=later(3), created_at=later(3),
    )  # fmt: skip


def deliver(step: Step) -> None:
    Message.objects.filter(origin=f"step:{step.pk}").update(state="delivered", state_at=later(1))


def fill(world: World) -> None:
    """Seven contacts, two of them with two texts: one untouched, one undelivered, one silent, two who replied
    (one without a receipt), one of whom booked, one who booked without a word, one entered twice."""
    world.step(world.enrol())
    world.touch()
    deliver(world.touch())
    first = world.touch()
    deliver(first)
    replied(world, first)
    attribution.credit([world.job(world.book(first), at=later(30)).pk])
    replied(world, world.touch())
    silent = world.touch()
    attribution.credit([world.job(world.book(silent), at=later(40)).pk])
    again = world.touch()
    Enrollment.objects.filter(pk=again.enrollment_id).update(
        state="ended", ended_at=later(1), ended_reason="finished"
    )
    second = world.touch(again.enrollment.contact, at=later(90))
    Enrollment.objects.filter(pk=second.enrollment_id).update(returning=True)
    deliver(second)
    Step.objects.filter(pk=second.pk).update(message_id=Message.objects.get(origin=f"step:{second.pk}").pk)


def test_funnel_counts_each_contact_once(world: World) -> None:
    fill(world)
    found = funnel.of_campaign(world.campaign, 8, patient=False)
    assert [stage.part.n for stage in found.stages] == [7, 6, 3, 2, 2]
    lost = [stage.lost.n for stage in found.stages if stage.lost]
    assert lost == [1, 3, 2, 1]
    assert [stage.beside.n for stage in found.stages if stage.beside] == [1, 1]
    for before, stage in zip(found.stages, found.stages[1:], strict=False):
        assert stage.lost
        beside = stage.beside.n if stage.beside else 0
        assert before.part.n - stage.lost.n + beside == stage.part.n


def test_funnel_figures_open_their_rows(world: World, client: Client) -> None:
    fill(world)
    html = client.get(
        reverse("analytics:campaign", args=[world.campaign.pk]) + "?tab=funnel"
    ).content.decode()
    shown = {column: int(n) for column, n in re.findall(r'data-funnel="([\w:]+)" value="(\d+)"', html)}
    assert set(shown) == set(funnel_groups.GROUPS)
    for column, n in shown.items():
        page = client.get(reverse("analytics:campaign_rows", args=[world.campaign.pk]), {"column": column})
        assert f'data-rows value="{n}"' in page.content.decode(), column


def test_large_funnel_waits_for_the_second_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "AT_ONCE", 3)
    fill(world)
    with CaptureQueriesContext(connection) as queries:
        assert funnel.of_campaign(world.campaign, 8, patient=False).waiting
    assert len(queries) == 0
    assert funnel.of_campaign(world.campaign, 8, patient=True).stages
    assert funnel.of_campaign(world.campaign, 8, patient=False).stages


def test_an_instant_beyond_every_zone_narrows_nothing(world: World, client: Client) -> None:
    world.touch()
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    asked = {"column": "accepted", "since": "0001-01-01T00:00:00+00:00", "until": "9999-12-31T23:59:59-10:00"}
    assert '<data data-rows value="1">' in client.get(rows, asked).content.decode()


def test_volume_adds_up_and_opens_its_rows(world: World, client: Client) -> None:
    fill(world)
    far = world.touch(at=NOON + timedelta(hours=5))
    shown = volume.of_campaign(world.campaign)
    assert shown.unit == "hour" and len(shown.bars) == 6
    assert "calls" not in shown.columns
    world.called(at=NOON + timedelta(hours=1))
    shown = volume.of_campaign(world.campaign)
    assert shown.columns == tuple(volume.COLUMNS)
    for column in volume.COLUMNS:
        total = sum(n for bar in shown.bars for name, _, n in bar.figures if name == column)
        assert total == metrics.rows_behind(world.campaign, None, column).count() > 0
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    for bar in shown.busy:
        for column, _, n in bar.figures:
            asked = {"column": column, "since": bar.since.isoformat(), "until": bar.until.isoformat()}
            assert f'data-rows value="{n}"' in client.get(rows, asked).content.decode()
    Message.objects.filter(origin=f"step:{far.pk}").update(accepted_at=NOON + timedelta(days=9))
    days = volume.of_campaign(world.campaign)
    assert days.unit == "day" and len(days.bars) == 10
    assert [bar.since.astimezone(world.account.zone).hour for bar in days.bars] == [0] * 10
    assert (
        client.get(
            rows, {"column": "entered", "since": "2026-05-05T00:00Z", "until": "2026-05-06T00:00Z"}
        ).status_code
        == 404
    )


def records(client: Client, world: World, **asked: str) -> tuple[set[str], str]:
    """The names of the records found, and the page."""
    address = reverse("analytics:campaign", args=[world.campaign.pk])
    html = client.get(address, {"tab": "records", **asked}).content.decode()
    return set(re.findall(r'/records/\d+/">([^<]+)</a>', html)), html


def test_records_by_what_people_did(world: World, client: Client) -> None:
    fill(world)
    Step.objects.filter(pk__in=[]).update()
    for text in Message.objects.filter(origin__startswith="step:"):
        Step.objects.filter(pk=int(text.origin[5:])).update(message=text)  # type: ignore[index]
    found, html = records(client, world, replied="1")
    assert len(found) == 2 and re.search(r'data-found value="2"', html)
    assert len(records(client, world, booked="1")[0]) == 2
    assert len(records(client, world, replied="1", booked="1")[0]) == 1
    assert records(client, world, opted_out="1")[0] == set()
    found, _ = records(client, world, node="first_text")
    assert len(found) == 1
    assert records(client, world, node="first_text", replied="1")[0] == set()


def test_records_by_servicetitan_ids(world: World, client: Client) -> None:
    fill(world)
    enrollment = Enrollment.objects.filter(campaign=world.campaign).earliest("pk")
    world.enrol(world.add_contact(customer=7_654_321))
    assert len(records(client, world, q="7654321")[0]) == 1
    job = world.job(world.book(world.step(enrollment, "reply")), at=later(50), servicetitan_id=88_776_655)
    assert records(client, world, q=f"#{job.servicetitan_id}")[0] == {enrollment.contact.name}
    assert records(client, world, q="9" * 40)[0] == set()


def test_passage_tells_every_step(world: World, client: Client) -> None:
    step = world.touch()
    deliver(step)
    replied(world, step, "Tuesday is <b>fine")
    waiting = world.step(step.enrollment, "reply", "completed", later(3))
    Step.objects.filter(pk=waiting.pk).update(outcome="booking_yes")
    booking = world.step(step.enrollment, "booking", "waiting", later(4))
    world.book(booking)
    attribution.credit([world.job(world.book(step), at=later(30)).pk])
    EnrollmentSnapshot.objects.create(enrollment=step.enrollment, data={"job_ids": [4711]})
    address = reverse("analytics:campaign_record", args=[world.campaign.pk, step.enrollment_id])
    html = client.get(address).content.decode()
    assert [int(pk) for pk in re.findall(r'id="step-(\d+)"', html)] == [step.pk, waiting.pk, booking.pk]
    for told in (
        "Time for your tune-up?", "Tuesday is &lt;b&gt;fine", "Delivered", "4711", "is credited to this node",
        step.enrollment.contact.name,
    ):  # fmt: skip
        assert told in html
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    before = len(queries)
    for n in range(5):
        replied(world, world_text(world, step, n))
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    assert len(queries) <= before


def world_text(world: World, step: Step, n: int) -> Step:
    """Another text of the same passage."""
    made = Step.objects.create(
        campaign=world.campaign, enrollment=step.enrollment, node=world.nodes["second_text"],
        pass_number=n + 1,
        state="completed", state_at=later(60 + n), created_at=later(60 + n),
    )  # fmt: skip
    world.text(made, "delivered", later(60 + n), accepted=True)
    return made


def test_the_visit_that_won_a_job_is_credited_where_a_node_was_visited_twice(world: World) -> None:
    first = world.touch()
    second = Step.objects.create(
        campaign_id=first.campaign_id, enrollment=first.enrollment, node=first.node, state="completed",
        state_at=later(20), created_at=later(20), pass_number=2,
    )  # fmt: skip
    world.text(second, "accepted", later(20), accepted=True)
    attribution.credit([world.job(world.book(first), at=later(40)).pk])
    shown = passage.read(first.enrollment)
    assert [(stop.pk, len(stop.credits)) for stop in shown.stops] == [(first.pk, 0), (second.pk, 1)]


def test_passage_of_another_campaign_is_not_found(world: World, client: Client) -> None:
    step = world.touch(campaign=world.add_campaign())
    assert (
        client.get(
            reverse("analytics:campaign_record", args=[world.campaign.pk, step.enrollment_id])
        ).status_code
        == 404
    )


def test_timeline_tells_of_pauses_of_everything(world: World, client: Client) -> None:
    by = make_member(world.account, Role.ADMIN)
    SendingPause.objects.create(
        account=world.account, at=later(5), by=by, reason="Wrong price", lifted_at=later(9)
    )
    SendingPause.objects.create(
        account=world.account, at=later(-90), by=by, reason="Long ago", lifted_at=later(-60)
    )
    html = client.get(reverse("analytics:campaign", args=[world.campaign.pk]) + "?tab=log").content.decode()
    assert "All sending of the account was paused: Wrong price" in html and "All sending was resumed" in html
    assert "Long ago" not in html


def test_cells_say_how_many_contacts_where_somebody_was_twice(world: World, client: Client) -> None:
    fill(world)
    page = client.get(
        reverse("analytics:campaign_rows", args=[world.campaign.pk]),
        {"column": "entered", "node": "first_text"},
    ).content.decode()
    assert 'data-rows value="8"' in page and "7 different contacts." in page
