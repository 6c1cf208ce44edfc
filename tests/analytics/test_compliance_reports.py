"""Opt-out and consent reports: computed from rows, made once, kept whole, and begun again after a kill."""

import csv
import hashlib
import io
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from accounts.models import AuditEntry, User
from analytics.compliance import building, figures, scope, typesetting
from analytics.models import ComplianceReport, ReportChunk
from audiences import consent, suppression
from campaigns.models import Exclusion
from common import loops, sql
from conversations import corrections
from conversations.models import Attempt, Message, Reading
from tests import factories
from tests.accounts.making import make_member
from tests.analytics import world

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 10, 18, 0, tzinfo=UTC)  # in Chicago
DAY, LAST = date(2026, 11, 1), date(2026, 11, 15)
NAMES = ["José Ñúñez", "Zoë “Zo” O’Brien", "王小明", "Дмитрий Ж.", "Emoji 😀🛑 Person", "<b>&amp; Ltd</b>"]
WORDS = ["STOP", "¡No me escriban más!", "请停止 🛑", '=HYPERLINK("x")', "a" * 300, "Leave\nme\x00 alone‮"]


@pytest.fixture
def company() -> world.World:
    """A campaign that texted six people, of whom five opted out, one by a person's correction."""
    company = world.build(account=factories.make_account("Comfort Air"))
    admin = make_member(company.account)
    consent.declare(company.account, "existing", name="Ann Reed", by=admin, now=NOON - timedelta(days=30))
    for index, name in enumerate(NAMES):
        enrollment = company.enrol()
        enrollment.contact.name = name
        enrollment.contact.save()
        texted(company, enrollment, NOON)
        inbound = said(company, enrollment, WORDS[index], NOON + timedelta(minutes=index))
        if index == 5:
            corrections.correct(inbound, "optout", admin, now=NOON + timedelta(hours=3))
            continue
        if index == 4:
            continue
        suppression.opt_out(
            enrollment.address, channel="phone", source="text", now=inbound.created_at,
            contact=enrollment.contact, evidence=WORDS[index].replace("\0", ""),
            detector="reader/7/keyword", provider_id=inbound.provider_id or "",
        )  # fmt: skip
    left_out = company.add_contact()
    Exclusion.objects.create(campaign=company.campaign, contact=left_out, reason="do_not_text", at=NOON)
    return company


def texted(company: world.World, enrollment, at: datetime, **fields) -> Message:
    message = Message.objects.create(
        account=company.account, lane=company.campaign.lane, contact=enrollment.contact,
        address=enrollment.address, number=company.number, kind="campaign", body="Time for your tune-up",
        state="delivered", state_at=at, created_at=at, accepted_at=at, **fields,
    )  # fmt: skip
    Attempt.objects.create(message=message, state="accepted", started_at=at)
    return message


def said(company: world.World, enrollment, words: str, at: datetime) -> Message:
    message = Message.objects.create(
        account=company.account, contact=enrollment.contact, address=enrollment.address,
        number=company.number, kind="inbound", body=words.replace("\0", ""), state="received", state_at=at,
        created_at=at, provider_id=f"SM{enrollment.pk:032x}",
    )  # fmt: skip
    Reading.objects.create(message=message, label="other", outcome="hold", detector="reader/7")
    return message


def ask(company: world.World, by: User | None = None, *, of_campaign: bool = False) -> ComplianceReport:
    return building.ask(
        company.account,
        number=None if of_campaign else company.number,
        campaign=company.campaign if of_campaign else None,
        first_day=DAY,
        last_day=LAST,
        by=by or make_member(company.account),
        now=NOON + timedelta(days=10),
    )


def build() -> int:
    return building.build_waiting(go_on=lambda: True)


def content(report: ComplianceReport, form: str) -> bytes:
    return b"".join(ReportChunk.objects.content(report.pk, form))


