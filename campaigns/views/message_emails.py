"""A workflow's email before it is published: as one contact would see it, and as a test to oneself."""

from django.contrib import messages as toasts
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences.models import Audience, Contact
from campaigns import message_previews, messages, trials
from campaigns.message_previews import Looker
from campaigns.models import Workflow
from campaigns.said import Sample
from campaigns.views import once
from campaigns.views.designs import framed
from common import clock
from conversations.trial_texts import TrialRefused
from integrations.models import SendingMailbox

NOTHING = "<!DOCTYPE html><html lang='en'><head><title>No email</title></head><body></body></html>"


@require_safe
@xframe_options_sameorigin
@access.require("view")
def email(request: Request, pk: int, key: str) -> HttpResponse:
    """The email alone, for the frame of its preview; blank where this contact would get none."""
    _, _, sample = _of(request, pk, key, request.GET)
    return framed(sample.html if sample and sample.html else NOTHING, request.GET.get("theme", ""))


@require_POST
@access.require("view")
def test(request: Request, pk: int, key: str) -> HttpResponse:
    """Send it to whoever asks, with the words that are kept and what is known of the chosen contact."""
    message, seen_by, sample = _of(request, pk, key, request.POST)
    send_test(request, message, seen_by, sample)
    if request.htmx:  # type: ignore[attr-defined]
        return anew(request, key)
    return redirect(f"{reverse('campaigns:messages', args=[pk])}#message-{key}")


def send_test(request: Request, message: messages.Message, seen_by: Looker, sample: Sample | None) -> None:
    """Send what the sample shows to whoever asks, and say so; or say why not."""
    if sample is None or sample.missing:
        toasts.error(request, "No test was sent: this contact would not get the email. Choose another one.")
    else:
        _send(request, message, sample, seen_by.sender)


def anew(request: Request, key: str) -> HttpResponse:
    """What `email_test.html` takes for its next press."""
    return once.anew(request, f"once-{key}")


def _send(request: Request, message: messages.Message, sample: Sample, sender: SendingMailbox | None) -> None:
    try:
        trials.email(
            request.account, message.settings, sample.language, sample.known or {}, by=request.user,
            token=once.token(request), now=clock.now(), mailbox=sender,
        )  # fmt: skip
    except TrialRefused as refused:
        toasts.error(request, str(refused))
    else:
        toasts.success(request, f"A test of “{message.node.name}” is on its way to {request.user.email}.")


def _of(
    request: Request, pk: int, key: str, chosen: QueryDict
) -> tuple[messages.Message, Looker, Sample | None]:
    """The email of this key with its drafted words, by whom it is looked at, and what they would get; 404
    where it is none."""
    workflow = access.get(request, Workflow, pk)
    version = messages.latest(workflow)
    message = messages.one(version, key) if version else None
    if message is None or message.node.kind != "send_email":
        raise Http404("no such email")
    seen_by = Looker(
        access.rows(request, Audience).filter(pk=_id(chosen.get("audience", ""))).first(),
        access.rows(request, Contact).filter(pk=_id(chosen.get("contact", ""))).first(),
    )
    return message, seen_by, message_previews.sample(request.account, message, seen_by, now=clock.now())


def _id(typed: str) -> int:
    return int(typed) if typed.isdecimal() and len(typed) < 18 else 0
