"""The measurements in small: each proves that its baseline writes what the product writes."""

from datetime import timedelta

import pytest
from django.db import connection

from analytics.recount import recount
from bench import events
from bench.contractor import WAITED
from bench.engine import engine_vs_sql
from bench.fairness import fairness_small_wait
from bench.launch import launch_vs_sql
from campaigns.models import Campaign
from common import clock

pytestmark = pytest.mark.django_db(transaction=True)


def assert_counting() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_trigger where not tgisinternal and tgenabled = 'D'")
        assert cursor.fetchone() == (0,)


def test_the_engine_and_bare_sql_write_the_same_rows() -> None:
    found = engine_vs_sql(contacts=60, rounds=1)
    assert (found.name, found.n, found.unit) == ("engine_vs_sql", 150, "steps/s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    assert_counting()
    # The engine's campaign is counted right; the one that was written bare is not counted at all.
    engines = Campaign.objects.order_by("pk")[0]
    assert engines.pk not in {difference.campaign for difference in recount().differences}


def test_a_launch_and_bare_sql_write_the_same_rows() -> None:
    found = launch_vs_sql(contacts=60, rounds=1)
    assert (found.name, found.n, found.unit) == ("launch_vs_sql", 60, "contacts/s")
    with connection.cursor() as cursor:
        for what in (
            "campaigns_enrollment e",
            "campaigns_enrollment e join campaigns_enrollmentsnapshot s on s.enrollment_id = e.id",
            "campaigns_enrollment e join campaigns_step s on s.enrollment_id = e.id",
        ):
            cursor.execute(f"select count(*) from {what} group by e.campaign_id order by e.campaign_id")
            assert cursor.fetchall() == [(60,), (60,)], what
    assert_counting()


def test_a_small_campaign_is_timed_beside_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: WAITED)
    found = fairness_small_wait(small=4, large=200, pulses=1)
    assert (found.name, found.n, found.unit) == ("fairness_small_wait", 4, "s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    small, large = Campaign.objects.order_by("pk")[1:]
    assert (small.enrollments.count(), large.enrollments.count()) == (200, 4)
    for campaign in (small, large):
        assert not campaign.step_set.filter(node__key="pause", state="waiting").exists()


def test_callbacks_are_taken_in_and_applied_as_the_baselines_do_it() -> None:
    try:
        found = list(events.measurements(texts=30, callbacks=90, rounds=1))
    finally:
        clock.set_offset(timedelta(0))
    assert [each.name for each in found] == ["events_ingest", "events_vs_inline", "events_drain"]
    assert [each.n for each in found] == [90, 90, 60]
    assert_counting()
