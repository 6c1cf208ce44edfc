"""Settings, Compliance reports: asking for one, how far it is, and its files."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access, audit
from accounts.access import Request
from analytics.compliance import building
from analytics.models import ComplianceReport, ReportChunk
from campaigns.models import Campaign
from common import clock
from common.htmx import respond_live, version_of
from common.phone import display_phone
from integrations.models import SendingNumber

SHOWN = 100
MOST_CAMPAIGNS = 500
TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


class ReportForm(forms.Form):
    """What a report is of, and its days."""

    of = forms.ChoiceField(label="Number or campaign", error_messages={"required": "Choose one."})
    first_day = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, request: Request, data: Any = None) -> None:
        today = clock.now().astimezone(request.account.zone).date()
        of = request.GET.get("of", "")
        super().__init__(data, initial={"of": of, "first_day": today - timedelta(days=89), "last_day": today})
        self.today = today
        numbers = access.rows(request, SendingNumber).order_by("label", "e164")
        campaigns = access.rows(request, Campaign).exclude(launched_at=None).order_by("-launched_at")
        self.fields["of"].choices = [  # type: ignore[attr-defined]
            ("", "Choose"),
            ("Numbers", [(f"number-{one.pk}", _number(one)) for one in numbers]),
            ("Campaigns", [(f"campaign-{one.pk}", one.name) for one in campaigns[:MOST_CAMPAIGNS]]),
        ]
        kind, _, key = of.partition("-")
        campaign = campaigns.filter(pk=key).first() if kind == "campaign" and key.isdecimal() else None
        if campaign is not None and campaign.launched_at is not None:
            self.initial["first_day"] = campaign.launched_at.astimezone(request.account.zone).date()

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it begins, or that has not begun."""
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and first > self.today:
            self.add_error("first_day", "This day is still to come.")
        elif first and last and last < first:
            self.add_error("last_day", "The range ends before it begins.")
        elif first and first < date(2000, 1, 1):
            self.add_error("first_day", "Choose a day after the year 2000.")
        return cleaned


def _number(number: SendingNumber) -> str:
    shown = display_phone(number.e164)
    return shown if number.label in ("", shown) else f"{number.label} ({shown})"


def _reports(request: Request) -> QuerySet[ComplianceReport]:
    mine = access.rows(request, ComplianceReport)
    return mine.select_related("number", "campaign", "requested_by").order_by("-requested_at", "-pk")


@require_http_methods(["GET", "POST"])
@access.require("manage_compliance")
def report_list(request: Request) -> HttpResponse:
    """Every report with its state, live while one is being made, and the form for another."""
    form = ReportForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _ask(request, form)
        messages.success(request, "The report is being made. You may leave this page.")
        return redirect("analytics:reports")
    now = clock.now()
    reports = list(_reports(request)[:SHOWN])
    context: dict[str, Any] = {
        "form": form,
        "reports": [(report, _left(report.seconds_left(now))) for report in reports],
        "pending": any(report.pending for report in reports),
    }
    if request.method == "POST":
        return render(request, "settings/reports.html", context, status=422)
    version = version_of([(report.pk, report.state, report.done, report.total) for report in reports])
    return respond_live(request, "settings/reports.html", "reports", context, version=version)


def _ask(request: Request, form: ReportForm) -> None:
    kind, _, key = form.cleaned_data["of"].partition("-")
    building.ask(
        request.account,
        number=access.get(request, SendingNumber, key) if kind == "number" else None,
        campaign=access.get(request, Campaign, key) if kind == "campaign" else None,
        first_day=form.cleaned_data["first_day"],
        last_day=form.cleaned_data["last_day"],
        by=request.user,
        now=clock.now(),
    )


def _left(seconds: float | None) -> str:
    """How long it still takes, in words that a person believes."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} seconds left"
    return f"about {round(seconds / 60)} minutes left"


@require_POST
@access.require("manage_compliance")
def report_again(request: Request, pk: int) -> HttpResponse:
    """Make a failed report once more."""
    if building.again(access.get(request, ComplianceReport, pk)):
        messages.success(request, "The report is being made once more.")
    return redirect("analytics:reports")


@require_safe
@access.require("manage_compliance")
def report_file(request: Request, pk: int, form: str) -> HttpResponseBase:
    """One of the files of a finished report, as a download; the audit log notes it."""
    report = access.get(request, _reports(request), pk)
    if form not in TYPES or report.state != ComplianceReport.State.FINISHED:
        raise Http404("no such file")
    if request.method == "GET":
        audit.record(
            account=request.account, by=request.user, verb="downloaded_compliance_report", on=report,
            summary=f"Downloaded the opt-out and consent report of {report.about} ({form.upper()})",
            detail={"sha256": report.pdf_sha256 if form == "pdf" else report.csv_sha256},
        )  # fmt: skip
    name = f"opt-outs-{slugify(report.about) or report.pk}-{report.first_day}-{report.last_day}.{form}"
    answer = StreamingHttpResponse(ReportChunk.objects.content(report.pk, form), content_type=TYPES[form])
    answer["Content-Length"] = str(report.pdf_bytes if form == "pdf" else report.csv_bytes)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
