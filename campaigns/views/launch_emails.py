"""The email of a launch in the making, as one contact would see it: for the frames of its review."""

from django.http import HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Request
from audiences.models import Contact
from campaigns import drafts, said, samples, units
from campaigns.drafts import Plan
from campaigns.models import LaunchDraft
from campaigns.views.designs import framed
from campaigns.views.message_emails import NOTHING
from common import clock


@require_safe
@xframe_options_sameorigin
@access.require("launch_campaign")
def email(request: Request) -> HttpResponse:
    """The first email alone, filled for `?contact=`; blank where this contact would get none."""
    return framed(_html(request) or NOTHING, request.GET.get("theme", ""))


def _html(request: Request) -> str:
    draft = LaunchDraft.objects.filter(account=request.account, user=request.user).first()
    plan = Plan(draft, now=clock.now()) if draft else None
    if plan is None or not plan.reachable(drafts.REVIEW):
        return ""
    typed = request.GET.get("contact", "")
    chosen = int(typed) if typed.isdecimal() and len(typed) < 18 else 0
    words = samples.first_email(plan.chosen("workflow"))
    people = list(access.rows(request, Contact).filter(pk=chosen).values_list("pk", flat=True))
    if words is None or not people:
        return ""
    sender = units.mailbox(request.account.pk, plan.rules, plan.chosen("audience").rules)
    found = said.emails(request.account, words, people, now=plan.now, sender=sender)
    return found[0].html if found else ""
