"""The creation modal: five stages over one draft, in the page's modal or as a page of its own."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from audiences import counting, hours
from audiences.models import Audience
from audiences.rules import builder
from audiences.rules.trees import Path, Problem
from audiences.views import rule_effects
from campaigns import approving, cloning, drafts, launching, samples, words
from campaigns.drafts import ORDER, REVIEW, STAGES, Plan
from campaigns.models import Campaign, LaunchDraft
from campaigns.views import launch_rechecks, launch_summary
from common import clock
from common.htmx import leave_for, respond
from conversations import trial_texts

TEMPLATE = "campaigns/launch.html"
GONE = "That draft was discarded or launched elsewhere. This is a new one."
OVERTAKEN = (
    "That form was out of date: its draft was launched, undone or replaced elsewhere. It sent nothing. This "
    "is your draft as it is now."
)


@require_GET
@access.require("launch_campaign")
def launch(request: Request) -> HttpResponse:
    """Go on with the open draft, or begin one, empty or filled from `?from=` a campaign or `?audience=`."""
    draft = drafts.open_for(request.account, request.user)
    wanted, fields, clone = _template(request)
    if fields and draft.begun:
        return _answer(
            request, Plan(draft, now=clock.now()), {"asked": wanted, "query": request.GET.urlencode()}
        )
    if fields:
        drafts.fill(draft, fields)
    plan = Plan(draft, now=clock.now())
    stage = "workflow" if fields else plan.resume_at()
    continued = draft.begun and not fields
    return show(request, plan, stage, form=plan.overtaken(stage), continued=continued, clone=clone)


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def stage(request: Request, stage: str) -> HttpResponse:
    """One stage: GET it; POST keeps what was typed and goes on, or answers 422; the review's launches."""
    _known(stage)
    draft = drafts.open_for(request.account, request.user)
    if request.method == "POST":
        if not current(request, draft):
            return gone(request, draft)
        return (
            _send(request, draft)
            if stage == REVIEW and not _going(request)
            else _go_on(request, draft, stage)
        )
    plan = Plan(draft, now=clock.now())
    stage = stage if plan.reachable(stage) else plan.furthest()
    return show(request, plan, stage, form=plan.overtaken(stage))


@require_POST
@access.require("launch_campaign")
def keep(request: Request, stage: str) -> HttpResponse:
    """Keep what is typed while it is typed. Quietly: what was said to be wrong is looked at again, nothing is
    counted; else the summary beside it, counted anew."""
    _known(stage)
    draft = drafts.open_for(request.account, request.user)
    kept = drafts.keep(draft, stage, request.POST, now=clock.now()) if current(request, draft) else None
    if "quiet" in request.GET:
        return launch_rechecks.rechecked(request, kept, stage)
    plan = Plan(kept or draft, now=clock.now())
    try:
        summary = launch_summary.summary(
            plan, stage, seconds=rule_effects.patience(request), asked_by=asker(draft)
        )
    except counting.Superseded:
        return HttpResponse(status=204)
    context = {"stage": STAGES[stage], "lost": kept is None, **summary}
    if stage == "audience":
        context["told"] = builder.told(plan.rules_typed, plan.rule_problems)
    return render(request, "campaigns/launch_kept.html", context)


@require_POST
@access.require("launch_campaign")
def take_numbers(request: Request) -> HttpResponse:
    """Send from the numbers that were suggested, and look at the review again; nothing is launched."""
    draft = drafts.open_for(request.account, request.user)
    if not current(request, draft):
        return gone(request, draft)
    drafts.take_numbers(draft, request.POST.getlist("take"), now=clock.now())
    plan = Plan(drafts.open_for(request.account, request.user), now=clock.now())
    stage = REVIEW if plan.reachable(REVIEW) else plan.furthest()
    if request.htmx:  # type: ignore[attr-defined]
        return show(request, plan, stage)
    return redirect("campaigns:launch_stage", stage)


@require_POST
@access.require("launch_campaign")
def discard(request: Request) -> HttpResponse:
    """Start over: the draft is forgotten, and an empty one begins, or one from `?from=` or `?audience=`."""
    drafts.discard(drafts.open_for(request.account, request.user))
    if not request.htmx:  # type: ignore[attr-defined]
        target = redirect("campaigns:launch")
        target["Location"] += f"?{request.GET.urlencode()}" if request.GET else ""
        return target
    draft = drafts.open_for(request.account, request.user)
    _, fields, clone = _template(request)
    drafts.fill(draft, fields)
    return show(request, Plan(draft, now=clock.now()), "workflow", clone=clone)


