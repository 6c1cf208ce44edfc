"""Jobs & revenue: ServiceTitan's jobs and our credits side by side, the evidence of each, and corrections."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import access
from accounts.access import Request
from accounts.models import BusinessUnit
from analytics import corrections, counters, job_evidence, jobs_asked, jobs_page
from analytics.models import CreditCorrection, JobCredit, JobStanding
from audiences.models import Job
from campaigns.models import Campaign
from common import clock

MOST_CAMPAIGNS = 500


@require_safe
@access.require("view")
def job_list(request: Request) -> HttpResponse:
    """The jobs of a range of days with what narrows it; 422 for a question that makes no sense."""
    context: dict[str, Any] = {"choices": _choices(request), "given": request.GET}
    try:
        asked = jobs_asked.read(request.GET.dict(), request.account, now=clock.now())
    except jobs_asked.NotAsked as wrong:
        return render(request, "analytics/jobs.html", context | {"problem": str(wrong)}, status=422)
    with counters.snapshot():
        page = jobs_page.read(request.account, asked, request.GET.get("after", ""))
    rows = [(one, jobs_page.VERDICTS[one], page.sums[one]) for one in JobStanding.Verdict]
    context |= {
        "asked": asked,
        "page": page,
        "sums": rows,
        "params": asked.params(),
        "any": bool(page.total.jobs) or access.rows(request, JobStanding).exists(),
    }
    return render(request, "analytics/jobs.html", context)


def _choices(request: Request) -> dict[str, Any]:
    launched = access.rows(request, Campaign).exclude(launched_at=None).order_by("-launched_at")
    return {
        "campaigns": list(launched.values_list("pk", "name")[:MOST_CAMPAIGNS]),
        "units": list(access.rows(request, BusinessUnit).order_by("name").values_list("pk", "name")),
        "stages": JobStanding.Stage.choices,
        "verdicts": [(verdict, state.word) for verdict, state in jobs_page.VERDICTS.items()],
        "reasons": [(value, label[0].upper() + label[1:]) for value, label in JobStanding.Reason.choices],
    }


@require_safe
@access.require("view")
def job(request: Request, pk: int) -> HttpResponse:
    """One job: why it is credited or is not, and what it brought."""
    related = ("business_unit", "job_type", "lead_source")
    found = access.get(request, Job.objects.select_related(*related), pk)
    with counters.snapshot():
        return render(request, "analytics/job.html", {"shown": job_evidence.of(found)})


class CorrectionForm(forms.Form):
    """To whom a job is credited from now on, and why."""

    to = forms.CharField(error_messages={"required": "Choose what won this job."})
    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Reason",
        help_text="Kept for ever, with your name; everybody who looks at this job can read it.",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why, in a few words."},
    )


@require_http_methods(["GET", "POST"])
@access.require("correct_credit")
def correct_credit(request: Request, pk: int) -> HttpResponse:
    """Choose another touch, none, or the rule, with a reason."""
    found = access.get(request, Job, pk)
    before = corrections.latest(found)
    form = CorrectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _correct(request, found, form.cleaned_data)
        except corrections.Refused as refused:
            form.add_error(None, str(refused))
            before = corrections.latest(found)  # the page shows it, and what is typed can be sent again
        else:
            messages.success(request, f"Credit of job {found} corrected. The figures follow it.")
            return redirect("analytics:job", found.pk)
    context = {
        "form": form,
        "shown": job_evidence.of(found),
        "touches": corrections.touches(found, phone=request.GET.get("phone", "")),
        "never": corrections.never(found),
        "before": before,
        "chosen": _chosen(form.data.get("to", ""), found),
        "credited": _chosen("", found),
        "phone": request.GET.get("phone", ""),
    }
    return render(request, "analytics/correct_credit.html", context, status=422 if form.errors else 200)


def _chosen(said: str, found: Job) -> str:
    """The touch that is marked: the one somebody chose, else the one credited now."""
    if said:
        return said
    credit = JobCredit.objects.filter(job=found).first()
    if credit is None or not (credit.message_id or credit.phone_call_id):
        return ""
    return f"touch-{credit.message_id}" if credit.message_id else f"call-{credit.phone_call_id}"


def _correct(request: Request, found: Job, said: dict[str, Any]) -> None:
    kind, _, key = said["to"].partition("-")
    number = int(key) if key.isdecimal() and len(key) < 19 else None
    touched = {"call_id" if kind == "call" else "message_id": number}
    kind = str(CreditCorrection.Verdict.TOUCH) if kind == "call" else kind
    if kind not in CreditCorrection.Verdict.values:
        raise corrections.Refused("Choose what won this job. Nothing was changed.")
    corrections.correct(
        found, verdict=kind, reason=said["reason"], seen=said["seen"], by=request.user, now=clock.now(),
        **touched,
    )  # fmt: skip
