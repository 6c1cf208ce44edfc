"""Settings, Connections: the providers an account speaks to, and how far its mirror is."""

import os
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import freshness, sync_state, sync_stops
from audiences.models import HintTally, SyncCursor
from audiences.models.source_freshness import LEAST_MINUTES, MOST_MINUTES
from audiences.tasks import sync_servicetitan
from common import clock
from common.doorbell import ring
from common.htmx import respond, respond_live, version_of
from common.loopback import is_loopback
from integrations import checking, connections, mailboxes
from integrations.encryption import CredentialsUnreadable
from integrations.forms import ConnectionForm, ServiceTitanForm, TwilioForm
from integrations.mailbox_forms import SendGridForm
from integrations.messaging import ProviderError
from integrations.models import Connection, SendingMailbox
from integrations.sendgrid import registering, signatures

TEMPLATE = "settings/connections.html"
FORMS: dict[str, type[ConnectionForm]] = {
    Connection.Provider.SERVICETITAN: ServiceTitanForm,
    Connection.Provider.TWILIO: TwilioForm,
    Connection.Provider.SENDGRID: SendGridForm,
}
NOTES = {
    Connection.Provider.SERVICETITAN: "Customers, jobs and appointments come from here; bookings go there.",
    Connection.Provider.TWILIO: "Sends and receives your texts.",
    Connection.Provider.SENDGRID: "Sends the emails of your campaigns.",
}


class FreshnessForm(forms.Form):
    """How old the mirror may be when campaigns send."""

    minutes = forms.IntegerField(
        label="At most so many minutes old", min_value=LEAST_MINUTES, max_value=MOST_MINUTES,
        help_text=f"{LEAST_MINUTES} to {MOST_MINUTES:,}; the sync comes every 5 minutes.",
    )  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """One provider as the page shows it. `variables` are the environment's names for its values."""

    provider: str
    label: str
    note: str
    connection: Connection | None
    unreadable: bool = False
    variables: tuple[str, ...] = ()
    mailbox: SendingMailbox | None = None  # SendGrid's: the account's own
    senders: tuple[SendingMailbox, ...] = ()  # and those of business units

    @property
    def simulated(self) -> bool:
        """Whether the sandbox, or some other stand-in on this machine, plays the provider."""
        return self.connection is not None and is_loopback(self.connection.settings.get("base_url", ""))

    @property
    def fixed(self) -> bool:
        """Whether changing it here would be undone by the next start."""
        return bool(self.variables) and not self.simulated

    @property
    def sends_emails(self) -> bool:
        """Whether people set here what emails come from, whoever sets the key."""
        return self.provider == Connection.Provider.SENDGRID

    @property
    def registers(self) -> tuple[str, str] | None:
        """The addresses to register at SendGrid: for news of emails, and for customers' answers."""
        if self.connection is None or not self.sends_emails:
            return None
        return registering.events_url(), registering.inbound_url(self.connection)

    @property
    def verified(self) -> bool:
        """Whether there is a key that news of emails can be verified by."""
        return bool(self.connection and self.connection.settings.get(signatures.KEY))

    @property
    def whose(self) -> tuple[str, str]:
        """(name, value) of what says whose account it is."""
        kept = self.connection.settings if self.connection else {}
        if self.provider == Connection.Provider.SERVICETITAN:
            return "Tenant ID", str(kept.get("tenant_id", ""))
        if self.provider == Connection.Provider.SENDGRID:
            return "Emails come from", str(self.mailbox or "")
        return "Account SID", str(kept.get("account_sid", ""))


@require_safe
@access.require("manage_providers")
def overview(request: Request) -> HttpResponse:
    """Every provider; live below, where the mirror stands."""
    return _page(request)


@require_http_methods(["GET", "POST"])
@access.require("manage_providers")
def edit(request: Request, provider: str) -> HttpResponse:
    """Connect a provider or replace its credentials; they are tried first, and kept only if they work."""
    shown = _shown(request, provider)
    if shown.unreadable:  # whose account it was is not known: that page says what to do first
        return redirect("audiences:connections")
    if shown.fixed and not shown.sends_emails:
        return render(request, "settings/connection_form.html", {"shown": shown}, status=_refused(request))
    form = FORMS[provider](
        request.POST if request.method == "POST" else None, kept=shown.connection, **_more(request, shown)
    )
    context: dict[str, Any] = {"shown": shown, "form": form}
    if request.method == "POST" and form.is_valid():
        answer = form.tried()
        if answer.works:
            _keep(request, form)
            messages.success(request, f"{shown.label} is connected. {answer.title}.")
            return redirect("audiences:connections")
        context["answer"] = answer
    status = 422 if request.method == "POST" else 200
    return render(request, "settings/connection_form.html", context, status=status)


@require_POST
@access.require("manage_providers")
def test(request: Request, provider: str) -> HttpResponse:
    """Try the stored credentials and say in plain words how it went."""
    shown = _shown(request, provider)
    if shown.connection is None:
        raise Http404("not connected")
    answer = checking.stored(shown.connection)
    if request.htmx:  # type: ignore[attr-defined]
        context = {"answer": answer, "tried": provider}
        return render(request, "settings/connection_answer.html", context)
    return _page(request, answer=answer, tried=provider)


