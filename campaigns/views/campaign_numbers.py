"""The numbers of a running campaign: chosen in the page's modal or on a page, changed at once, and back."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from campaigns import pool_changes, pools
from campaigns.forms import NumbersForm
from campaigns.lifecycle import NotPossible
from campaigns.models import Campaign
from common import clock
from common.htmx import respond
from integrations.models import SendingNumber

CHANGED = "Somebody has changed the numbers since you opened this. Look again, then decide."


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def numbers(request: Request, pk: int) -> HttpResponse:
    """Send from these numbers from now on; the answer takes it back."""
    campaign = access.get(request, Campaign.objects.select_related("account", "number__connection"), pk)
    before = pools.numbers_of(campaign)
    form = _form(request, before)
    if request.method == "GET":
        return _answer(request, campaign, before, form=form)
    if request.POST.get("seen") != _seen(before):
        return _answer(request, campaign, before, form=_form(request, before, fresh=True), error=CHANGED)
    if not form.is_valid():
        return _answer(request, campaign, before, form=form, status=422)
    chosen = list(form.cleaned_data["number"])
    try:
        pool_changes.change(campaign, chosen, by=request.user, now=clock.now())
    except NotPossible as refusal:
        return _answer(request, campaign, before, form=form, error=str(refusal))
    said = f"{campaign.name} sends from {pools.in_words(chosen)} from now on. What was sent stays sent."
    return trigger_client_event(_answer(request, campaign, chosen, done=said, before=before), "refresh")


def _form(request: Request, before: Sequence[SendingNumber], *, fresh: bool = False) -> NumbersForm:
    """What may be chosen: the account's active numbers, and those of the campaign, whatever they are."""
    data = request.POST if request.method == "POST" and not fresh else None
    form = NumbersForm(data, initial={"number": [number.pk for number in before]})
    active = Q(active=True) | Q(pk__in=[number.pk for number in before])
    form.offer(access.rows(request, SendingNumber).filter(active))
    return form


def _seen(numbers: Sequence[SendingNumber]) -> str:
    """Names a pool, so that nobody changes one they have not seen."""
    return "-".join(str(pk) for pk in sorted(number.pk for number in numbers))


def _answer(
    request: Request, campaign: Campaign, now: Sequence[SendingNumber], *, status: int = 200, **more: Any
) -> HttpResponse:
    possible = campaign.status in pool_changes.LIVE
    context = {"campaign": campaign, "possible": possible, "seen": _seen(now), **more}
    return respond(
        request, "campaigns/pool.html", "pool", context, status=409 if more.get("error") else status
    )
