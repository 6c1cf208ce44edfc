"""Jobs & revenue as people see it: sums that equal rows, evidence, corrections, who may."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role
from analytics import attribution, corrections, counters, jobs_asked, jobs_page
from analytics.models import CreditCorrection, JobCredit, JobStanding
from analytics.recount import recount
from audiences.models import Address, Job
from common import clock
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db
RANGE = {"first": "2026-05-01", "last": "2026-05-31"}


@pytest.fixture
def world() -> World:
    return build()


@pytest.fixture
def admin(world: World) -> Client:
    return signed_in(make_member(world.account, Role.ADMIN))


def fill(world: World) -> dict[str, Job]:
    """One job of every kind, billed."""
    jobs = {}
    for name in ("billed", "refunded", "cancelled", "plain"):
        jobs[name] = world.job(world.book(world.touch()), at=later(60))
    world.invoice(jobs["billed"], "120.10")
    first = world.invoice(jobs["refunded"], "300.00")
    world.invoice(None, "-300.00", adjusts_servicetitan_id=first.servicetitan_id)
    world.invoice(jobs["cancelled"], "80.00")
    Job.objects.filter(pk=jobs["cancelled"].pk).update(status="Canceled")
    step = world.touch()
    unlinked = {"servicetitan_booking_id": None, "servicetitan_id": 42}
    jobs["influenced"] = world.job(world.book(step), at=later(70), **unlinked)
    world.invoice(jobs["influenced"], "55.55")
    far = {"servicetitan_booking_id": None, "servicetitan_id": 43, "servicetitan_customer_id": 3}
    jobs["none"] = world.job(world.book(step), at=later(80), **far)
    world.invoice(jobs["none"], "9.99")
    attribution.credit([job.pk for job in jobs.values()])
    return jobs


def test_sums_equal_rows_to_the_cent(world: World, admin: Client) -> None:
    fill(world)
    fill(build())
    html = admin.get(reverse("analytics:jobs"), RANGE).content.decode()
    jobs = dict(re.findall(r'data-jobs="(\w+)" value="(\d+)"', html))
    revenue = dict(re.findall(r'data-revenue="(\w+)" value="(-?\d+)"', html))
    assert jobs == {"credited": "4", "influenced": "1", "none": "1", "all": "6"}
    assert revenue == {"credited": "12010", "influenced": "5555", "none": "999", "all": "18564"}
    assert html.count('<th scope="row"><a href="/analytics/jobs/') == 6
    for verdict in JobStanding.Verdict.values:
        opened = admin.get(reverse("analytics:jobs"), {**RANGE, "verdict": verdict}).content.decode()
        assert opened.count('<th scope="row"><a href="/analytics/jobs/') == int(jobs[verdict])
    (cancelled,) = re.findall(r'data-label="Of which cancelled"><a href="([^"]+)">1</a>', html)
    opened = admin.get(reverse("analytics:jobs") + unescape(cancelled)).content.decode()
    assert opened.count('<th scope="row"><a href="/analytics/jobs/') == 1
    tiles = counters.totals([world.campaign.pk])
    assert tiles[world.campaign.pk, "first_text", "revenue"] == 12010
    assert tiles[world.campaign.pk, "first_text", "influenced_revenue"] == 5555
    assert recount().differences == []


def test_influenced_jobs_stand_apart_and_open_their_rows(world: World, admin: Client) -> None:
    fill(world)
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    for page, opened in (
        ("/", "/tiles/jobs_influenced/"),
        (reverse("analytics:campaign", args=[world.campaign.pk]), f"{rows}?column=influenced"),
    ):
        html = admin.get(page).content.decode()
        assert "apart: 1 influenced" in html and "they brought $55.55" in html and f'href="{opened}"' in html
        assert '<data data-rows value="1">' in admin.get(opened).content.decode()


@pytest.mark.parametrize(
    ("narrow", "found"),
    [
        ({"stage": "cancelled"}, {"cancelled"}),
        ({"stage": "refunded"}, {"refunded"}),
        ({"verdict": "none", "reason": "no_link"}, {"none"}),
        ({"reason": "no_link"}, {"none", "influenced"}),
        ({"number": "nothing"}, set()),
        ({"last": "2026-05-04"}, set()),
        ({"campaign": "999999"}, set()),
    ],
)
def test_filters(world: World, narrow: dict[str, str], found: set[str]) -> None:
    jobs = fill(world)
    asked = jobs_asked.read({**RANGE, **narrow}, world.account, now=clock.now())
    rows = set(jobs_asked.standings(world.account, asked).values_list("job_id", flat=True))
    assert rows == {jobs[name].pk for name in found}


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": "2026-05-31", "last": "2026-05-01"}, {"first": "soon"}, {"stage": "x"}, {"campaign": "-1"},
        {"unit": "9" * 40}, {"first": "0001-01-01"},
    ],
)  # fmt: skip
def test_question_without_sense_is_said_to_be_one(world: World, admin: Client, wrong: dict[str, str]) -> None:
    answer = admin.get(reverse("analytics:jobs"), wrong)
    assert answer.status_code == 422 and "This cannot be shown" in answer.content.decode()


def test_pages_go_on_where_the_last_ended(world: World, admin: Client) -> None:
    step = world.touch()
    made = [
        world.job(world.book(step), at=later(n // 3), servicetitan_booking_id=None, servicetitan_id=n + 1)
        for n in range(jobs_page.PER_PAGE + 20)
    ]
    attribution.credit([job.pk for job in made])
    asked = jobs_asked.read(RANGE, world.account, now=clock.now())
    first = jobs_page.read(world.account, asked)
    second = jobs_page.read(world.account, asked, first.following)
    shown = [line.standing.job_id for line in (*first.lines, *second.lines)]
    assert shown == [job.pk for job in reversed(made)] and not second.following
    assert first.total == second.total and first.total.jobs == len(made)


def test_first_page_and_a_late_one_read_the_index_alone(world: World) -> None:
    fill(world)
    asked = jobs_asked.read(RANGE, world.account, now=clock.now())
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("set local enable_bitmapscan = off")
    for found in (
        jobs_asked.standings(world.account, asked).values_list("job_id"),
        jobs_asked.standings(world.account, asked).order_by().values_list("verdict", "revenue_cents"),
    ):
        assert "Index Only Scan" in found.explain() and "job_standing_by_date" in found.explain()


@pytest.mark.parametrize("role", [Role.CSR, Role.MARKETER, Role.AGENT])
def test_everybody_reads_evidence_and_admins_alone_correct(world: World, role: str) -> None:
    job = fill(world)["billed"]
    client = signed_in(make_member(world.account, role))
    html = client.get(reverse("analytics:job", args=[job.pk])).content.decode()
    assert "Why it is credited" in html and "Our own booking became this job" in html
    assert "Time for your tune-up?" in html and "$120.10" in html and "/correct/" not in html
    url = reverse("analytics:correct_credit", args=[job.pk])
    assert client.get(url).status_code == client.post(url, {"to": "none"}).status_code == 403


def test_every_job_has_its_evidence(world: World, admin: Client) -> None:
    for name, job in fill(world).items():
        html = admin.get(reverse("analytics:job", args=[job.pk])).content.decode()
        assert ("Why it is credited" in html) == (name not in ("influenced", "none")), name
        assert ("Credit this job" in html) == (name in ("influenced", "none"))
    assert (
        "brings nothing"
        in admin.get(reverse("analytics:job", args=[Job.objects.get(status="Canceled").pk])).content.decode()
    )


def form(
    world: World, to: str, seen: int = 0, reason: str = "The caller named the other text"
) -> dict[str, str]:
    return {"to": to, "seen": str(seen), "reason": reason}


def test_correction_moves_the_credit_and_stays(world: World, admin: Client) -> None:
    contact = world.add_contact()
    older = world.touch(contact, world.add_campaign(), at=later(1))
    newer = world.touch(contact, at=later(5))
    job = world.job(world.book(newer), at=later(60), status="Completed")
    world.invoice(job, "70.00")
    attribution.credit([job.pk])
    message = corrections.touches(job)[1].message
    url = reverse("analytics:correct_credit", args=[job.pk])
    assert "Credited now" in admin.get(url).content.decode()
    answer = admin.post(url, form(world, f"touch-{message.pk}"))
    assert answer.status_code == 302
    attribution.credit([job.pk])
    credit = JobCredit.objects.get(job=job)
    assert (credit.campaign_id, credit.link) == (older.campaign_id, "correction")
    found = counters.totals([older.campaign_id, newer.campaign_id])
    assert found[older.campaign_id, "first_text", "revenue"] == 7000
    assert found[newer.campaign_id, "first_text", "revenue"] == 0
    assert found[newer.campaign_id, "first_text", "booked"] == 0
    assert recount().differences == []
    entry = AuditEntry.objects.get(verb="corrected_credit")
    assert entry.detail["reason"] and entry.by is not None
    page = admin.get(reverse("analytics:job", args=[job.pk])).content.decode()
    assert "The caller named the other text" in page and "An admin said so" in page
    assert "The last message to this customer" not in page


def test_correction_gives_nothing_once_the_source_says_no_charge(world: World, admin: Client) -> None:
    job = fill(world)["influenced"]
    message = corrections.touches(job)[0].message
    url = reverse("analytics:correct_credit", args=[job.pk])
    admin.post(url, form(world, f"touch-{message.pk}"))
    assert JobCredit.objects.filter(job=job).exists()
    Job.objects.filter(pk=job.pk).update(no_charge=True)
    attribution.credit([job.pk])
    assert not JobCredit.objects.filter(job=job).exists()
    standing = JobStanding.objects.get(job=job)
    assert (standing.verdict, standing.reason) == ("none", "no_charge")
    Job.objects.filter(pk=job.pk).update(no_charge=False)
    attribution.credit([job.pk])
    assert JobCredit.objects.get(job=job).message_id == message.pk
    assert recount().differences == []


def test_correction_is_reversed_by_a_further_one(world: World, admin: Client) -> None:
    job = fill(world)["billed"]
    url = reverse("analytics:correct_credit", args=[job.pk])
    assert admin.post(url, form(world, "none")).status_code == 302
    assert not JobCredit.objects.filter(job=job).exists()
    standing = JobStanding.objects.get(job=job)
    assert (standing.verdict, standing.reason) == ("influenced", "corrected")
    attribution.credit([job.pk])
    assert not JobCredit.objects.filter(job=job).exists()
    first = CreditCorrection.objects.get()
    assert (first.was_link, first.verdict) == ("booking", "none")
    assert admin.post(url, form(world, "rule", seen=first.pk)).status_code == 302
    assert JobCredit.objects.get(job=job).link == "booking"
    assert CreditCorrection.objects.count() == 2 and recount().differences == []


def test_words_refused_because_somebody_was_quicker_can_be_sent_again(world: World, admin: Client) -> None:
    job = fill(world)["billed"]
    url = reverse("analytics:correct_credit", args=[job.pk])
    assert admin.post(url, form(world, "none")).status_code == 302
    refused = admin.post(url, form(world, "rule", reason="Booked by our text after all"))
    html = refused.content.decode()
    assert refused.status_code == 422 and "Booked by our text after all" in html
    (seen,) = re.findall(r'name="seen" value="(\d+)"', html)
    assert admin.post(url, form(world, "rule", seen=int(seen))).status_code == 302
    assert JobCredit.objects.get(job=job).link == "booking"


def test_uncredited_job_is_credited_by_hand(world: World, admin: Client) -> None:
    jobs = fill(world)
    job = jobs["influenced"]
    message = corrections.touches(job)[0].message
    url = reverse("analytics:correct_credit", args=[job.pk])
    assert admin.post(url, form(world, f"touch-{message.pk}")).status_code == 302
    assert JobCredit.objects.get(job=job).revenue_cents == 5555
    assert counters.totals([world.campaign.pk])[world.campaign.pk, "first_text", "influenced"] == 0
    assert recount().differences == []


def test_what_cannot_be_corrected_is_refused_in_words(world: World, admin: Client) -> None:
    job = fill(world)["billed"]
    url = reverse("analytics:correct_credit", args=[job.pk])
    late = world.touch(world.add_contact(job.servicetitan_customer_id, "Ana"), at=later(90))
    message = corrections._with_steps(world.account.message_set.filter(origin=f"step:{late.pk}"))[0].message
    other = build()
    other.touch()
    stranger = other.account.message_set.get()
    for wrong, said in (
        (form(world, f"touch-{message.pk}"), "reached nobody before the job"),
        (form(world, f"touch-{stranger.pk}"), "Choose a message"),
        (form(world, "touch-x"), "Choose a message"),
        (form(world, "rule"), "The rule decides already"),
        (form(world, "none", reason=" "), "Say why"),
        (form(world, "none", seen=77), "corrected this credit meanwhile"),
        ({"seen": "0", "reason": "x"}, "Choose what won this job"),
    ):
        answer = admin.post(url, wrong)
        assert answer.status_code == 422 and said in answer.content.decode(), said
    Job.objects.filter(pk=job.pk).update(recall_for_servicetitan_id=9)
    own = corrections.touches(job)[0].message
    assert "can never be credited" in admin.post(url, form(world, f"touch-{own.pk}")).content.decode()
    assert not CreditCorrection.objects.exists() and not AuditEntry.objects.filter(verb="corrected_credit")


def test_corrections_are_evidence(world: World, admin: Client) -> None:
    job = fill(world)["billed"]
    admin.post(reverse("analytics:correct_credit", args=[job.pk]), form(world, "none"))
    for change in (
        lambda: CreditCorrection.objects.update(reason="x"),
        lambda: CreditCorrection.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            change()


def test_touches_of_another_phone_are_found(world: World, admin: Client) -> None:
    fill(world)
    job = Job.objects.get(servicetitan_customer_id=3)
    elsewhere = world.touch(at=NOON - timedelta(days=60))
    phone = "(312) 555-0177"
    Address.objects.filter(pk=elsewhere.enrollment.address_id).update(value="+13125550177")
    assert corrections.touches(job) == []
    assert [touch.step for touch in corrections.touches(job, phone=phone)] == [elsewhere]
