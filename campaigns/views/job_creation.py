"""Settings, Bookings: whether a workflow's booking step asks the office or creates the job itself."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import Request
from campaigns import job_creation
from campaigns.job_creation_form import JobCreationForm
from campaigns.models import JobCreation
from common import clock


@require_http_methods(["GET", "POST"])
@access.require("manage_providers")
def bookings(request: Request) -> HttpResponse:
    """What holds now; a change holds for bookings that were not asked for yet."""
    row = access.rows(request, JobCreation).first() or JobCreation(account=request.account)
    now_allowed, lead_days = row.allowed, row.lead_days
    before = {name: getattr(row, name) for name in JobCreationForm.Meta.fields}
    form = JobCreationForm(request.POST or None, instance=row, account=request.account)
    if request.method == "POST" and form.is_valid():
        _save(request, form, before)
        return redirect("campaigns:bookings")
    window = job_creation.first_window(request.account, lead_days, now=clock.now())
    context: dict[str, Any] = {
        "form": form,
        "allowed": now_allowed,
        "window": job_creation.window_words(*window, request.account.zone) if window else "",
    }
    return render(request, "settings/bookings.html", context, status=422 if form.errors else 200)


def _save(request: Request, form: JobCreationForm, before: dict[str, Any]) -> None:
    if not form.has_changed():
        messages.info(request, "Nothing was different, so nothing was changed.")
        return
    job_creation.keep(form.instance, {name: before[name] for name in form.changed_data}, by=request.user)
    if form.instance.allowed:
        messages.success(request, "Saved. From now on booking steps create jobs.")
    else:
        messages.success(request, "Saved. Booking steps ask the office with a request.")
