"""The saved audiences of an account."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from audiences import counting, segments
from audiences.models import Audience


@require_GET
@access.require("view")
def audience_list(request: HttpRequest) -> HttpResponse:
    """Every audience with its rules in words; how many match is asked for a row once it is in sight."""
    found = []
    rows = access.rows(request, Audience.objects.select_related("account", "created_by"))
    for audience in rows.order_by("name", "pk"):
        said, errors = segments.told(audience.account, audience.rules)
        found.append({"audience": audience, "errors": errors, "words": said})
    return render(request, "audiences/audience_list.html", {"found": found})


@require_GET
@access.require("view")
def saved_count(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment in an audience's row: how many contacts match now."""
    audience = access.get(request, Audience.objects.select_related("account"), pk)
    errors = segments.validate(audience.account, audience.rules)
    context: dict[str, Any] = {"audience": audience}
    if not errors:
        try:
            with counting.within(counting.AT_LENGTH):
                context["matching"] = segments.count(audience.account, audience.rules)
        except counting.TakesLonger:
            context["late"] = True
    return render(request, "audiences/audience_list.html#saved-count", context)
