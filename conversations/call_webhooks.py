"""Twilio's questions during a call. Verified before anything is parsed; who is not Twilio gets 403.

Whoever is on the line hears something in any case: where something goes wrong on our side, an apology. What
each answer is made of: `call_talk` for calls that we placed, `inbound_calls` for customers'.
"""

import logging
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import access
from common import clock
from conversations import call_screening, call_talk, inbound, inbound_calls, recordings
from conversations.call_talk import Heard, MachineFound, Pressed
from conversations.call_words import digits, line
from conversations.webhooks import verified_accounts
from integrations.messaging import ProviderError
from integrations.models import Connection
from integrations.twilio import live_calls, twiml
from integrations.twilio.client import TwilioAccess

log = logging.getLogger(__name__)
MOST_TRIES = 2
_NOT_SIGNED = "The signature is missing or wrong.\n"
_DONE = twiml.nothing()

Answer = Callable[..., str]


def _webhook(wrong: Callable[[HttpRequest], str]) -> Callable[[Answer], Callable[..., HttpResponseBase]]:
    """A signed question of the provider, answered with TwiML; `wrong` says what is said where we fail."""

    def decorate(answer: Answer) -> Callable[..., HttpResponseBase]:
        @access.public
        @csrf_exempt
        @require_POST
        @wraps(answer)
        def view(request: HttpRequest, **named: UUID) -> HttpResponseBase:
            try:
                accounts = verified_accounts(request)
                if not accounts:
                    return HttpResponse(_NOT_SIGNED, status=403, content_type="text/plain")
                said = answer(request, accounts, **named)
            except Exception:  # whatever it is, somebody is on the line and waits
                log.exception("a call could not be answered: %s", request.path)
                said = wrong(request)
            return HttpResponse(said, content_type="text/xml")

        return view

    return decorate


def _sorry(request: HttpRequest) -> str:
    """An apology and whom to call; asks nothing of the database, which may be what is missing."""
    phone = request.POST.get("To" if request.POST.get("Direction") == "inbound" else "From", "")
    return twiml.tell([line("sorry", "en", phone=digits(phone))])


def _once_more(request: HttpRequest) -> str:
    """A key that could not be acted upon is asked for again: it may have been the 9."""
    tries = _number(request.GET.get("tries", ""))
    if tries >= MOST_TRIES:
        return _sorry(request)
    return twiml.ask(
        [line("again", "en")], action=f"{request.path}?tries={tries + 1}", seconds=call_talk.KEY_SECONDS,
        otherwise=[line("sorry", "en", phone=digits(request.POST.get("From", "")))],
    )  # fmt: skip


def _hang_up(request: HttpRequest) -> str:
    return twiml.hang_up()


def _nothing(request: HttpRequest) -> str:
    return _DONE


