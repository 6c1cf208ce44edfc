"""What every number means."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from analytics import definitions as every


@require_safe
@access.require()
def definitions(request: access.Request) -> HttpResponse:
    """Every number with its words, what it is made of and what its rows are."""
    return render(request, "analytics/definitions.html", {"groups": every.groups()})
