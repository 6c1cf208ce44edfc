"""The sync ends in the same place however often it is killed, repeated or overtaken."""

import random
from datetime import UTC, datetime

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from audiences import servicetitan_sync, sync_stops
from audiences.models import (
    Appointment,
    AppointmentAssignment,
    Contact,
    Job,
    RecurringVisit,
    SyncCursor,
)
from audiences.servicetitan_sync import sync
from audiences.signals import jobs_changed
from integrations.servicetitan import errors
from integrations.servicetitan.client import Page
from tests.audiences import people, source
from tests.audiences.people import NOON
from tests.audiences.source import Tenant
from tests.factories import make_user

pytestmark = pytest.mark.django_db

# Everything of an account by natural keys: two accounts with the same picture hold the same.
PICTURE = """
    SELECT c.servicetitan_customer_id, c.name, c.first_name, c.last_name, c.kind, c.active, c.do_not_service,
           c.street, c.city, c.state, c.zip, c.last_job_at, h.key, z.key,
           (SELECT string_agg(concat_ws(' ', a.value, a.line_type, ca.position, ca.do_not_text), ', '
                              ORDER BY ca.position)
              FROM audiences_contactaddress ca JOIN audiences_address a ON a.id = ca.address_id
             WHERE ca.contact_id = c.id),
           (SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM audiences_tag t
              JOIN audiences_contacttag ct ON t.id = ct.tag_id WHERE ct.contact_id = c.id),
           (SELECT string_agg(concat_ws(' ', j.servicetitan_id, j.status, jt.name, bu.name, j.total), ', '
                              ORDER BY j.servicetitan_id)
              FROM audiences_job j LEFT JOIN audiences_jobtype jt ON jt.id = j.job_type_id
              LEFT JOIN accounts_businessunit bu ON bu.id = j.business_unit_id
             WHERE j.account_id = c.account_id
               AND j.servicetitan_customer_id = c.servicetitan_customer_id),
           (SELECT string_agg(concat_ws(' ', p.servicetitan_id, p.starts_at, p.status), ', '
                              ORDER BY p.servicetitan_id)
              FROM audiences_appointment p JOIN audiences_job j
                ON j.account_id = p.account_id AND j.servicetitan_id = p.servicetitan_job_id
             WHERE p.account_id = c.account_id
               AND j.servicetitan_customer_id = c.servicetitan_customer_id),
           (SELECT string_agg(concat_ws(' ', m.servicetitan_id, m.status, mt.name), ', '
                              ORDER BY m.servicetitan_id)
              FROM audiences_customermembership m LEFT JOIN audiences_membershiptype mt
                ON mt.id = m.membership_type_id
             WHERE m.account_id = c.account_id AND m.servicetitan_customer_id = c.servicetitan_customer_id),
           (SELECT string_agg(concat_ws(' ', i.servicetitan_id, i.total, i.balance), ', '
                              ORDER BY i.servicetitan_id)
              FROM audiences_invoice i
             WHERE i.account_id = c.account_id AND i.servicetitan_customer_id = c.servicetitan_customer_id),
           (SELECT string_agg(concat_ws(' ', e.servicetitan_id, e.status, e.subtotal), ', '
                              ORDER BY e.servicetitan_id)
              FROM audiences_estimate e
             WHERE e.account_id = c.account_id AND e.servicetitan_customer_id = c.servicetitan_customer_id),
           (SELECT string_agg(concat_ws(' ', p.servicetitan_id, p.phone, p.result), ', '
                              ORDER BY p.servicetitan_id)
              FROM audiences_callatsource p
             WHERE p.account_id = c.account_id AND p.servicetitan_customer_id = c.servicetitan_customer_id)
    FROM audiences_contact c JOIN audiences_household h ON h.id = c.household_id
    JOIN audiences_zoneset z ON z.id = c.zone_set_id
    WHERE c.account_id = %s ORDER BY c.servicetitan_customer_id
"""


def picture(account):
    with connection.cursor() as cursor:
        cursor.execute(PICTURE, [account.pk])
        return cursor.fetchall()