def _heard(request: HttpRequest) -> Heard:
    posted = request.POST
    return Heard(
        call_id=posted.get("CallSid", "")[:64],
        answered_by=posted.get("AnsweredBy", ""),
        digits=posted.get("Digits", "")[:1],
        dialed=posted.get("DialCallStatus", ""),
        dialed_seconds=_number(posted.get("DialCallDuration", "") or posted.get("CallDuration", "")),
        leg_id=posted.get("DialCallSid", "")[:64],
        leg_state=posted.get("CallStatus", ""),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@_webhook(_sorry)
def answer(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """Somebody answered a call that we placed."""
    return call_talk.answer(attempt, accounts, _heard(request), now=clock.now())


@_webhook(_once_more)
def key(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """The customer pressed a key."""
    return _waited(
        call_talk.key(
            attempt, accounts, _heard(request), now=clock.now(), again=bool(request.GET.get("again")),
            stage=request.GET.get("stage", ""),
        )
    )  # fmt: skip


def _waited(pressed: Pressed) -> str:
    """What was pressed is answered once nothing is on its way to that phone any more."""
    if pressed.in_flight:
        inbound.wait_for_calls(pressed.in_flight)
    return pressed.twiml


@_webhook(_sorry)
def dialed(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """A Dial of a call that we placed is over."""
    stage = request.GET.get("stage", "")
    return call_talk.dialed(attempt, accounts, _heard(request), now=clock.now(), stage=stage)


@_webhook(_nothing)
def leg(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """News of a phone that a Dial rang."""
    call_talk.leg(attempt, accounts, _heard(request), now=clock.now())
    return _DONE


@_webhook(_hang_up)
def screen(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """An agent's phone answered a customer who wants to talk: who is there presses a key."""
    agent = _number(request.GET.get("agent", ""))
    return call_screening.screen(attempt, accounts, _heard(request), agent=agent, now=clock.now())


@_webhook(_hang_up)  # unheard, and so unrecorded
def notice(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """Whoever has answered a person's call hears that it is recorded."""
    return call_talk.notice(attempt, accounts, now=clock.now())


@_webhook(_nothing)
def machine(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """The provider knows who answered; a machine is led to its own words, once that is committed."""
    _lead(call_talk.machine(attempt, accounts, _heard(request), now=clock.now()))
    return _DONE


def _lead(found: MachineFound) -> None:
    if not found.redirect and not found.end:
        return
    access_ = TwilioAccess.of(Connection.objects.get(pk=found.connection_id))
    try:
        if found.redirect:
            live_calls.redirect(access_, found.call_id, url=found.redirect)
        else:
            live_calls.end(access_, found.call_id)
    except ProviderError as refusal:  # it hung up meanwhile, or hears the rest of the script
        log.warning("a machine's call was not led on: %s", refusal)


@_webhook(_sorry)
def voicemail(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """A machine is listening."""
    return call_talk.voicemail(attempt, accounts, now=clock.now())


@_webhook(_nothing)
def recording(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """A recording is stored at the provider."""
    recordings.stored(
        attempt, accounts, recording_id=request.POST.get("RecordingSid", ""),
        seconds=_number(request.POST.get("RecordingDuration", "")),
        status=request.POST.get("RecordingStatus", ""), now=clock.now(),
    )  # fmt: skip
    return _DONE


@_webhook(_sorry)
def inbound_call(request: HttpRequest, accounts: list[int]) -> str:
    """A customer calls one of our numbers."""
    posted = request.POST
    calling = inbound_calls.Calling(
        call_id=posted.get("CallSid", "")[:64], from_=posted.get("From", ""), to=posted.get("To", "")
    )
    return inbound_calls.begin(calling, accounts, now=clock.now())


@_webhook(_sorry)
def inbound_ring(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """The caller pressed nothing and stayed on the line."""
    return inbound_calls.ring(attempt, accounts, now=clock.now())


@_webhook(_once_more)
def inbound_key(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """The caller pressed a key."""
    return _waited(inbound_calls.key(attempt, accounts, _heard(request), now=clock.now()))


@_webhook(_sorry)
def inbound_dialed(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """Whoever was rung for a customer's call has talked, or did not take it."""
    stage = request.GET.get("stage", "")
    return inbound_calls.dialed(attempt, accounts, _heard(request), now=clock.now(), stage=stage)


@_webhook(_nothing)
def inbound_message(request: HttpRequest, accounts: list[int], attempt: UUID) -> str:
    """The caller left a message."""
    return inbound_calls.message_left(attempt, accounts, now=clock.now())


@_webhook(_nothing)
def inbound_status(request: HttpRequest, accounts: list[int]) -> str:
    """A customer's call is over."""
    heard = _heard(request)
    if heard.leg_state in ("completed", "busy", "no-answer", "failed", "canceled"):
        inbound_calls.ended(
            heard.call_id, accounts, status=heard.leg_state, seconds=heard.dialed_seconds, now=clock.now()
        )
    return _DONE
