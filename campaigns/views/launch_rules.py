"""The rules of a launch: the builder of audiences inside the creation modal, over the open draft."""

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import access, audit
from accounts.access import Request
from audiences.forms import NAME_TAKEN
from audiences.models import Audience
from audiences.rules import builder
from audiences.views import rule_effects
from campaigns import drafts
from campaigns.drafts import Plan
from campaigns.views import launches
from common import clock


@require_POST
@access.require("launch_campaign")
def shape(request: Request) -> HttpResponse:
    """The rules as typed with one more, one fewer, or another field chosen; the draft keeps them so."""
    draft = drafts.open_for(request.account, request.user)
    rules = builder.typed(request.POST)
    focus = builder.edit(rules, request.POST["edit"]) if "edit" in request.POST else None
    if launches.current(request, draft):
        drafts.reshape(draft, rules, now=clock.now())
    return render(
        request, "audiences/rules_tree.html", launches.of_rules(draft, rules, focus=focus) | {"recount": True}
    )


@require_POST
@access.require("launch_campaign")
def effects(request: Request) -> HttpResponse:
    """What the chosen audience, and each narrowing rule, takes away; nothing where the draft is over."""
    draft = drafts.open_for(request.account, request.user)
    if not launches.current(request, draft):
        return HttpResponse(status=204)
    draft = drafts.keep(draft, "audience", request.POST, now=clock.now()) or draft
    plan = Plan(draft, now=clock.now())
    audience = plan.chosen("audience")
    if audience is None or plan.rule_problems:
        return HttpResponse(status=204)
    rules = builder.within(audience.pk, plan.rules or builder.nothing())
    url, asker = reverse("campaigns:launch_effects"), launches.asker(draft)
    return rule_effects.respond(request, rules, asked_by=asker, url=url, form="#launch-form", sample=False)


@require_POST
@access.require("build_audience")
def save(request: Request) -> HttpResponse:
    """Make an audience of what was chosen and typed, and choose it: the rules are its own from now on."""
    draft = drafts.open_for(request.account, request.user)
    if not launches.current(request, draft):
        return launches.gone(request, draft)
    draft = drafts.keep(draft, "audience", request.POST, now=clock.now()) or draft
    plan = Plan(draft, now=clock.now())
    form = plan.forms["audience"]
    name = str(plan.chosen("save_as") or "").strip()
    saved = None
    if not name:
        form.add_error("save_as", "Give the audience a name.")
    elif not plan.rule_problems:
        saved = _saved(request, plan, name)
        if saved is None:
            form.add_error("save_as", NAME_TAKEN)
    if saved is None:
        form.errors.pop("audience", None)  # to save one needs none
        return launches.show(request, plan, "audience", form=form, status=422)
    fields = {**draft.fields, "audience": str(saved.pk), "targeting": {}, "save_as": ""}
    drafts.fill(draft, fields)
    messages.success(request, f"The audience “{saved.name}” is saved, and chosen for this campaign.")
    return launches.show(request, Plan(draft, now=clock.now()), "audience")


def _saved(request: Request, plan: Plan, name: str) -> Audience | None:
    """The new audience; where one of that name has the same rules (a second click), that; else None."""
    chosen = plan.chosen("audience")
    rules = builder.within(chosen.pk, plan.rules or builder.nothing()) if chosen else plan.rules
    try:
        with transaction.atomic():
            found = Audience.objects.create(
                account=request.account,
                name=name,
                rules=rules,
                created_by=request.user,
                created_at=clock.now(),
            )
    except IntegrityError:
        return Audience.objects.filter(account=request.account, name=name, rules=rules).first()
    audit.record(
        account=request.account, by=request.user, verb="created_audience", summary=found.name, on=found
    )
    return found