def _known(stage: str) -> None:
    if stage not in STAGES:
        raise Http404(f"no stage {stage}")


def _template(request: Request) -> tuple[str, dict[str, Any], cloning.Clone | None]:
    """What a new draft is filled from, in words and as fields; of a campaign with what was not copied."""
    if pk := request.GET.get("from"):
        known = Campaign.objects.select_related(
            "account", "version__workflow", "audience", "number", "lane", "playbook"
        )
        campaign = access.get(request, known, pk)
        clone = cloning.of(campaign)
        return f"a copy of {campaign.name}", clone.fields, clone
    if pk := request.GET.get("audience"):
        audience = access.get(request, Audience, pk)
        return f"a campaign for {audience.name}", {"audience": str(audience.pk)}, None
    return "", {}, None


def current(request: Request, draft: LaunchDraft) -> bool:
    return request.POST.get("token") == str(draft.token)


def gone(request: Request, draft: LaunchDraft) -> HttpResponse:
    """A form whose draft is over: what it launched, else a new draft."""
    campaign = drafts.launched_with(request.account, request.POST.get("token", ""))
    if campaign is not None:
        if not draft.begun:
            drafts.discard(draft)
        return leave_for(request, "analytics:campaign", campaign.pk)
    plan = Plan(draft, now=clock.now())
    if draft.begun:  # given back by an undone launch, or begun in another window
        return show(request, plan, plan.resume_at(), status=409, alert=OVERTAKEN)
    return show(request, plan, "workflow", status=409, alert=GONE)


def _going(request: Request) -> str:
    """The stage that somebody asked for by name, if any."""
    wanted = request.POST.get("go", "")
    return wanted if wanted in STAGES else ""


def _go_on(request: Request, draft: LaunchDraft, stage: str) -> HttpResponse:
    """Keep what was typed; back to where somebody asked, or forward if it holds."""
    draft = drafts.keep(draft, stage, request.POST, now=clock.now()) or draft
    plan = Plan(draft, now=clock.now())
    target = _going(request) or ORDER[ORDER.index(stage) + 1]
    if ORDER.index(target) > ORDER.index(stage) and not plan.done(stage):
        return show(request, plan, stage, form=plan.forms[stage], status=422)
    target = target if plan.reachable(target) else plan.furthest()
    if request.htmx:  # type: ignore[attr-defined]
        return show(request, plan, target, form=plan.overtaken(target))
    return redirect("campaigns:launch_stage", target)


def _send(request: Request, draft: LaunchDraft) -> HttpResponse:
    """Launch once, if the audience is still the one that was reviewed."""
    plan = Plan(draft, now=clock.now())
    if not plan.reachable(REVIEW):
        behind = plan.furthest()
        return show(request, plan, behind, form=plan.forms[behind], status=422)
    try:
        with counting.within(counting.AT_LENGTH):
            preview = plan.preview()
    except counting.TakesLonger:
        return show(request, plan, REVIEW, late="too long", status=409)
    assert preview is not None  # a reachable review has an audience
    if refusal := _refusal(request, plan, preview):
        return show(request, plan, REVIEW, preview=preview, status=409, **refusal)
    try:
        campaign = drafts.launch(plan, by=request.user)
    except launching.LaunchRefused as refused:
        found = [error for errors in refused.errors.values() for error in errors]
        return show(request, plan, REVIEW, preview=preview, status=422, errors=found)
    messages.success(request, _launched(campaign, preview, later=plan.later))
    return leave_for(request, "analytics:campaign", campaign.pk)


def _refusal(request: Request, plan: Plan, preview: samples.Preview) -> dict[str, Any]:
    """Why the button was not obeyed: not the launch or audience that was reviewed, or a number not typed."""
    if request.POST.get("plan") != plan.fingerprint:
        return {"altered": True}
    seen = request.POST.get("admitted", "")
    before = int(seen) if seen.isdecimal() and len(seen) < 10 else 0
    if not preview.errors and drafts.changed_much(before, preview.admitted):
        return {"changed": launch_summary.changes({**plan.draft.reviewed, "admitted": before}, preview)}
    if moved := launch_summary.moved(request.POST.get("first", ""), preview):
        return {"moved": moved}
    digits = "".join(filter(str.isdigit, request.POST.get("typed", "")))
    if preview.admitted > drafts.TYPED_ABOVE and digits != seen:
        return {"typed_wrong": True, "typed": request.POST.get("typed", "")[: drafts.MOST_LETTERS]}
    return {}


