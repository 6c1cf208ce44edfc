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
from common import clock

# What pages say of waiting, in seconds.
WAITS = {"at_once": int(counting.AT_ONCE), "at_length": int(counting.AT_LENGTH)}


def respond(
    request: Request, rules: dict[str, Any], *, asked_by: str, url: str, form: str, sample: bool
) -> HttpResponse:
    """What each rule takes away, and what the exclusions that are off would; posting `form` to `url` asks
    again. With `sample` these are all the rules of the page, so that each is told its own, and some of those
    who are left are shown."""
    seconds, name = patience(request), asked_by and f"{asked_by}/effects"
    context: dict[str, Any] = {"again": url, "form": form, "with_sample": sample, **WAITS}
    try:
        with counting.within(seconds, asked_by=name):
            context |= _effects(request, rules, sample)
        context |= _off(request, rules, seconds, name)
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
    }
    if sample:
        query, params = segments.compile_ids(request.account, rules, now=now)
        context["sample"] = effects.sample(request.account, query, params)
    return context


def _off(request: Request, rules: dict[str, Any], seconds: float, name: str) -> dict[str, Any]:
    """What else could be left out; nothing where that takes too long to be known."""
    try:
        with counting.within(seconds, asked_by=name):
            found = effects.of_those_off(request.account, rules, now=clock.now())
    except counting.TakesLonger:
        return {}
    return {"off": [{"effect": one, "url": list_of(one.rules)} for one in found]}


def patience(request: Request) -> float:
    """How many seconds a count may take: more once somebody was told that it does."""
    longer = request.POST.get("longer") or request.GET.get("longer")
    return counting.AT_LENGTH if longer else counting.AT_ONCE


def list_of(rules: dict[str, Any]) -> str:
    """Where those who match are listed."""
    query = urlencode({"matching": json.dumps(rules, separators=(",", ":"))})
    return f"{reverse('audiences:contacts')}?{query}"