def versions(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, ctid::text FROM {table} ORDER BY id")
        return cursor.fetchall()


@pytest.fixture
def tenant(start_sandbox):
    client = Tenant(start_sandbox("--demo", "--demo-customers", "60", "--customers", "silent"))
    # Nobody waits for a turn here: on a quick machine the source would refuse all beyond sixty a second.
    client.sandbox.set_faults(servicetitan={"rate_limit": 0})
    yield client
    client.close()


@pytest.fixture
def heard():
    calls = []

    def hear(sender, account, job_ids, **_):
        assert connection.in_atomic_block
        calls.append(job_ids)

    jobs_changed.connect(hear)
    yield calls
    jobs_changed.disconnect(hear)


def test_first_sync_brings_everybody_and_the_second_changes_nothing(tenant, heard):
    account = people.account()
    report = sync(account, client=tenant, now=NOON)
    assert report.error == "" and report.rows["customers"] == 60 == Contact.objects.count()
    assert report.rows["jobs"] == Job.objects.count() == sum(map(len, heard)) > 60
    assert Contact.objects.filter(last_job_at=None).count() < 30
    before = {
        name: versions(f"audiences_{name}") for name in ("contact", "job", "contactaddress", "location")
    }
    heard.clear()
    assert sync(account, client=tenant, now=NOON).error == ""
    SyncCursor.objects.update(continue_from="")  # told everything again
    assert sync(account, client=tenant, now=NOON).rows["customers"] == 60
    assert before == {name: versions(f"audiences_{name}") for name in before}
    assert heard == []


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_page_it_ends_where_an_undisturbed_one_does(tenant, seed):
    whole, broken = people.account("whole"), people.account("broken")
    assert sync(whole, client=tenant, now=NOON).error == ""
    tenant.sandbox.set_faults(servicetitan={"page_size": 17})
    chance, runs = random.Random(seed), 0
    while True:
        runs += 1
        tenant.dies_after = chance.randint(1, 2 * len(servicetitan_sync.EXPORTS))
        try:
            sync(broken, client=tenant, now=NOON)
        except KeyboardInterrupt:
            continue
        break
    assert runs > 3
    tenant.dies_after = None
    for _ in range(3):  # the office goes on working: its last changes may have reached one of the two
        sync(whole, client=tenant, now=NOON)
        sync(broken, client=tenant, now=NOON)
        if picture(broken) == picture(whole):
            break
    assert picture(broken) == picture(whole)


def test_the_source_counts_before_the_first_page_and_never_again(tenant, monkeypatch):
    account = people.account()
    tenant.sandbox.set_faults(servicetitan={"page_size": 25})
    stops = iter([True, False])
    report = sync(account, client=tenant, now=NOON, go_on=lambda: next(stops))
    assert not report.finished and report.error == ""
    assert SyncCursor.objects.get(entity="customers").expected == 60
    jobs = SyncCursor.objects.get(entity="jobs")
    assert jobs.expected > 60 and jobs.rows == 0 and jobs.synced_at is None
    asked = []
    monkeypatch.setattr(tenant, "total", asked.append)  # answers None, as for what nobody counts
    assert sync(account, client=tenant, now=NOON).finished
    assert "calls" in asked and not {"customers", "jobs", "invoices"} & set(asked)
    assert SyncCursor.objects.get(entity="jobs").busy_seconds > 0


def test_a_first_sync_has_the_planner_hear_of_the_account_in_time(tenant, monkeypatch):
    """Else each customer's jobs are sought among all of the account's, in a database with others in it."""
    told = []
    monkeypatch.setattr(servicetitan_sync, "TOLD_AT", (50, 100))
    monkeypatch.setattr(servicetitan_sync, "_tell_planner", told.append)
    tenant.sandbox.set_faults(servicetitan={"rate_limit": 0, "page_size": 40})
    account = people.account()
    assert sync(account, client=tenant, now=NOON).finished
    rows = dict(SyncCursor.objects.filter(account=account).values_list("entity", "rows"))
    marks = {entity: sum(rows[entity] >= mark for mark in (50, 100)) for entity in servicetitan_sync.EXPORTS}
    assert {entity: told.count(entity) for entity in marks} == marks and marks["jobs"] == 2
    assert sync(account, client=tenant, now=NOON).finished and len(told) == sum(marks.values())


def test_what_the_planner_is_told_of_are_tables():
    assert set(servicetitan_sync.WRITTEN) <= set(servicetitan_sync.EXPORTS)
    named = {table for tables in servicetitan_sync.WRITTEN.values() for table in tables}
    assert named <= set(connection.introspection.table_names())
    with CaptureQueriesContext(connection) as asked:
        servicetitan_sync._tell_planner("jobs")
    assert not len(asked), "nobody waits for the end of a transaction that is not the sync's"


def test_stopped_it_stands_still_after_the_page_under_way(tenant, monkeypatch):
    account = people.account()
    apply = servicetitan_sync.EXPORTS["business-units"]

    def stopping(*page):
        apply(*page)
        sync_stops.stop(account, by=make_user(account))

    monkeypatch.setitem(servicetitan_sync.EXPORTS, "business-units", stopping)
    report = sync(account, client=tenant, now=NOON)
    assert not report.finished and not report.error and list(report.rows)[-1] == "business-units"
    sync_stops.resume(account, by=make_user(account))
    monkeypatch.undo()
    assert sync(account, client=tenant, now=NOON).finished


def test_a_page_and_its_token_stand_or_fall_together(tenant):
    account = people.account()

    def refuse(**_):
        raise RuntimeError("a receiver failed")

    jobs_changed.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="receiver"):
            sync(account, client=tenant, now=NOON)
    finally:
        jobs_changed.disconnect(refuse)
    assert Job.objects.count() == 0 and Contact.objects.count() == 60
    assert SyncCursor.objects.get(entity="jobs").continue_from == ""
    assert sync(account, client=tenant, now=NOON).error == "" and Job.objects.exists()


