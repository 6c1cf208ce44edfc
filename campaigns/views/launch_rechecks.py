"""What was said to be wrong at a stage of a launch, looked at again with every change."""

from django.http import HttpResponse
from django.shortcuts import render

from accounts.access import Request
from campaigns.drafts import Plan
from campaigns.models import LaunchDraft
from common import clock

TEMPLATE = "campaigns/launch_rechecked.html"
FIELD = "parts/field.html"
PIECES = {
    "number": "campaigns/launch_sender.html#number",
    "targeting": "",  # rules say it at their own rows: templates/audiences/rules_told.html
    **{name: f"campaigns/launch_time.html#{name}" for name in ("start", "first", "exits", "joining")},
}
"""Fields that are not drawn as others are → what draws them."""


def rechecked(request: Request, draft: LaunchDraft | None, stage: str) -> HttpResponse:
    """The fields that the form of a stage shows as wrong (`wrong`), with what is wrong with them now; nothing
    where it shows none, has no form, or its draft is gone. What nobody was told of waits for Continue."""
    told = request.POST.getlist("wrong")
    form = Plan(draft, now=clock.now()).forms.get(stage) if draft and told else None
    if form is None:
        return HttpResponse(status=204)
    fields = [field for field in form if field.name in told]
    left = bool(form.non_field_errors()) or any(field.errors for field in fields)
    pieces = [(field, PIECES.get(field.name, FIELD)) for field in fields]
    return render(request, TEMPLATE, {"form": form, "rechecked": pieces, "left": left})
