"""Building an audience, with a count that follows every change."""

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, audit
from accounts.access import Request
from audiences import segments
from audiences.forms import AudienceForm
from audiences.models import Audience
from audiences.rules import builder, effects
from audiences.rules.exclusions import EXCLUSIONS
from audiences.rules.trees import Problem
from common import clock

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
    return _edit(request, access.get(request, Audience.objects.select_related("account"), pk))


@require_POST
@access.require("build_audience")
def shape(request: Request) -> HttpResponse:
    """The rules as typed with one more, one fewer, or another field chosen."""
    rules = builder.typed(request.POST)
    focus = builder.edit(rules, request.POST["edit"]) if "edit" in request.POST else None
    context = {"root": builder.rows(request.account, rules, [], focus=focus), "recount": True}
    return render(request, f"{PAGE}#rules-tree", context | _kept(rules))


@require_POST
@access.require("view")
def count(request: Request) -> HttpResponse:
    """The fragment beside the form: how many contacts the rules as typed match, or what they lack."""
    rules, problems = _typed(request)
    context = {"fragment": True, **_counted(request, rules, problems)}
    return render(request, f"{PAGE}#audience-count", context)


@require_POST
@access.require("view")
def details(request: Request) -> HttpResponse:
    """What each rule takes away, and some of those who are left."""
    rules, problems = _typed(request)
    if problems:
        return HttpResponse(status=204)
    now = clock.now()
    everybody, found = effects.of_rules(request.account, rules, now=now)
    steps = [{"effect": one, "url": _list_of(one.rules)} for one in found]
    query, params = segments.compile_ids(request.account, rules, now=now)
    context = {
        "everybody": everybody,
        "everybody_url": _list_of({"match": "all", "rules": []}),
        "steps": steps,
        "sample": effects.sample(request.account, query, params),
    }
    return render(request, "audiences/audience_details.html", context)


def _typed(request: Request) -> tuple[dict[str, Any], list[Problem]]:
    """The rules in a request: from the builder, or whole from the page of somebody who may only look."""
    own = request.POST.get("audience", "")
    kept = request.POST.get("rules")
    rules = builder.stored(builder.parsed(kept)) if kept else builder.typed(request.POST)
    known = own.isdecimal() and len(own) < 19
    return builder.complete(request.account, rules, int(own) if known else None)


def _edit(request: Request, audience: Audience) -> HttpResponse:
    posted = request.method == "POST"
    form = AudienceForm(request.POST if posted else None, audience=audience)
    if posted:
        rules, problems = builder.complete(request.account, builder.typed(request.POST), audience.pk)
    else:
        rules = builder.stored(audience.rules)
        problems = segments.problems(request.account, audience.rules, audience=audience.pk)
    verb = "changed_audience" if audience.pk else "created_audience"
    if posted and form.is_valid() and not problems and form.save(rules):
        audit.record(
            account=request.account, by=request.user, verb=verb, summary=f"{audience.name}", on=audience
        )
        messages.success(request, f"The audience “{audience.name}” is saved.")
        return redirect("audiences:list")
    context = {
        "form": form,
        "audience": audience,
        "root": builder.rows(request.account, rules, problems),
        "errors": [problem.words for problem in problems],
        "words": segments.describe(request.account, audience.rules),
        **_kept(rules),
        **_counted(request, rules, problems),
    }
    return render(request, PAGE, context, status=422 if posted else 200)


def _kept(rules: dict[str, Any]) -> dict[str, Any]:
    """Whom the audience leaves out by default, and which of it is switched on."""
    return {
        "units": builder.UNITS,
        "exclusions": [(one, one.key in rules.get("exclusions", [])) for one in EXCLUSIONS.values()],
    }


def _counted(request: Request, rules: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    return {
        "problems": [problem.words for problem in problems],
        "matching": None if problems else segments.count(request.account, rules),
        "list_url": _list_of(rules),
        "rules_json": json.dumps(rules),
    }


def _list_of(rules: dict[str, Any]) -> str:
    """Where those who match are listed."""
    query = urlencode({"matching": json.dumps(rules, separators=(",", ":"))})
    return f"{reverse('audiences:contacts')}?{query}"
