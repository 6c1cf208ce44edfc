"""Settings: the overview that leads to the sections, what roles may do, and the account itself."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, audit, zones
from accounts.access import Request
from accounts.forms import AccountForm
from accounts.models import Account, BusinessUnit
from common import clock


@require_GET
@access.require("view")
def overview(request: HttpRequest) -> HttpResponse:
    """The sections this person may open."""
    return render(request, "settings/overview.html")


@require_GET
@access.require("view")
def roles(request: HttpRequest) -> HttpResponse:
    """What each role may do, as `accounts.access` has it."""
    return render(request, "settings/roles.html", {"matrix": access.matrix(), "title": "Roles"})


@require_http_methods(["GET", "POST"])
@access.require("manage_account")
def account(request: Request) -> HttpResponse:
    """The company's name and zone, and the business units that come from ServiceTitan."""
    row = Account.objects.get(pk=request.account.pk)  # the shell's own copy keeps its name until it is saved
    form = AccountForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        _save(request, form)
        return redirect("accounts:account")
    context = {
        "form": form,
        "title": "Account",
        "units": access.rows(request, BusinessUnit).order_by("-active", "name", "pk"),
        "zone_words": zones.words(request.account.timezone),
        "now": timezone.localtime(clock.now()),
    }
    return render(request, "settings/account.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _save(request: Request, form: AccountForm) -> None:
    """Keep what changed, with an entry of before and after; nothing changed is no entry."""
    before = request.account
    row = form.save()
    said, detail = [], {}
    if row.name != before.name:
        said.append(f"Renamed {before.name} to {row.name}")
        detail["name"] = f"{before.name} → {row.name}"
    if row.timezone != before.timezone:
        said.append(f"{'moved' if said else 'Moved'} the account’s time to {zones.words(row.timezone)}")
        detail["time_zone"] = f"{before.timezone} → {row.timezone}"
    if said:
        audit.record(
            account=row, by=request.user, verb="changed_account", on=row,
            summary=" and ".join(said), detail=detail,
        )  # fmt: skip
        messages.success(request, f"{' and '.join(said)}.")
    else:
        messages.info(request, "Nothing was different, so nothing was changed.")
