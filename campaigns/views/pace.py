"""The pace of a running campaign: asked for in the page's modal or as a page, changed at once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from campaigns import capacity, lifecycle, pools, standing, terms
from campaigns.models import Campaign
from campaigns.terms_form import PaceForm
from common import clock
from common.htmx import respond


@require_http_methods(["GET", "POST"])
@access.require("pause_campaign")
def pace(request: Request, pk: int) -> HttpResponse:
    """At most so many texts an hour from now on."""
    campaign = access.get(request, Campaign.objects.select_related("account", "lane", "number"), pk)
    if request.method == "GET":
        return _ask(
            request, campaign, PaceForm(initial={"texts_per_hour": terms.of(campaign).texts_per_hour})
        )
    form = PaceForm(request.POST)
    if not form.is_valid():
        return _ask(request, campaign, form, status=422)
    chosen = form.cleaned_data["texts_per_hour"]
    try:
        lifecycle.change_pace(campaign, chosen, by=request.user, now=clock.now())
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
    else:
        before = standing.of(campaign)
        words = f"{before.sent_words} {before.running_words('goes on', 'go on')}"
        messages.success(request, f"{campaign.name}: {terms.pace_words(chosen)}, from now on. {words}")
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("analytics:campaign", campaign.pk)
    answer = trigger_client_event(HttpResponse(status=204), "refresh")
    return trigger_client_event(answer, "close-modal")


def _ask(request: Request, campaign: Campaign, form: PaceForm, status: int = 200) -> HttpResponse:
    context = {
        "campaign": campaign,
        "form": form,
        "now": terms.pace_words(terms.of(campaign).texts_per_hour),
        "numbers": (numbers := pools.numbers_of(campaign)),
        "fastest": capacity.speed(numbers) * 3600,
        "possible": campaign.status in lifecycle.POSSIBLE["change_pace"],
    }
    return respond(request, "campaigns/pace.html", "pace", context, status=status)