def test_a_change_at_the_source_arrives_alone(tenant, heard):
    account = people.account()
    sync(account, client=tenant, now=NOON)
    job = Job.objects.exclude(status="Canceled").order_by("servicetitan_id").first()
    tenant.sandbox.put_servicetitan("jobs", id=job.servicetitan_id, jobStatus="Canceled")
    heard.clear()
    sync(account, client=tenant, now=NOON)
    assert heard == [[job.pk]]
    job.refresh_from_db()
    assert job.status == "Canceled"


def test_unreachable_source_is_reported_and_resumed(tenant):
    account = people.account()
    tenant.list_job_types()  # signed in: a refused sign-in would be remembered for some seconds
    tenant.sandbox.set_faults(servicetitan={"unreachable": True})
    report = sync(account, client=tenant, now=NOON)
    assert report.error.startswith("job-types: ") and report.rows == {}
    assert SyncCursor.objects.get().error and SyncCursor.objects.get().synced_at is None
    tenant.sandbox.set_faults(servicetitan={"unreachable": False})
    assert sync(account, client=tenant, now=NOON).error == "" and Contact.objects.count() == 60
    assert not SyncCursor.objects.exclude(error="").exists()


def test_a_source_in_trouble_is_read_to_its_end_all_the_same(tenant):
    """Throttled, broken, pages of a gateway in place of answers, and tokens that run out in between."""
    account, calm = people.account(), people.account("calm")
    sync(calm, client=tenant, now=NOON)
    trouble = {"html_502": 0.2, "http_500": 0.2, "http_429": 0.2, "page_size": 20, "token_seconds": 1}
    tenant.sandbox.set_faults(seed=5, servicetitan=trouble)
    runs = [sync(account, client=tenant, now=NOON)]
    while not runs[-1].finished and len(runs) < 30:
        runs.append(sync(account, client=tenant, now=NOON))
    refused = {entry["status"] for entry in tenant.sandbox.ledger("st_refusal")}
    assert runs[-1].finished and {429, 500, 502} <= refused
    assert kept(account) == kept(calm)


def kept(account):
    """Whom and what the mirror has; what the office changes meanwhile is not compared."""
    jobs = Job.objects.filter(account=account).values_list("servicetitan_id", flat=True)
    people_ = Contact.objects.filter(account=account).values_list(
        "servicetitan_customer_id", "name", "active"
    )
    return sorted(jobs), sorted(people_)


