"""Settings, Links: under which domain short links stand, for how long, and what is added to them."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from campaigns import link_domains, tasks
from campaigns.link_settings_form import LinkSettingsForm
from campaigns.models import LinkSettings
from common import clock
from common.doorbell import ring


@require_http_methods(["GET", "POST"])
@access.require("manage_providers")
def links(request: Request) -> HttpResponse:
    """What holds now; a change holds for what is sent from then on."""
    row = _of(request)
    before = {name: getattr(row, name) for name in LinkSettingsForm.Meta.fields}
    form = LinkSettingsForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        _save(request, form, before)
        return redirect("campaigns:links")
    now = _of(request)
    context: dict[str, Any] = {
        "form": form,
        "own": now,
        "base": link_domains.base(now),
        "ours": urlsplit(settings.PUBLIC_URL).netloc,
    }
    return render(request, "settings/links.html", context, status=422 if form.errors else 200)


@require_POST
@access.require("manage_providers")
def check(request: Request) -> HttpResponse:
    """Ask the domain at once."""
    row = _of(request)
    if not row.domain:
        messages.info(request, "There is no domain to check: links stand under our address.")
    elif link_domains.check(row, now=clock.now()):
        messages.success(request, f"{row.domain} leads here. New links stand under it.")
    else:
        messages.error(request, f"{row.finding} New links stand under our address until then.")
    return redirect("campaigns:links")


def _of(request: Request) -> LinkSettings:
    mine = access.rows(request, LinkSettings.objects.select_related("account"))
    return mine.first() or LinkSettings(account=request.account)


def _save(request: Request, form: LinkSettingsForm, before: dict[str, Any]) -> None:
    if not form.has_changed():
        messages.info(request, "Nothing was different, so nothing was changed.")
        return
    changed = {name: before[name] for name in form.changed_data}
    link_domains.keep(form.instance, before=changed, by=request.user)
    if "domain" in changed and form.instance.domain:
        ring(tasks.check_links)
        messages.success(
            request,
            f"Saved. {form.instance.domain} is being checked; until it works, links stand under our address.",
        )
    else:
        messages.success(request, "Saved. It holds for what is sent from now on.")