def lines(report: ComplianceReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(report, "csv").decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("of_campaign", [False, True])
def test_figures_are_counted_from_the_rows(company: world.World, of_campaign: bool) -> None:
    found = figures.of(scope.of(ask(company, of_campaign=of_campaign)))
    assert (found.sent, found.delivered, found.people, found.opt_outs) == (6, 6, 6, 5)
    assert found.by_door == {"text": 4, "agent": 1}
    assert found.delay == (0.0, (timedelta(hours=3) - timedelta(minutes=5)).total_seconds(), 5)
    assert (found.after, found.after_count, found.confirmations) == ((), 0, 0)
    assert found.excluded == ({"do_not_text": 1} if of_campaign else {})


def test_a_text_begun_after_an_opt_out_is_found_and_named(company: world.World) -> None:
    """Nothing is asserted: what should not have happened stands in the report."""
    report = ask(company)
    first = company.campaign.enrollments.order_by("pk")[0]
    late = texted(company, first, NOON + timedelta(days=1))
    found = figures.of(scope.of(report))
    assert [(one.phone, one.at) for one in found.after] == [(first.address.value, NOON + timedelta(days=1))]
    assert found.after_count == 1
    suppression.lift(first.address, channel="phone", evidence="START", now=NOON + timedelta(hours=20))
    assert figures.of(scope.of(report)).after_count == 0, "by then the wish had ended"
    second = company.campaign.enrollments.order_by("pk")[1]
    texted(company, second, NOON + timedelta(days=2))
    build()
    assert figures.of(scope.of(report)).after_count == 1
    assert late.pk


def test_confirmations_are_counted_apart(company: world.World) -> None:
    first = company.campaign.enrollments.order_by("pk")[0]
    confirmation = texted(company, first, NOON + timedelta(seconds=5))
    Message.objects.filter(pk=confirmation.pk).update(kind="automatic", origin="confirm:1")
    found = figures.of(scope.of(ask(company)))
    assert (found.after_count, found.confirmations) == (0, 1)


@pytest.mark.parametrize("of_campaign", [False, True])
def test_both_files_are_made_and_kept(company: world.World, of_campaign: bool) -> None:
    report = ask(company, of_campaign=of_campaign)
    assert build() == 1 and build() == 0
    report.refresh_from_db()
    assert (report.state, report.done, report.total, report.tries) == ("finished", 5, 5, 1)
    pdf = content(report, "pdf")
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert b"/FontFile2" in pdf, "fonts travel with the document"
    assert hashlib.sha256(pdf).hexdigest() == report.pdf_sha256 and len(pdf) == report.pdf_bytes
    assert hashlib.sha256(content(report, "csv")).hexdigest() == report.csv_sha256
    found = lines(report)
    assert [one["contact"] for one in found] == [*NAMES[:4], NAMES[5]]
    assert found[0]["words"] == "STOP" and found[0]["recorded_at"] == "2026-11-10 12:00:00-06:00"
    assert found[0]["phone"].startswith("+1312"), "a phone is no formula"
    assert found[3]["words"] == '\'=HYPERLINK("x")', "what a customer wrote is never a formula"
    made = AuditEntry.objects.filter(verb="finished_compliance_report").get()
    assert made.detail["pdf_sha256"] == report.pdf_sha256
    if folder := os.environ.get("REPORT_FOLDER"):
        Path(folder, f"report-{of_campaign}.pdf").write_bytes(pdf)


def test_days_are_company_days(company: world.World) -> None:
    report = ask(company)
    about = scope.of(report)
    assert about.since == datetime(2026, 11, 1, 5, tzinfo=UTC)  # daylight saving time ends on this day
    assert about.until == datetime(2026, 11, 16, 6, tzinfo=UTC)
    report.requested_at = NOON
    assert scope.of(report).until == NOON, "nothing after the request"


def test_a_report_of_a_killed_worker_begins_again_and_is_given_up_in_the_end(company: world.World) -> None:
    report = ask(company)
    for tries in range(1, building.TRIES + 1):
        taken = building._take()
        assert taken is not None and taken.tries == tries
        assert building._take() is None, "while the lease runs nobody else begins it"
        sql.run("UPDATE analytics_compliancereport SET leased_until = clock_timestamp() - interval '1 s'")
    assert building._take() is None
    report.refresh_from_db()
    assert report.state == "failed" and "several times" in report.error
    assert building.again(report) and not building.again(report)
    assert build() == 1


def test_a_worker_that_lost_its_report_keeps_nothing(company: world.World) -> None:
    ask(company)
    slow = building._take()
    sql.run("UPDATE analytics_compliancereport SET leased_until = clock_timestamp() - interval '1 s'")
    assert build() == 1
    before = list(ReportChunk.objects.values_list("pk", flat=True))
    assert slow is not None and not building._build(slow)
    assert list(ReportChunk.objects.values_list("pk", flat=True)) == before


def test_a_worker_that_ends_leaves_its_report_to_the_next(
    company: world.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = ask(company)
    monkeypatch.setattr(loops, "_stopping", True)
    taken = building._take()
    assert taken is not None and not building._build(taken)
    report.refresh_from_db()
    assert (report.state, report.tries) == ("queued", 0)
    monkeypatch.setattr(loops, "_stopping", False)
    assert build() == 1


def test_what_breaks_says_so(company: world.World, monkeypatch: pytest.MonkeyPatch) -> None:
    report = ask(company)
    monkeypatch.setattr(typesetting, "_FONTS", Path("/nowhere"))
    typesetting._load.cache_clear()
    assert build() == 0
    report.refresh_from_db()
    assert report.state == "failed" and "Nothing was kept" in report.error
    assert not ReportChunk.objects.exists()


def test_files_go_after_thirty_days_and_their_sums_stay(company: world.World) -> None:
    report = ask(company)
    build()
    report.refresh_from_db()
    assert report.kept_until is not None
    assert building.expire(now=report.kept_until - timedelta(seconds=1)) == 0
    assert building.expire(now=report.kept_until) == 1
    report.refresh_from_db()
    assert report.state == "expired" and report.pdf_sha256 and not ReportChunk.objects.exists()


def test_nothing_is_lost_of_what_no_font_has() -> None:
    assert typesetting.printable("王小 😀 e\u0301 \u202eok\u0000") == "□□ □ é ok"
    long = typesetting.lines_of("a" * 500, typesetting.TEXT, 9, 100)
    assert "".join(long) == "a" * 500 and len(long) > 3
    assert all(typesetting.width_of(line, typesetting.TEXT, 9) <= 100 for line in long)
