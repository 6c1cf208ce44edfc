"""The measurements in small: each proves that its baseline writes what the product writes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from analytics.recount import recount
from audiences.models import Contact, Invoice
from bench import events, pages
from bench.audience_count import audience_count
from bench.celery_contest import run_tasks
from bench.celery_tuned import app as tuned
from bench.churn import churn
from bench.contractor import LAUNCHED, WAITED, Contractor
from bench.email_events import email_events
from bench.emails import email_send
from bench.engine import compare, engine_vs_sql
from bench.exports import exports
from bench.fairness import fairness_small_wait
from bench.flatness import engine_flatness
from bench.import_rows import import_rows
from bench.launch import launch_vs_sql
from bench.page_ground import PageGround
from bench.sync_apply import sync_apply
from campaigns import engine, enrolling
from campaigns.models import Campaign, Step
from common import clock
from conversations.models import Message

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


def test_the_rule_and_sql_by_hand_count_the_same_people() -> None:
    found = audience_count(contacts=2_000, runs=3)
    assert (found.name, found.n, found.unit) == ("audience_count", 2_000, "ms")
    assert found.value > 0 and found.ratio > 0


def test_the_sync_applies_every_page_of_a_generated_company() -> None:
    found = sync_apply(customers=20)
    assert (found.name, found.n, found.unit) == ("sync_apply", 20 * 16 + 4 + 10, "records/s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    assert (Contact.objects.filter(last_job_at__isnull=False).count(), Invoice.objects.count()) == (20, 80)


def test_a_generated_file_of_contacts_is_taken_in_whole() -> None:
    found = import_rows(rows=40)
    assert (found.name, found.n, found.unit) == ("import_rows", 40, "rows/s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    assert Contact.objects.filter(household__key__startswith="a:").count() == 40


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


def test_emails_are_sent_to_a_sandbox_of_their_own() -> None:
    try:
        found = email_send(recipients=30, rounds=1)
    finally:
        clock.set_offset(timedelta(0))
    assert (found.name, found.n, found.unit) == ("email_send", 30, "recipients/s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    assert recount().differences == []


def test_news_of_emails_is_taken_in_and_applied() -> None:
    try:
        found = email_events(emails=60, naive=20, rounds=1)
    finally:
        clock.set_offset(timedelta(0))
    assert (found.name, found.n, found.unit) == ("email_events", 120, "events/s")
    assert found.ratio == pytest.approx(found.value / found.baseline_value)
    assert_counting()


@pytest.fixture
def eager() -> Iterator[None]:
    """Tasks run where they are published."""
    tuned.conf.task_always_eager = True
    yield
    tuned.conf.task_always_eager = False


@pytest.mark.usefixtures("eager")
def test_tasks_and_the_engine_write_the_same_rows() -> None:
    contractor = Contractor(40)
    ours, theirs = contractor.campaign(), contractor.campaign()
    for campaign in (ours, theirs):
        enrolling.enroll(campaign, now=LAUNCHED)
    run_tasks(theirs)
    while engine.run_round(now=WAITED):
        pass
    compare(ours, theirs, 100)
    assert recount().differences == []


def test_a_step_costs_the_same_beside_many_others() -> None:
    flat, cpu, wal = engine_flatness(small=40, large=200, contacts=40, rounds=1, people=150)
    assert (flat.name, flat.n) == ("engine_flatness", 200)
    assert Step.objects.filter(enrollment__contact__active=False, state="waiting").count() == 200
    assert (cpu.value, wal.baseline_value) == (flat.value, 4096)
    assert flat.ratio == pytest.approx(flat.value / flat.baseline_value)
    assert 100 < wal.value < 20_000
    assert recount().differences == []
    assert_counting()
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_trigger where tgenabled = 'D'")
        assert cursor.fetchone() == (0,)


def test_pages_are_visited_at_two_sizes(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    try:
        ground = PageGround(campaigns=4)
        found = pages.measurements((400, 800), (800, 1600), rounds=1, ground=ground, only="rows c")
        flat, read, visited = (next(found) for _ in range(3))
    finally:
        clock.set_offset(timedelta(0))
    assert (flat.name, read.name, visited.name) == ("dashboard_flatness", "dashboard_read", "page_flatness")
    assert 600 <= flat.n == Step.objects.count() <= 800 and Message.objects.count() == 1600
    assert visited.value > 0
    assert recount().differences == []
    assert_counting()


def test_a_day_of_churn_reaches_everybody_and_reports_on_each() -> None:
    try:
        found = churn(customers=20, seconds=0.1, minute=0.1)
    finally:
        clock.set_offset(timedelta(0))
    assert (found.name, found.n, found.ratio) == ("churn", 2 * 20 + 10 + 20, 1.0)


def test_a_download_and_bare_copy_read_the_same_rows() -> None:
    found = list(exports(rows=60, few=4, many=100, excel=20, rounds=1, people=30, apart=False))
    assert [each.name for each in found] == ["export_vs_copy", "export_flatness", "export_excel_flatness"]
    assert [each.n for each in found] == [60, 100, 20]
    assert found[0].ratio == pytest.approx(found[0].value / found[0].baseline_value)
