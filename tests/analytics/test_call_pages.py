"""Calls on pages: campaign, record, sending, dashboard, thread and contact; and old ones that go."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from analytics import attention, counters, funnel, health, list_counts, metrics, passage, retention
from analytics.attention_item import Item
from analytics.recount import recount
from audiences import contact_timeline
from campaigns.models import Campaign, Enrollment
from common import clock
from conversations import timeline
from conversations.models import Call, PlannedCall, Thread
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = build()
    world.add_call_node()
    return world


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.ADMIN))


def cells(html: str, key: str) -> dict[str, str]:
    """The figures of one node in the node table."""
    return dict(re.findall(rf'data-node="{key}" data-column="(\w+)" value="(\d+)"', html))


def test_campaign_page_shows_calls_and_dashes(world: World, client: Client) -> None:
    world.called()
    world.called(outcome="voicemail")
    world.touch()
    html = client.get(reverse("analytics:campaign", args=[world.campaign.pk])).content.decode()
    found = cells(html, "call")
    assert {"called": "2", "calls": "2", "spoken": "1", "voicemail": "1"}.items() <= found.items()
    assert "accepted" not in found and "called" not in cells(html, "first_text")
    assert "50.0%" in html and "spoken to" in html
    for column in ("called", "calls", "spoken", "voicemail"):
        rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
        page = client.get(f"{rows}?node=call&column={column}").content.decode()
        assert f'<data data-rows value="{cells(html, "call")[column]}">' in page, column
    stages = funnel.of_campaign(world.campaign, 3, patient=True).stages
    assert {stage.part.column.removeprefix("funnel:"): stage.part.n for stage in stages} == {
        "audience": 3, "reached": 3, "delivered": 2, "replied": 1, "booked": 0,
    }  # fmt: skip


def test_without_call_nodes_there_is_no_group_of_calls(client: Client, world: World) -> None:
    other = build(account=world.account)
    html = client.get(reverse("analytics:campaign", args=[other.campaign.pk])).content.decode()
    assert "Answer rate" not in html and "Node table" in html


def test_nothing_called_shows_dashes(world: World, client: Client) -> None:
    html = client.get(reverse("analytics:campaign", args=[world.campaign.pk])).content.decode()
    row = html.partition('<tr id="node-call">')[2].partition("</tr>")[0]
    assert "—" in row and "0.0%" not in row


def test_a_record_tells_its_tries(world: World, client: Client) -> None:
    step = world.called(outcome="no_answer")
    world.tried(PlannedCall.objects.get(), later(240), outcome="answered", seconds=30, note="Call in June")
    (stop,) = passage.read(step.enrollment).stops
    assert stop.call is not None and [became for _, became, _ in stop.call.tries] == [
        "No answer, 1 min 5 s", "Answered, 30 s",
    ]  # fmt: skip
    page = client.get(reverse("analytics:campaign_record", args=[world.campaign.pk, step.enrollment_id]))
    assert page.status_code == 200 and "Call in June" in page.content.decode()


def test_sending_page_shows_calls_only_where_there_are_any(world: World, client: Client) -> None:
    page = reverse("analytics:sending") + "?preset=all"
    assert 'id="channel-call"' not in client.get(page).content.decode()
    world.called(at=clock.now() - timedelta(hours=1))
    html = client.get(page).content.decode()
    assert 'id="channel-call"' in html and 'id="series-calls"' in html
    assert re.search(r'data-metric="call:answered" value="1"', html)


def thread_of(step: Any, **values: Any) -> Thread:
    enrollment = step.enrollment
    return Thread.objects.create(
        account=enrollment.contact.account,
        contact=enrollment.contact,
        address=enrollment.address,
        number=enrollment.campaign.number,
        **values,
    )


def test_thread_and_contact_tell_calls(world: World, client: Client) -> None:
    step = world.called()
    thread = thread_of(step, needs_reply=True)
    agent = make_member(world.account, Role.AGENT)
    Call.objects.update(by=agent, note="Wants Friday")
    stamps = [list(rows) for rows in timeline.stamps(thread, 100)]
    Call.objects.create(
        account=world.account, number=world.number, address=thread.address, contact=thread.contact,
        direction="in", state="completed", created_at=later(30),
    )  # fmt: skip
    assert [list(rows) for rows in timeline.stamps(thread, 100)] != stamps, "an open page hears of it"
    told, missed = (e for e in timeline.of(thread, now=later(60)).entries if e.key.startswith("call-"))
    assert (told.who, told.body) == (str(agent), f"called for {world.campaign.lane}: answered, 1 min 5 s")
    assert "Wants Friday" in told.after and not told.trouble
    assert missed.trouble and missed.body == "called, and nobody took it"
    page = contact_timeline.page(thread.contact, "calls", "", may=lambda _: True)
    assert [moment.tone for moment in page.moments] == ["bad", ""]
    assert "answered" in page.moments[1].text and page.moments[1].link_text == "Open thread"
    assert client.get(reverse("conversations:thread", args=[thread.pk])).status_code == 200


def test_attention_tells_of_waiting_and_missed_calls(world: World) -> None:
    now = clock.now()

    def items() -> dict[str, Item]:
        return {item.key: item for item in attention.of(world.account, now, health.of(world.account, now))}

    planned = world.planned(world.step(world.enrol(), "call", "queued"), at=now - timedelta(minutes=59))
    assert not {"calls", "missed-calls"} & items().keys()
    PlannedCall.objects.filter(pk=planned.pk).update(due_at=now - timedelta(minutes=61))
    assert items()["calls"].title == "1 person waits to be called"
    PlannedCall.objects.filter(pk=planned.pk).update(mode="script")
    assert "calls" not in items()
    thread = thread_of(world.touch(), needs_reply=True)
    for minutes in (5, 9):
        Call.objects.create(
            account=world.account, number=world.number, address=thread.address, contact=thread.contact,
            direction="in", state="completed", created_at=now - timedelta(minutes=minutes),
        )  # fmt: skip
    found = items()["missed-calls"]
    assert found.title == "1 customer called and nobody took it" and found.since == now - timedelta(minutes=9)
    Thread.objects.update(needs_reply=False)
    assert "missed-calls" not in items()


def test_old_calls_go_and_their_figures_stay(world: World, settings: Any) -> None:
    settings.RETENTION_DAYS = 200
    kept = world.called()
    PlannedCall.objects.filter(origin=f"step:{kept.pk}").update(opted_out_at=later(3))
    for outcome in ("answered", "busy"):
        step = world.called(outcome=outcome)
        world.tried(PlannedCall.objects.get(origin=f"step:{step.pk}"), later(20))
    Enrollment.objects.update(state="ended", ended_at=later(60), ended_reason="finished")
    Campaign.objects.filter(pk=world.campaign.pk).update(status="completed", completed_at=NOON)
    world.campaign.refresh_from_db()
    before = metrics.node_rows(world.campaign, counters.totals([world.campaign.pk]))
    while retention.clear_slice(world.campaign, now=datetime(2027, 5, 5, 8, tzinfo=UTC)):
        pass
    assert PlannedCall.objects.count() == Call.objects.count() == 1, "what proves an opt-out stays"
    assert metrics.node_rows(world.campaign, counters.totals([world.campaign.pk])) == before
    assert recount().differences == []
    for name in ("called", "calls", "spoken"):
        n = metrics.rows_behind(world.campaign, "call", name).count()
        assert n == list_counts.of_campaign(world.campaign, "call", name) == 1, name
    assert metrics.booking_rate(world.campaign, "call").whole == 3


def test_attention_tells_before_abandoned_calls_pause_a_campaign(world: World) -> None:
    now = clock.now()
    for _ in range(40):
        world.called(at=now - timedelta(hours=2))
    Call.objects.update(answered_at=now - timedelta(hours=2))

    def items() -> set[str]:
        return {item.key for item in attention.of(world.account, now, health.of(world.account, now))}

    key = f"abandoned-{world.campaign.lane_id}"
    assert key not in items()
    Call.objects.filter(pk__in=Call.objects.values("pk")[:1]).update(abandoned_at=now - timedelta(hours=1))
    assert key in items(), "2.5% of 40"
    Call.objects.update(abandoned_at=now - timedelta(hours=1))
    assert key not in items(), "it rests, and that is told"


def test_calls_that_fail_count_once_though_they_had_been_accepted(world: World) -> None:
    """The provider takes a call to a number that does not exist, and says only then that it failed."""
    now = clock.now()
    for n in range(20):
        state, reason = ("failed", "failed:21214") if n < 19 else ("completed", "")
        step = world.step(world.enrol(at=now), "call", state, now)
        type(step).objects.filter(pk=step.pk).update(reason=reason)
        planned = world.planned(step, "failed" if n < 19 else "called", now)
        world.tried(planned, now, state="failed" if n < 19 else "completed")
    (shown,) = health.of(world.account, now).shown
    assert (shown.failed.part, shown.failed.whole) == (19, 20)
    found = {item.key: item for item in attention.of(world.account, now, health.of(world.account, now))}
    number = found[f"number-{world.number.pk}"]
    assert number.detail == "95.0% of the last day’s messages and calls failed: 19 of 20."


def test_the_dashboard_opens_those_who_talked_apart_from_those_who_replied(
    world: World, client: Client
) -> None:
    world.called()
    (shown,) = health.of(world.account, clock.now()).shown
    assert (shown.spoken_to.part, shown.spoken_to.whole, shown.replied.whole) == (1, 1, 0)
    rows = f"{reverse('analytics:campaign_rows', args=[world.campaign.pk])}?column=spoken"
    assert f'<a class="share__part" href="{rows}">1</a>' in client.get("/").content.decode()
    assert '<data data-rows value="1">' in client.get(rows).content.decode()


def test_who_waits_behind_others_for_an_agent_is_not_stuck(world: World) -> None:
    now = clock.now()
    ago = now - timedelta(hours=2)
    waits = world.step(world.enrol(at=ago), "call", "scheduled", ago)
    type(waits).objects.filter(pk=waits.pk).update(due_at=ago)
    assert health.stuck([world.campaign.pk], now)[world.campaign.pk].n == 1
    world.planned(world.step(world.enrol(at=ago), "call", "queued", ago), at=ago)
    assert health.stuck([world.campaign.pk], now) == {}
    text = world.step(world.enrol(at=ago), "first_text", "scheduled", ago)
    type(text).objects.filter(pk=text.pk).update(due_at=ago)
    assert health.stuck([world.campaign.pk], now)[world.campaign.pk].n == 1, "the text alone is stuck"


def test_volume_shows_calls_and_opens_them(world: World, client: Client) -> None:
    world.called(at=clock.now() - timedelta(hours=3))
    world.called(at=clock.now() - timedelta(hours=1))
    page = reverse("analytics:campaign", args=[world.campaign.pk])
    html = client.get(page, {"tab": "log"}).content.decode()
    assert "volume__calls" in html and "2 calls" in html and "Nothing has been sent yet" not in html
    links = re.findall(r'href="([^"]*column=calls[^"]*)"', html)
    assert len(links) == 3, "in all, and each hour"
    assert [re.search(r'data-rows value="(\d+)"', client.get(unescape(link)).content.decode())[1]  # type: ignore[index]
            for link in links] == ["2", "1", "1"]  # fmt: skip
