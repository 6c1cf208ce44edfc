"""Settings, Calls: who takes calls, how scripts call, recording; and what a recording sounds like."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from common import clock
from conversations import call_connecting, call_routing, call_urls, recordings
from conversations.call_forms import CallSettingsForm
from conversations.models import Call
from integrations.messaging import ProviderError
from integrations.models import SendingNumber


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_account")
def calling(request: Request) -> HttpResponse:
    """How the account calls; everybody reads it, admins set it."""
    chosen = call_routing.settings_of(request.account)
    form = CallSettingsForm(request.POST if request.method == "POST" else None, instance=chosen)
    if request.method == "POST" and form.is_valid():
        call_routing.change(form.instance, by=request.user)
        messages.success(request, "Saved. The next call already goes by it.")
        return redirect("conversations:calling")
    context = {
        "form": form,
        "chosen": call_routing.settings_of(request.account),
        "available": call_routing.available(request.account.pk, now=clock.now()),
        "numbers": access.rows(request, SendingNumber).filter(active=True).order_by("pk"),
        "address": call_urls.inbound(),
        "kept_days": recordings.kept_days(),
    }
    return render(request, "settings/calling.html", context, status=422 if form.errors else 200)


@require_POST
@access.require("manage_numbers")
def connect(request: Request) -> HttpResponse:
    """Have the provider send calls to our numbers here."""
    done, wrong = call_connecting.connect(request.account, by=request.user)
    if done:
        named = f"{done} number{'' if done == 1 else 's'}"
        messages.success(request, f"Calls to {named} now come here and ring as set below.")
    for words in wrong:
        messages.error(request, words)
    return redirect("conversations:calling")


@require_safe
@access.require("read_conversations")
def recording(request: Request, pk: int) -> HttpResponse:
    """The sound of one call, fetched from the provider for who may read conversations."""
    call = access.get(request, access.rows(request, Call).exclude(recording_id=""), pk)
    try:
        sound = recordings.fetch(call)
    except ProviderError as refusal:
        gone = "is no longer there" if refusal.permanent else "could not be fetched now. Try again later"
        return HttpResponse(
            f"The recording {gone}.\n", status=404 if refusal.permanent else 502, content_type="text/plain"
        )
    answer = HttpResponse(sound, content_type="audio/mpeg")
    answer["Content-Disposition"] = f'inline; filename="call-{call.pk}.mp3"'
    answer["Cache-Control"] = "private, no-store"
    return answer