def test_a_second_sync_never_repeats_a_page(tenant):
    account = people.account()
    sync(account, client=tenant, now=NOON)
    page = Page([], "next", False)
    with pytest.raises(servicetitan_sync.CursorMoved):
        servicetitan_sync.commit_page(account, "jobs", "stale", page, lambda *_: None, NOON)
    assert SyncCursor.objects.get(entity="jobs").continue_from not in ("stale", "next")


def test_a_row_that_cannot_be_read_is_told_and_holds_nothing_up(tenant):
    account = people.account()
    last = tenant.sandbox.put_servicetitan("jobs", id=990001, customerId=None)
    assert last is not None
    report = sync(account, client=tenant, now=NOON)
    assert (report.error, report.finished) == ("", True)
    [words] = report.skipped
    assert words.startswith("Job 990001: customerId")
    cursor = SyncCursor.objects.get(entity="jobs")
    assert (cursor.skipped, cursor.last_skipped, cursor.error) == (1, words, "")
    assert cursor.rows == Job.objects.count() > 0


def commit(account, records):
    page = Page(records, "next", False, ["Job 9: unreadable"])
    return servicetitan_sync.commit_page(account, "jobs", "", page, servicetitan_sync.EXPORTS["jobs"], NOON)


def odd(record):
    """A job whose number the database refuses, as the reading of records would no longer let through."""
    return record.model_copy(update={"job_number": "a\0b"})


@pytest.mark.parametrize("at", [0, 3, 6])
def test_a_row_that_the_database_refuses_is_passed_over_alone(at):
    account = people.account()
    jobs = [source.job(number, 7) for number in range(1, 8)]
    jobs[at] = odd(jobs[at])
    unreadable, refused = commit(account, jobs)
    assert unreadable == "Job 9: unreadable" and refused.startswith(f"Job {at + 1}: ")
    assert Job.objects.count() == 6
    cursor = SyncCursor.objects.get()
    assert (cursor.continue_from, cursor.rows, cursor.skipped) == ("next", 6, 2)
    assert "Job 9: unreadable" in cursor.last_skipped and refused in cursor.last_skipped


@pytest.mark.django_db(transaction=True)
def test_rows_of_which_the_database_takes_none_stop_the_page():
    account = people.account()
    with pytest.raises(DataError, match="NUL"):
        commit(account, [odd(source.job(number, 7)) for number in range(1, 12)])
    assert not SyncCursor.objects.exists() and not Job.objects.exists()


def test_visits_of_recurring_services_arrive_before_their_jobs(tenant, heard):
    account = people.account()
    tenant.sandbox.put_servicetitan("recurring-service-events", id=990002, jobId=77, status="Won")
    known = []
    jobs_changed.connect(note := lambda **_: known.extend(RecurringVisit.objects.all()))
    try:
        assert sync(account, client=tenant, now=NOON).error == ""
    finally:
        jobs_changed.disconnect(note)
    visit = RecurringVisit.objects.get()
    assert (visit.servicetitan_id, visit.servicetitan_job_id, visit.active) == (990002, 77, True)
    assert visit in known


def test_windows_and_technicians_of_visits_follow_the_source(tenant):
    account = people.account()
    visit = {"jobId": 77, "start": "2026-12-01T15:00:00Z", "end": "2026-12-01T17:00:00Z", "customerId": 7,
             "status": "Scheduled", "active": True}  # fmt: skip
    window = {"arrivalWindowStart": "2026-12-01T14:00:00Z", "arrivalWindowEnd": "2026-12-01T16:00:00Z"}
    tenant.sandbox.put_servicetitan("appointments", id=880001, **visit, **window)
    tenant.sandbox.put_servicetitan("appointments", id=880002, **visit)
    half = {**window, "arrivalWindowEnd": None}
    tenant.sandbox.put_servicetitan("appointments", id=880003, **visit, **half)
    assigned = {"id": 660001, "appointmentId": 880001, "jobId": 77, "technicianName": " Luis Ortega "}
    tenant.sandbox.put_servicetitan("appointment-assignments", **assigned, active=True)
    assert sync(account, client=tenant, now=NOON).error == ""
    known = {each.servicetitan_id: each for each in Appointment.objects.filter(account=account)}
    whole = known[880001]
    assert (whole.arrives_from, whole.arrives_until) == (
        datetime(2026, 12, 1, 14, tzinfo=UTC), datetime(2026, 12, 1, 16, tzinfo=UTC)
    )  # fmt: skip
    assert {known[pk].arrives_from for pk in (880002, 880003)} == {None}
    assert {known[pk].arrives_until for pk in (880002, 880003)} == {None}
    on_it = AppointmentAssignment.objects.get(servicetitan_id=660001)
    assert (on_it.servicetitan_appointment_id, on_it.technician) == (880001, "Luis Ortega") and on_it.active
    tenant.sandbox.put_servicetitan("appointment-assignments", **assigned, active=False)
    assert sync(account, client=tenant, now=NOON).error == ""
    on_it.refresh_from_db()
    assert not on_it.active


