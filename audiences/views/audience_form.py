"""Building an audience, with a count that follows every change."""

import json
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, audit
from accounts.access import Request
from accounts.models import AuditEntry
from audiences import counting, segments
from audiences.forms import AudienceForm
from audiences.models import Audience
from audiences.rules import builder
from audiences.rules.trees import Problem
from audiences.views import rule_effects

PAGE = "audiences/audience_form.html"


@require_http_methods(["GET", "POST"])
@access.require("build_audience")
def create(request: Request) -> HttpResponse:
    """A new audience; `?copy=` another one begins with its rules."""
    audience = Audience(account=request.account, created_by=request.user, rules=builder.fresh())
    if copied := request.GET.get("copy", ""):
        original = access.get(request, Audience, copied)
        audience.name, audience.rules = f"Copy of {original.name}"[:120], original.rules
    return _edit(request, audience)


@require_http_methods(["GET", "POST"])
@access.require("view", post="build_audience")
def edit(request: Request, pk: int) -> HttpResponse:
    """An existing audience: everybody may look, builders may change it."""
    audience = access.get(request, Audience.objects.select_related("account"), pk)
    if request.method == "POST" and "copy" in request.POST:
        return _edit(request, Audience(account=request.account, created_by=request.user), copied=True)
    return _edit(request, audience)


@require_POST
@access.require("build_audience")
def shape(request: Request) -> HttpResponse:
    """The rules as typed with one more, one fewer, or another field chosen."""
    rules = builder.typed(request.POST)
    focus = builder.edit(rules, request.POST["edit"]) if "edit" in request.POST else None
    context = {"root": builder.rows(request.account, rules, [], focus=focus), "recount": True}
    return render(request, "audiences/rules_tree.html", context | _page_of_rules(rules))


@require_POST
@access.require("build_audience")
def choices(request: Request) -> HttpResponse:
    """What a rule may ask for, of thousands: the ticked ones and those that answer to what was typed."""
    node = builder.sought(request.account, request.POST)
    if node is None:
        return HttpResponse(status=204)
    return render(request, "audiences/rule.html#rule-choices", {"node": node})


@require_POST
@access.require("view")
def count(request: Request) -> HttpResponse:
    """The fragment beside the form: how many contacts the rules as typed match, or what they lack, which
    the rules say, too."""
    rules, problems = _typed(request)
    try:
        counted = _counted(request, rules, problems, seconds=rule_effects.patience(request))
    except counting.Superseded:
        return HttpResponse(status=204)
    told = builder.told(builder.typed(request.POST), problems)
    return render(request, f"{PAGE}#audience-count", {"fragment": True, "told": told, **counted})


@require_POST
@access.require("view")
def details(request: Request) -> HttpResponse:
    """What each rule takes away, and some of those who are left."""
    rules, problems = _typed(request)
    if problems:
        return HttpResponse(status=204)
    return rule_effects.respond(
        request,
        rules,
        asked_by=_asker(request),
        url=reverse("audiences:details"),
        form="#builder",
        sample=True,
    )


def _typed(request: Request) -> tuple[dict[str, Any], list[Problem]]:
    """The rules in a request: from the builder, or whole from the page of somebody who may only look."""
    own = request.POST.get("audience", "")
    kept = request.POST.get("rules")
    rules = builder.stored(builder.parsed(kept)) if kept else builder.typed(request.POST)
    known = own.isdecimal() and len(own) < 19
    return builder.complete(request.account, rules, int(own) if known else None)


def _edit(request: Request, audience: Audience, *, copied: bool = False) -> HttpResponse:
    posted = request.method == "POST"
    typed = request.POST.copy() if posted else None
    if typed is not None and copied:
        typed["name"] = audience.free_name(typed.get("name", "").strip())
    seen = typed["seen"] if typed and "seen" in typed else audience.seal
    form = AudienceForm(typed, audience=audience)
    if posted:
        rules, problems = builder.complete(request.account, builder.typed(request.POST), audience.pk)
    else:
        rules = builder.stored(audience.rules)
        problems = segments.problems(request.account, audience.rules, audience=audience.pk)
    verb = "changed_audience" if audience.pk else "created_audience"
    if posted and form.is_valid() and not problems and form.save(rules):
        audit.record(account=request.account, by=request.user, verb=verb, summary=audience.name, on=audience)
        other = " The one that was changed meanwhile stays as it is." if copied else ""
        messages.success(request, f"The audience “{audience.name}” is saved.{other}")
        return redirect("audiences:list")
    context = {
        "form": form,
        "audience": audience,
        "seen": seen,
        "overtaken": _overtaken_by(audience) if form.overtaken else None,
        "asker": uuid4().hex[:12],
        "root": builder.rows(request.account, rules, problems),
        "errors": problems,
        "words": segments.describe(request.account, audience.rules),
        **_page_of_rules(rules),
        **_counted(request, rules, problems, seconds=counting.FIRST_PAINT),
    }
    return render(request, PAGE, context, status=409 if form.overtaken else 422 if posted else 200)


def _overtaken_by(audience: Audience) -> AuditEntry | None:
    """Who saved it meanwhile, and when."""
    return AuditEntry.objects.about(audience).select_related("by").order_by("-at", "-pk").first()


def _page_of_rules(rules: dict[str, Any]) -> dict[str, Any]:
    """What the component of rules has to know of the page that it stands on."""
    return {
        "units": builder.UNITS,
        "exclusions": builder.exclusions(rules),
        "rules_form": "#builder",
        "shape_url": reverse("audiences:shape"),
        "recount_url": reverse("audiences:count"),
        "recount_target": "#audience-count",
        "nobody_narrowed": "No rule yet: everybody who is active. Add the first rule to narrow it.",
    }


def _counted(
    request: Request, rules: dict[str, Any], problems: list[Problem], *, seconds: float
) -> dict[str, Any]:
    """How many match, or what is wrong, or that it takes longer."""
    found: dict[str, Any] = {
        "problems": problems,
        "list_url": rule_effects.list_of(rules),
        "rules_json": json.dumps(rules),
    }
    found |= rule_effects.WAITS
    if problems:
        return found
    try:
        with counting.within(seconds, asked_by=_asker(request)):
            return found | {"matching": segments.count(request.account, rules)}
    except counting.TakesLonger:
        words = {counting.FIRST_PAINT: "first", counting.AT_LENGTH: "too long"}
        return found | {"late": words.get(seconds, "long")}


def _asker(request: Request) -> str:
    """The open page that a count is for; nobody ends what other people count."""
    page = "".join(filter(str.isalnum, request.POST.get("asker", "")))[:12]
    return f"{request.user.pk}-{page}" if page else ""