@require_POST
@access.require("manage_providers")
def sync(request: Request) -> HttpResponse:
    """Read what changed at ServiceTitan now, not at the next turn."""
    ring(sync_servicetitan)
    messages.info(request, "ServiceTitan is being asked for what has changed.")
    return redirect("audiences:connections")


@require_POST
@access.require("manage_providers")
def stop_sync(request: Request) -> HttpResponse:
    """Stop reading after the page under way, until somebody lets it go on."""
    if sync_stops.stop(request.account, by=request.user):
        messages.success(request, "The sync is stopped. What was read stays; nothing new arrives meanwhile.")
    return redirect("audiences:connections")


@require_POST
@access.require("manage_providers")
def keep_fresh(request: Request) -> HttpResponse:
    """Set how old the mirror may be before people are asked after again."""
    form = FreshnessForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, fresh=form)
    minutes = form.cleaned_data["minutes"]
    if freshness.set_minutes(request.account, minutes, by=request.user):
        words = f"Saved. From the next text on, nobody is written to on what is older than {minutes} minutes."
        messages.success(request, words)
    else:
        messages.info(request, "Nothing was different, so nothing was changed.")
    return redirect("audiences:connections")


@require_POST
@access.require("manage_providers")
def resume_sync(request: Request) -> HttpResponse:
    """Go on where the sync was stopped."""
    if sync_stops.resume(request.account, by=request.user):
        ring(sync_servicetitan)
        messages.success(request, "The sync goes on where it was stopped.")
    return redirect("audiences:connections")


def _page(request: Request, *, status: int = 200, **more: Any) -> HttpResponse:
    state = sync_state.of(request.account)
    lag = state.lag(clock.now())
    minutes = int(lag.total_seconds() // 60) if lag is not None else None
    providers = [_shown(request, provider) for provider in FORMS]
    tally = access.rows(request, HintTally).first()
    context = {
        "providers": providers, "sync": state, "lag_minutes": minutes, "hints": tally,
        "webhook_url": settings.PUBLIC_URL + reverse("servicetitan-webhook"),
        "fresh": FreshnessForm(initial={"minutes": freshness.minutes_of(request.account)}), **more,
    }  # fmt: skip
    if more:
        return respond(request, TEMPLATE, "mirror", context | {"version": ""}, status=status)
    here = [(shown.provider, shown.connection and shown.connection.settings) for shown in providers]
    version = version_of((state, minutes, here, tally and tally.last_at, request.account.pk))
    return respond_live(request, TEMPLATE, "mirror", context, version=version)


def _shown(request: Request, provider: str) -> Shown:
    if provider not in FORMS:
        raise Http404("no such provider")
    label, note = Connection.Provider(provider).label, NOTES[Connection.Provider(provider)]
    try:
        connection = access.rows(request, Connection).filter(provider=provider).first()
    except CredentialsUnreadable:
        return Shown(provider, label, note, None, unreadable=True)
    names = connections.named_by(connection, os.environ) if connection else []
    if connection is None or provider != Connection.Provider.SENDGRID:
        return Shown(provider, label, note, connection, variables=tuple(names))
    senders = access.rows(request, SendingMailbox).select_related("business_unit")
    return Shown(
        provider,
        label,
        note,
        connection,
        variables=tuple(names),
        mailbox=senders.filter(business_unit=None).first(),
        senders=tuple(senders.exclude(business_unit=None).order_by("-active", "business_unit__name", "pk")),
    )


def _more(request: Request, shown: Shown) -> dict[str, Any]:
    """What a provider's own form takes beside the connection."""
    if shown.sends_emails:
        return {"mailbox": shown.mailbox, "fixed": shown.fixed}
    if shown.provider == Connection.Provider.SERVICETITAN:
        return {"mirrored": access.rows(request, SyncCursor).filter(rows__gt=0).exists()}
    return {}


def _refused(request: Request) -> int:
    return 409 if request.method == "POST" else 200


def _keep(request: Request, form: ConnectionForm) -> None:
    """Keep what works, then fetch what hangs on it; that may fail, and is told."""
    account = request.account
    if isinstance(form, SendGridForm):
        kept = form.kept if form.kept and not form.changes_connection else None
        kept = kept or connections.keep(
            account, form.provider, secrets=form.new_secrets(), settings=form.new_settings(), by=request.user
        )
        mailboxes.keep(kept, **form.mailbox(), by=request.user)
        return
    before = form.kept.settings.get("tenant_id") if form.kept else None
    kept = connections.keep(
        account, form.provider, secrets=form.new_secrets(), settings=form.new_settings(), by=request.user
    )
    if form.provider == Connection.Provider.SERVICETITAN:
        if before is not None and before != kept.settings["tenant_id"]:
            access.rows(request, SyncCursor).delete()  # nothing was mirrored, and places in lists are theirs
        ring(sync_servicetitan)
        return
    try:
        connections.sync_numbers(kept)
    except ProviderError as error:
        messages.warning(request, f"Twilio is connected, but did not list its numbers: {error}")
