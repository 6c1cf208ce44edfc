"""Building an audience, with a count that follows every change."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, audit
from accounts.access import Request
from audiences import segments
from audiences.forms import AudienceForm, RulesForm, as_query
from audiences.models import Audience


@require_http_methods(["GET", "POST"])
@access.require("build_audience")
def create(request: Request) -> HttpResponse:
    """A new audience."""
    return _edit(request, Audience(account=request.account, created_by=request.user))


@require_http_methods(["GET", "POST"])
@access.require("view", post="build_audience")
def edit(request: Request, pk: int) -> HttpResponse:
    """An existing audience: everybody may look, builders may change it."""
    return _edit(request, access.get(request, Audience.objects.select_related("account"), pk))


@require_GET
@access.require("view")
def count(request: Request) -> HttpResponse:
    """The fragment beside the form: how many contacts the rules as typed match."""
    form = RulesForm(request.GET, account=request.account)
    valid = form.is_valid()
    matching = segments.count(request.account, form.rules()) if valid else None
    context = {"form": form, "matching": matching, "rules_query": form.query() if valid else ""}
    return render(request, "audiences/audience_form.html#audience-count", context)


def _edit(request: Request, audience: Audience) -> HttpResponse:
    form = AudienceForm(request.POST or None, audience=audience)
    verb = "changed_audience" if audience.pk else "created_audience"
    if request.method == "POST" and form.is_valid() and form.save():
        audit.record(
            account=request.account, by=request.user, verb=verb, summary=f"{audience.name}", on=audience
        )
        messages.success(request, f"The audience “{audience.name}” is saved.")
        return redirect("audiences:list")
    errors = segments.validate(audience.account, audience.rules)
    matching = None if errors else segments.count(audience.account, audience.rules)
    context = {
        "form": form,
        "audience": audience,
        "errors": errors,
        "matching": matching,
        "rules_query": as_query(audience.rules),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "audiences/audience_form.html", context, status=status)
