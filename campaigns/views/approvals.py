"""A launch above the account's limit: what a second person looks at, approves or refuses."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from audiences import counting, segments
from campaigns import approving, launching, samples, starts, terms
from campaigns.models import Campaign, LaunchApproval
from campaigns.views import launch_summary
from campaigns.words import number_of
from common import clock
from common.htmx import leave_for, respond

TEMPLATE = "campaigns/approval.html"


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def approval(request: Request, pk: int) -> HttpResponse:
    """GET what was asked for, as a launch's review shows it; POST decides."""
    rows = Campaign.objects.select_related(
        "account", "version__workflow", "audience", "number", "playbook", "lane"
    )
    campaign = access.get(request, rows, pk)
    asked = get_object_or_404(
        LaunchApproval.objects.select_related("asked_by", "decided_by"), campaign=campaign
    )
    if request.method == "GET":
        return _show(request, campaign, asked)
    try:
        said = _decide(request, campaign)
    except (approving.NotPossible, launching.LaunchRefused) as refusal:
        why = request.POST.get("decision") == "refuse" and not request.POST.get("reason", "").strip()
        return _show(request, campaign, asked, error=str(refusal), why_missing=why, status=409)
    messages.success(request, said)
    return leave_for(request, "analytics:campaign", campaign.pk)


@require_POST
@access.require("launch_campaign")
def let_in(request: Request, pk: int) -> HttpResponse:
    """Let those enter who came to match beyond the account's limit."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    seen = request.POST.get("people", "")
    people = int(seen) if seen.isdecimal() and len(seen) < 10 else 0
    try:
        entering = approving.let_in(campaign, by=request.user, now=clock.now(), people=people)
    except approving.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nobody was let in. {refusal}")
    else:
        messages.success(request, f"{campaign.name}: {number_of(entering, 'customer')} more may enter now.")
    return leave_for(request, "analytics:campaign", campaign.pk)


def _decide(request: Request, campaign: Campaign) -> str:
    now = clock.now()
    if request.POST.get("decision") == "refuse":
        approving.refuse(campaign, by=request.user, now=now, reason=request.POST.get("reason", ""))
        return f"{campaign.name} is refused: it was not launched, and nobody got anything."
    seen = request.POST.get("people", "")
    people = int(seen) if seen.isdecimal() and len(seen) < 10 else 0
    approving.approve(campaign, by=request.user, now=now, people=people)
    return f"{campaign.name} is approved and launched. For a minute that can be undone."


def _show(
    request: Request,
    campaign: Campaign,
    asked: LaunchApproval,
    *,
    error: str = "",
    why_missing: bool = False,
    status: int = 200,
) -> HttpResponse:
    own = asked.asked_by_id == request.user.pk
    starts = campaign.starts_at
    context: dict[str, Any] = {
        "campaign": campaign, "asked": asked, "own": own, "error": error, "limit": approving.MOST_WORDS,
        "reason": request.POST.get("reason", ""), "why_missing": why_missing, "preview": None,
        "passed": starts is not None and starts <= clock.now(),
    }  # fmt: skip
    if asked.decided_at is None:
        context |= _reviewed(campaign)
    return respond(request, TEMPLATE, "approval", context, status=status)


def _reviewed(campaign: Campaign) -> dict[str, Any]:
    """What it comes to now."""
    draft, account = approving.draft_of(campaign), campaign.account
    try:
        with counting.within(counting.AT_LENGTH):
            preview = samples.preview(
                account, audience=draft.audience, targeting=draft.targeting, version=draft.version,
                number=draft.number, now=clock.now(), at=campaign.starts_at, terms=draft.terms,
                others=draft.others,
            )  # fmt: skip
    except counting.TakesLonger:
        return {"late": True}
    said = terms.in_words(draft.terms, account) + starts.in_words(draft.schedule, account)
    return {
        **launch_summary.counted(preview),
        "obstacles": launching.obstacles(account, draft, now=clock.now()),
        "warnings": launch_summary.of_people(preview, account, now=clock.now()),
        "terms": said,
        "numbers": draft.pool,
        "rules": segments.describe(account, campaign.audience_rules),
        "targeting": segments.describe(account, campaign.targeting) if campaign.targeting else [],
    }
