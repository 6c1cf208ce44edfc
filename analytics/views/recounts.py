"""Settings, Recounts: whether the counters agree with their rows, and counting again now."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import access
from analytics import recounting
from analytics.models import RecountRun
from common import clock
from common.htmx import respond_live, version_of

SHOWN = 30


@require_http_methods(["GET", "HEAD", "POST"])
@access.require(post="manage_account")
def recounts(request: access.Request) -> HttpResponse:
    """The latest runs, live, with what they found; POST asks for another one."""
    if request.method == "POST":
        asked = recounting.ask(request.account, by=request.user, now=clock.now())
        words = "Counting has begun." if asked else "Counting is under way already. Nothing was changed."
        messages.info(request, words)
        return redirect("analytics:recounts")
    runs = list(
        access.rows(request, RecountRun).select_related("asked_by").order_by("-asked_at", "-pk")[:SHOWN]
    )
    over = next((run for run in runs if run.finished_at), None)
    context = {
        "runs": runs,
        "latest": over,
        "found": recounting.found(over) if over else [],
        "parked": recounting.parked(over) if over else [],
        "busy": any(run.finished_at is None for run in runs),
    }
    shown = [
        (run.pk, run.finished_at, run.campaigns, run.cells, run.differing, len(run.parked)) for run in runs
    ]
    version = version_of((shown, request.role, request.account.timezone))
    return respond_live(request, "settings/recounts.html", "recounts", context, version=version)
