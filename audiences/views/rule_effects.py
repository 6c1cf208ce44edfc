"""What rules do, for the pages that show it beside the rules: an audience's and a launch's."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.access import Request
from audiences import counting, segments
from audiences.rules import builder, effects
from audiences.rules.exclusions import EXCLUSIONS
from common import clock

# What pages say of waiting, in seconds.
WAITS = {"at_once": int(counting.AT_ONCE), "at_length": int(counting.AT_LENGTH)}


def respond(
    request: Request, rules: dict[str, Any], *, asked_by: str, url: str, form: str, sample: bool
) -> HttpResponse:
    """What each rule takes away; posting `form` to `url` asks again. With `sample` these are all the rules of
    the page, so that each is told its own, and some of those who are left are shown.

    What the exclusions that are off would take away is asked for by the answer, with `off`: it may take
    longer.
    """
    seconds, name = patience(request), asked_by and f"{asked_by}/effects"
    if "off" in request.POST:
        return _respond_off(request, rules, name)
    context: dict[str, Any] = {"again": url, "form": form, "with_sample": sample, **WAITS}
    try:
        with counting.within(seconds, asked_by=name):
            context |= _effects(request, rules, sample)
    except counting.TakesLonger:
        context["late"] = "long" if seconds < counting.AT_LENGTH else "too long"
    except counting.Superseded:
        return HttpResponse(status=204)
    return render(request, "audiences/audience_details.html", context)


def _effects(request: Request, rules: dict[str, Any], sample: bool) -> dict[str, Any]:
    now = clock.now()
    everybody, found = effects.of_rules(request.account, rules, now=now)
    context: dict[str, Any] = {
        "everybody": everybody,
        "everybody_url": list_of(builder.nothing()),
        "steps": [{"effect": one, "url": list_of(one.rules)} for one in found],
        "some_off": any(key not in rules.get("exclusions", []) for key in EXCLUSIONS),
    }
    if sample:
        query, params = segments.compile_ids(request.account, rules, now=now)
        context["sample"] = effects.sample(request.account, query, params)
    return context


def _respond_off(request: Request, rules: dict[str, Any], name: str) -> HttpResponse:
    """Whom the exclusions that are off would leave out; nothing where nobody waits for it any more."""
    try:
        with counting.within(counting.AT_LENGTH, asked_by=name):
            found = effects.of_those_off(request.account, rules, now=clock.now())
    except (counting.TakesLonger, counting.Superseded):
        return HttpResponse(status=204)
    steps = [{"effect": one, "url": list_of(one.rules)} for one in found]
    return render(request, "audiences/exclusions_off.html", {"steps": steps})


def patience(request: Request) -> float:
    """How many seconds a count may take: more once somebody was told that it does."""
    longer = request.POST.get("longer") or request.GET.get("longer")
    return counting.AT_LENGTH if longer else counting.AT_ONCE


def list_of(rules: dict[str, Any]) -> str:
    """Where those who match are listed."""
    query = urlencode({"matching": json.dumps(rules, separators=(",", ":"))})
    return f"{reverse('audiences:contacts')}?{query}"
