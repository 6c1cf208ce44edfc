"""The saved audiences of an account."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from audiences import segments
from audiences.models import Audience


@require_GET
@access.require("view")
def audience_list(request: HttpRequest) -> HttpResponse:
    """Every audience with its rules in words and how many contacts match now."""
    found = []
    for audience in access.rows(request, Audience).order_by("name", "pk"):
        errors = segments.validate(audience.account, audience.rules)
        found.append(
            {
                "audience": audience,
                "errors": errors,
                "words": [] if errors else segments.describe(audience.account, audience.rules),
                "count": None if errors else segments.count(audience.account, audience.rules),
            }
        )
    return render(request, "audiences/audience_list.html", {"found": found})