def show(
    request: Request,
    plan: Plan,
    stage: str,
    *,
    form: Any = None,
    status: int = 200,
    preview: samples.Preview | None = None,
    late: str = "",
    **more: Any,
) -> HttpResponse:
    """A stage with its form and the summary; where the person is now is remembered."""
    LaunchDraft.objects.filter(pk=plan.draft.pk).update(stage=stage)
    seconds = rule_effects.patience(request) if stage == REVIEW else counting.FIRST_PAINT
    summary = launch_summary.summary(plan, stage, preview, seconds=0 if late else seconds)
    form = form or plan.unbound(stage)
    context = {"form": form, **_frame(request, plan, stage), **summary, **more}
    if late:
        context["late"] = late
    if stage == "audience":
        context |= of_rules(plan.draft, plan.rules_typed, plan.rule_problems)
    if stage == REVIEW and context["preview"] is not None:
        context |= _reviewed(plan, context["preview"])
    return _answer(request, plan, context, status)


def _frame(request: Request, plan: Plan, stage: str) -> dict[str, Any]:
    """What stands around every stage."""
    return {
        "stage": STAGES[stage],
        "nav": _nav(plan, stage),
        "before": ORDER[ORDER.index(stage) - 1] if stage != ORDER[0] else "",
        "hours": words.hours(hours.window_of(request.account.pk)),
    }


def _reviewed(plan: Plan, preview: samples.Preview) -> dict[str, Any]:
    """What the last stage says beside the summary; that it was seen is remembered."""
    drafts.review(plan, preview)
    above = approving.rules_of(plan.draft.account).approval_above
    return {
        "warnings": launch_summary.warnings(preview, plan),
        "obstacles": launching.obstacles(plan.draft.account, plan.to_launch(), now=plan.now),
        "type_it": preview.admitted > drafts.TYPED_ABOVE,
        "needs_approval": above if above is not None and preview.admitted > above else None,
        "once": uuid.uuid4(),
        "own_phone": trial_texts.phone_of(plan.draft.account, plan.draft.user),
    }


def _answer(request: Request, plan: Plan, context: dict[str, Any], status: int = 200) -> HttpResponse:
    target = str(getattr(request.htmx, "target", "") or "")  # type: ignore[attr-defined]
    shared = {"draft": plan.draft, "plan": plan, "in_modal": "modal-body" in target}
    return respond(request, TEMPLATE, "launch", {**shared, **context}, status=status)


def _nav(plan: Plan, here: str) -> list[dict[str, Any]]:
    """The stages as the line above the form shows them."""
    return [
        {
            "stage": stage,
            "here": stage.slug == here,
            "open": stage.slug != here and plan.reachable(stage.slug),
            "done": plan.done(stage.slug),
        }
        for stage in STAGES.values()
    ]


def _launched(campaign: Campaign, preview: samples.Preview, *, later: bool) -> str:
    people = words.number_of(preview.admitted, "contact")
    if campaign.status == Campaign.Status.CREATED:
        return (
            f"{campaign.name} to {people} waits for approval by somebody else who may launch. Until then "
            "nobody is in it, and nothing is sent."
        )
    did = "scheduled for" if later else "launched to"
    return f"{campaign.name} is {did} {people}. You can undo that for 60 seconds; nothing is sent before."


def of_rules(
    draft: LaunchDraft, rules: dict[str, Any], problems: Sequence[Problem] = (), *, focus: Path | None = None
) -> dict[str, Any]:
    """What the component of rules has to know of the modal."""
    return {
        "root": builder.rows(draft.account, rules, list(problems), focus=focus),
        "units": builder.UNITS,
        "exclusions": builder.exclusions(rules),
        "rules_form": "#launch-form",
        "shape_url": reverse("campaigns:launch_shape"),
        "recount_url": reverse("campaigns:launch_keep", args=["audience"]),
        "recount_target": "#launch-summary",
        "recount_swap": "outerMorph",
        "nobody_narrowed": "No rule: the whole audience gets it. Each rule leaves fewer customers.",
    }


def asker(draft: LaunchDraft) -> str:
    """The draft that a count is for: what is typed next ends what is still counted for it."""
    return f"launch-{draft.token.hex[:12]}"
