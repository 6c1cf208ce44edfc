"""Testing a launch in the making on oneself: its first text or email, really sent, before anybody is."""

import uuid

from django.contrib import messages as toasts
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from audiences.models import Contact
from campaigns import drafts, trials
from campaigns.drafts import REVIEW, Plan
from campaigns.views import launches, once
from common import clock
from common.phone import textable
from conversations.trial_texts import TrialRefused


@require_POST
@access.require("launch_campaign")
def send(request: Request) -> HttpResponse:
    """Send the first text (`text`, a contact's id) or email (`email`) to whoever asks, as this customer would
    read it. Nothing is launched."""
    try:
        toasts.success(request, _send(request))
    except TrialRefused as refused:
        toasts.error(request, str(refused))
    if request.htmx:  # type: ignore[attr-defined]
        return once.anew(request, "launch-once")
    return redirect("campaigns:launch_stage", REVIEW)


def _send(request: Request) -> str:
    draft = drafts.open_for(request.account, request.user)
    now = clock.now()
    plan = Plan(draft, now=now)
    if not (launches.current(request, draft) and plan.reachable(REVIEW)):
        raise TrialRefused("No test was sent: this launch was changed elsewhere. Load the page again.")
    which = "text" if "text" in request.POST else "email"
    typed = request.POST.get(which, "")
    pk = int(typed) if typed.isdecimal() and len(typed) < 18 else 0
    contact = access.get(request, Contact, pk)
    phone = textable(request.POST.get("phone", ""))
    press = uuid.uuid5(once.token(request), f"{which} {pk} {phone}")
    if which == "email":
        return trials.first_email(plan, contact, by=request.user, token=press, now=now)
    return trials.first_text(plan, contact, phone=phone, by=request.user, token=press, now=now)
