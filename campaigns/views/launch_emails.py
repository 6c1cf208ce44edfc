"""The email of a launch in the making, as one contact would see it: for the frames of its review."""

from typing import Any

from django.http import HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Request
from audiences.models import Contact
from campaigns import drafts, said, samples, units
from campaigns.drafts import Plan
from campaigns.models import Campaign, LaunchDraft, WorkflowVersion
from campaigns.views.designs import framed
from campaigns.views.message_emails import NOTHING
from common import clock

Rules = dict[str, Any]


@require_safe
@xframe_options_sameorigin
@access.require("launch_campaign")
def email(request: Request) -> HttpResponse:
    """The first email alone, filled for `?contact=`, of the open draft or of a campaign that waits for
    approval (`?of=`); blank where this contact would get none."""
    return framed(_html(request) or NOTHING, request.GET.get("theme", ""))


def _html(request: Request) -> str:
    chosen = _asked(request) if "of" in request.GET else _drafted(request)
    if chosen is None:
        return ""
    version, rules, audience = chosen
    typed = request.GET.get("contact", "")
    contact = int(typed) if typed.isdecimal() and len(typed) < 18 else 0
    words = samples.first_email(version)
    people = list(access.rows(request, Contact).filter(pk=contact).values_list("pk", flat=True))
    if words is None or not people:
        return ""
    sender = units.mailbox(request.account.pk, rules, audience)
    found = said.emails(request.account, words, people, now=clock.now(), sender=sender)
    return found[0].html if found else ""


def _drafted(request: Request) -> tuple[WorkflowVersion, Rules, Rules] | None:
    """Workflow, narrowing rules and audience of the open draft; None before its review may be visited."""
    draft = LaunchDraft.objects.filter(account=request.account, user=request.user).first()
    plan = Plan(draft, now=clock.now()) if draft else None
    if plan is None or not plan.reachable(drafts.REVIEW):
        return None
    return plan.chosen("workflow"), plan.rules, plan.chosen("audience").rules


def _asked(request: Request) -> tuple[WorkflowVersion, Rules, Rules]:
    """The same of a campaign, as it was frozen."""
    campaign = access.get(request, Campaign.objects.select_related("version"), request.GET["of"])
    return campaign.version, campaign.targeting, campaign.audience_rules