def of_the_release_before(account):
    """Visits as they stand where nobody kept their windows yet, read to the end."""
    SyncCursor.objects.filter(entity="appointments").update(shape=0)
    Appointment.objects.filter(account=account).update(arrives_from=None, arrives_until=None)


def test_rows_that_lack_what_is_kept_by_now_are_read_again_once(tenant, monkeypatch):
    account = people.account()
    assert sync(account, client=tenant, now=NOON).finished
    cursor = SyncCursor.objects.get(entity="appointments")
    known, windows = cursor.rows, Appointment.objects.exclude(arrives_from=None).count()
    assert cursor.shape == servicetitan_sync.SHAPES["appointments"] and windows > 0
    of_the_release_before(account)
    sizes = []

    def noting(entity, token="", **options):
        for page in Tenant.export(tenant, entity, token, **options):
            if entity == "appointments":
                sizes.append(len(page.records))
            yield page

    monkeypatch.setattr(tenant, "export", noting)
    tenant.sandbox.set_faults(servicetitan={"page_size": known // 4})
    while not sync(account, client=tenant, now=NOON, go_on=lambda: False).finished:
        assert len(sizes) < 8, "every run begins again"
    cursor.refresh_from_db()
    assert cursor.rows == sum(sizes) >= known and len(sizes) > 3
    assert Appointment.objects.exclude(arrives_from=None).count() >= windows
    sizes.clear()
    assert sync(account, client=tenant, now=NOON).finished
    assert sum(sizes) < known, "once is enough"


def test_shape_moves_with_the_token_and_whoever_comes_second_stops():
    account = people.account()
    SyncCursor.objects.create(account=account, entity="appointments", continue_from="far", rows=9)

    def committed(token):
        page = Page([], f"after {token}", True)
        servicetitan_sync.commit_page(account, "appointments", token, page, lambda *_: None, NOON)
        cursor = SyncCursor.objects.get()
        return cursor.continue_from, cursor.shape, cursor.rows

    with pytest.raises(servicetitan_sync.CursorMoved):
        committed("far")
    assert committed("") == ("after ", 1, 0)
    with pytest.raises(servicetitan_sync.CursorMoved):
        committed("")
    assert committed("after ") == ("after after ", 1, 0)


class WithoutMemberships(Tenant):
    """A tenant that did not let the app read recurring services."""

    status = 403

    def _once(self, method, module, path, **content):
        if module == "memberships":
            raise errors.refusal(self.status, "", {})
        return super()._once(method, module, path, **content)


@pytest.mark.parametrize(("status", "finished"), [(403, True), (404, True), (400, False)])
def test_missing_permission_for_recurring_services_stops_nothing_else(tenant, status, finished):
    account = people.account()
    limited = WithoutMemberships(tenant.sandbox)
    limited.status = status
    report = sync(account, client=limited, now=NOON)
    limited.close()
    assert (report.finished, Job.objects.exists(), not report.error) == (finished, finished, finished)
    assert SyncCursor.objects.get(entity="recurring-service-events").error


def test_no_job_waits_for_the_names_of_lead_sources(tenant, monkeypatch):
    def down(self):
        raise errors.refusal(502, "", {})

    lists = servicetitan_sync.LISTS
    _, apply = lists[servicetitan_sync.LEAD_SOURCES]
    monkeypatch.setitem(lists, servicetitan_sync.LEAD_SOURCES, (down, apply))
    assert sync(people.account(), client=tenant, now=NOON).finished and Job.objects.exists()
    assert SyncCursor.objects.get(entity=servicetitan_sync.LEAD_SOURCES).error
