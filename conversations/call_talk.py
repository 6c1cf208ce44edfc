"""What a call that we placed says and does. Each function answers one of the provider's questions with
TwiML, in one transaction that notes what happened; the same question twice gives the same answer and
changes nothing more.

Whoever asks holds, in this order, the locks of address, planned call and call (`locked`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from audiences import consent_records, suppression
from audiences.models import OptOut
from common.transactions import atomic_with_retry
from conversations import (
    call_progress,
    call_routing,
    call_taking,
    call_urls,
    call_words,
    media,
    opt_outs,
    planned_calls,
)
from conversations.call_scripts import Plan
from conversations.call_words import line
from conversations.models import Call, MediaFile, PlannedCall
from integrations.twilio import twiml
from integrations.twilio.twiml import Pause, Piece, Played, Recording, Rung, Said

TALK, CALL_BACK, STOP = "1", "2", "9"
KEY_SECONDS = 8
DIALED = "dialed:"
"""So begins the code of a person's call: what became of the customer's leg, in the provider's word."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the provider tells with a question: the leg's id and whatever goes with that question."""

    call_id: str
    answered_by: str = ""
    digits: str = ""
    dialed: str = ""  # what became of a Dial
    dialed_seconds: int = 0
    leg_id: str = ""
    leg_state: str = ""


def locked(attempt: UUID, accounts: list[int]) -> Call | None:
    """The call of an attempt, with its address, its planned call and itself locked; None where none of these
    accounts has it."""
    found = Call.objects.filter(attempt=attempt, account__in=accounts).values("address_id", "planned_id")
    row = found.first()
    if row is None:
        return None
    suppression.lock_addresses([row["address_id"]])
    if row["planned_id"]:
        PlannedCall.objects.select_for_update(no_key=True, of=("self",)).get(pk=row["planned_id"])
    return (
        Call.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account", "address", "contact", "number", "planned__script", "planned__contact")
        .get(attempt=attempt)
    )


def observed(call: Call) -> str:
    """What became of the customer's side of a person's call, as an outcome; "" where nobody can say, or the
    agent hung up first."""
    if call.answered_at is not None:
        return PlannedCall.Outcome.ANSWERED
    left = {"busy": PlannedCall.Outcome.BUSY, "no-answer": PlannedCall.Outcome.NO_ANSWER}
    return left.get(call.code.removeprefix(DIALED), "") if call.code.startswith(DIALED) else ""


@atomic_with_retry
def answer(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime) -> str:
    """Somebody answered: the customer of a script, or the agent whose phone rings first."""
    call = locked(attempt, accounts)
    if call is not None and call_progress.unproven(call):
        call_progress.found(call, heard.call_id, now=now)
        call = locked(attempt, accounts)
    if call is None or call.planned is None or call.provider_id not in (None, heard.call_id):
        return twiml.hang_up()
    if call.provider_id is None and not Call.objects.filter(provider_id=heard.call_id).exists():
        note(call, provider_id=heard.call_id)
    if call.hang_up_at is not None:
        return twiml.hang_up()  # its end was wished before it was answered
    if call.planned.mode == PlannedCall.Mode.PERSON:
        return _ring_customer(call, call.planned, now) if heard.digits else _ask_agent(call)
    return _begin_script(call, call.planned, heard, now)


def _begin_script(call: Call, planned: PlannedCall, heard: Heard, now: datetime) -> str:
    if call.address_id not in consent_records.may_be_played([call.address_id]):
        # Withdrawn since the call was placed: a machine says nothing to them, not even that it is sorry.
        note(call, answered_at=call.answered_at or now, code=planned_calls.NO_CONSENT)
        return twiml.hang_up()
    plan = call_words.plan_of(planned)
    if _machine(heard.answered_by):
        note(call, answered_by=heard.answered_by[:20])
        return _leave_message(call, plan)
    note(
        call, answered_at=call.answered_at or now, outcome=call.outcome or PlannedCall.Outcome.ANSWERED,
        answered_by=heard.answered_by[:20] or call.answered_by,
    )  # fmt: skip
    spoken = _words(call, plan)
    company, speaks = call.account.name, _language(call, spoken)
    pieces: list[Piece] = [*call_words.opening(speaks, company=company), *spoken, Pause()]
    pieces += _choices(call, plan, speaks)
    return twiml.ask(
        pieces, action=call_urls.of("key", attempt=call.attempt), seconds=KEY_SECONDS,
        otherwise=[line("goodbye", speaks)],
    )  # fmt: skip


def _words(call: Call, plan: Plan) -> list[Piece]:
    if plan.plays:
        file = MediaFile.objects.defer("data").filter(account=call.account_id, token=plan.plays).first()
        if file is not None:
            return [Played(media.url_of(file.token, file.name))]
    return [call_words.fill(plan.words, _variables(call), _speaks(call))]


def _choices(call: Call, plan: Plan, speaks: str) -> list[Piece]:
    return [*call_words.choices(plan, speaks, transfers=call_routing.may_transfer(call.account_id))]


def _ask_agent(call: Call) -> str:
    """The agent's phone was answered, perhaps by the agent's own voicemail, which no customer is to hear:
    somebody has to press a key before the customer is rung."""
    return twiml.ask(
        [Said(call_words.key_for_agent(call.contact))], action=call_urls.of("answer", call.attempt),
        seconds=KEY_SECONDS, otherwise=[Said("Nobody was called. Goodbye.")],
    )  # fmt: skip


def _ring_customer(call: Call, planned: PlannedCall, now: datetime) -> str:
    """The agent is on the line: their customer is rung, unless they have asked not to be."""
    if call.address_id in suppression.in_force([call.address_id]):
        note(call, code="opted_out")
        return twiml.tell([Said(f"{call.contact} has opted out. They are not called.")])
    if words := call_taking.why_not_rung(call, planned, now=now):
        return twiml.tell([Said(words)])
    plan = call_words.plan_of(planned)
    chosen = call_routing.settings_of(call.account_id)
    # A notice is a recorded voice, which needs the same consent as a script.
    records = chosen.records and call.address_id in consent_records.may_be_played([call.address_id])
    call_progress.customer_rung(call, now=now)
    rung = Rung(
        call.address.value, news=call_urls.of("leg", call.attempt),
        first=call_urls.of("notice", call.attempt) if records else "",
    )  # fmt: skip
    return twiml.connect(
        [rung], action=call_urls.of("dialed", call.attempt), seconds=plan.ring_seconds,
        caller_id=call.number.e164, before=[Said(f"Calling {call.contact}.")],
        recording=recording(call) if records else None,
    )  # fmt: skip


@atomic_with_retry
def notice(attempt: UUID, accounts: list[int], *, now: datetime) -> str:
    """Whoever is about to be recorded hears so first; whose consent to recorded voices has ended while it
    rang hears nothing, and so is not recorded either."""
    call = locked(attempt, accounts)
    if call is None or call.address_id not in consent_records.may_be_played([call.address_id]):
        return twiml.hang_up()
    return twiml.say_first([Said(call_routing.settings_of(call.account_id).recording_notice)])


@dataclass(frozen=True, slots=True)
class Pressed:
    """What follows a key; `in_flight` are sends that an opt-out waits for before it is answered."""

    twiml: str
    in_flight: tuple[opt_outs.InFlight, ...] = ()


@atomic_with_retry
def key(
    attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime, again: bool = False, stage: str = ""
) -> Pressed:
    """The customer pressed a key. `again`: it is the second after one that means nothing; `stage` is set
    where nobody had taken the transfer they asked for."""
    call = locked(attempt, accounts)
    if call is None:
        return Pressed(twiml.hang_up())
    if heard.digits and not call.digits.endswith(heard.digits):
        note(call, digits=f"{call.digits}{heard.digits}"[-20:])
    plan = call_words.plan_of(call.planned) if call.planned else None
    speaks = _speaks(call)
    if heard.digits == STOP:
        return stop(call, heard, now=now)
    if heard.digits == CALL_BACK and plan is not None and plan.call_back:
        planned_calls.plan_call_back(call, now=now)
        note(call, outcome=PlannedCall.Outcome.CALL_BACK)
        return Pressed(twiml.tell([line("called_back", speaks, company=call.account.name)]))
    if heard.digits == TALK and not stage and plan is not None and plan.talk:
        return Pressed(_transfer(call, now))
    if again:
        return Pressed(twiml.tell([line("goodbye", speaks)]))
    choices = _choices(call, plan, speaks) if plan and not stage else _after_nobody(plan, speaks)
    return Pressed(
        twiml.ask(
            [line("not_understood", speaks), *choices],
            action=call_urls.of("key", call.attempt, again=1, stage=stage), seconds=KEY_SECONDS,
            otherwise=[line("goodbye", speaks)],
        )
    )  # fmt: skip


def stop(call: Call, heard: Heard, *, now: datetime) -> Pressed:
    """9: nothing automated reaches this phone any more. In the caller's transaction, which holds the call."""
    in_flight = opt_outs.record(
        [call.address], contact=call.contact, source=OptOut.Source.PHONE, now=now, detector="key/9",
        evidence=f"Pressed {STOP} on the call {heard.call_id}", provider_id=heard.call_id,
    )  # fmt: skip
    note(call, opted_out_at=call.opted_out_at or now)
    if call.planned_id:
        PlannedCall.objects.filter(pk=call.planned_id, opted_out_at=None).update(opted_out_at=now)
    said = line("stopped", _speaks(call), company=call.account.name)
    return Pressed(twiml.tell([said]), tuple(in_flight))


def _transfer(call: Call, now: datetime, after: str = "") -> str:
    """Ring whoever is next; where nobody is left the customer is told, and may have a call back."""
    found = call_routing.next_round(call, after, now=now)
    chosen = call_routing.settings_of(call.account_id)
    speaks = _speaks(call)
    if found is None:
        return _nobody(call, now)
    before: list[Piece] = [] if after else [line("connecting", speaks)]
    if chosen.records and not after:
        before = [Said(chosen.recording_notice), *before]
    note(call, transferred_at=call.transferred_at or now)
    return twiml.connect(
        found.phones, action=call_urls.of("dialed", call.attempt, stage=found.stage),
        seconds=chosen.ring_seconds, caller_id=call.number.e164, before=before,
        recording=recording(call) if chosen.records else None,
    )  # fmt: skip


def recording(call: Call) -> Recording:
    """That this call is recorded; whoever says so has said it to both sides."""
    return Recording(call_urls.of("recording", call.attempt))


def _nobody(call: Call, now: datetime) -> str:
    """They wanted to talk and nobody was there: that is an abandoned call."""
    note(call, transferred_at=call.transferred_at or now, abandoned_at=call.abandoned_at or now)
    speaks = _speaks(call)
    plan = call_words.plan_of(call.planned) if call.planned else None
    return twiml.ask(
        [line("nobody", speaks), *_after_nobody(plan, speaks)],
        action=call_urls.of("key", call.attempt, stage="nobody"), seconds=KEY_SECONDS,
        otherwise=[line("goodbye", speaks)],
    )  # fmt: skip


def _after_nobody(plan: Plan | None, speaks: str) -> list[Piece]:
    offered = [line("call_back", speaks)] if plan is None or plan.call_back else []
    return [*offered, line("stop_again", speaks)]


@atomic_with_retry
def dialed(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime, stage: str = "") -> str:
    """A Dial is over: the customer's leg of a person's call, or a transfer of a script's."""
    call = locked(attempt, accounts)
    if call is None:
        return twiml.hang_up()
    talked = took(call, heard, stage)
    if call.planned is not None and call.planned.mode == PlannedCall.Mode.PERSON:
        return _customer_left(call, heard, talked, now)
    if talked:
        began = now - timedelta(seconds=heard.dialed_seconds)
        note(call, answered_at=call.answered_at or began, connected_at=call.connected_at or began)
        return twiml.hang_up()
    return _transfer(call, now, after=stage or call_routing.OFFICE)


def took(call: Call, heard: Heard, stage: str) -> bool:
    """Whether somebody whom a Dial rang took the call. An agent has pressed a key for that; a voicemail that
    picked up instead was answered, too, by the provider's word."""
    return heard.dialed == "completed" and (stage != call_routing.AGENTS or call.connected_at is not None)


def _customer_left(call: Call, heard: Heard, talked: bool, now: datetime) -> str:
    began = now - timedelta(seconds=heard.dialed_seconds)
    if talked:
        # Answered, perhaps by a machine: the agent heard it, and says so.
        note(
            call, answered_at=call.answered_at or began, connected_at=call.connected_at or began,
            customer_leg_id=heard.leg_id or call.customer_leg_id, code=f"{DIALED}completed",
        )  # fmt: skip
        return twiml.hang_up()
    note(call, code=f"{DIALED}{heard.dialed}"[:40], customer_leg_id=heard.leg_id or call.customer_leg_id)
    said = {"busy": "The line is busy.", "no-answer": "Nobody answered."}
    return twiml.tell([Said(said.get(heard.dialed, "The call could not be connected."))])


@atomic_with_retry
def leg(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime) -> None:
    """News of a leg that one of our Dials rang: the customer's in a person's call, else the office's. Whoever
    answered later than the other side had gone had nobody to talk to."""
    call = locked(attempt, accounts)
    if call is None:
        return
    customers = call.planned is not None and call.planned.mode == PlannedCall.Mode.PERSON
    if heard.leg_state == "in-progress":
        alone = call.ended_at is not None and call.connected_at is None
        answered = call.answered_at or now
        note(
            call, answered_at=answered, connected_at=call.connected_at if alone else call.connected_at or now
        )
        if customers:
            note(call, customer_leg_id=heard.call_id)
            if alone:
                note(call, abandoned_at=call.abandoned_at or now)
    elif heard.leg_state == "completed" and customers and heard.dialed_seconds:
        note(call, seconds=heard.dialed_seconds)


@dataclass(frozen=True, slots=True)
class MachineFound:
    """What follows for a machine that was found while the call was going on."""

    redirect: str = ""  # the address that the call goes on at
    end: bool = False
    connection_id: int = 0
    call_id: str = ""


@atomic_with_retry
def machine(attempt: UUID, accounts: list[int], heard: Heard, *, now: datetime) -> MachineFound:
    """The provider has made up its mind who answered. A machine hears its own words after the tone, or
    nothing; unknown is taken for a person, and so is whoever has pressed a key."""
    call = locked(attempt, accounts)
    if call is None or call.planned is None:
        return MachineFound()
    if not _machine(heard.answered_by):
        note(call, answered_by=heard.answered_by[:20])
        return MachineFound()
    if call.digits or call.transferred_at is not None or call.ended_at is not None:
        return MachineFound()
    if call.outcome == PlannedCall.Outcome.VOICEMAIL:
        return MachineFound()  # told again: it is being left, and would begin anew
    note(call, answered_by=heard.answered_by[:20], outcome=PlannedCall.Outcome.NO_ANSWER)
    plan = call_words.plan_of(call.planned)
    found = MachineFound(connection_id=call.number.connection_id, call_id=heard.call_id)
    if plan.voicemail is None or not heard.answered_by.startswith("machine"):
        return replace(found, end=True)
    return replace(found, redirect=call_urls.of("voicemail", call.attempt))


@atomic_with_retry
def voicemail(attempt: UUID, accounts: list[int], *, now: datetime) -> str:
    """A machine is listening, its tone is over."""
    call = locked(attempt, accounts)
    if call is None or call.planned is None:
        return twiml.hang_up()
    if call.address_id not in consent_records.may_be_played([call.address_id]):
        note(call, code=planned_calls.NO_CONSENT)
        return twiml.hang_up()
    return _leave_message(call, call_words.plan_of(call.planned))


def _leave_message(call: Call, plan: Plan) -> str:
    if plan.voicemail is None:
        note(call, outcome=PlannedCall.Outcome.NO_ANSWER)
        return twiml.hang_up()
    said = call_words.fill(plan.voicemail, _variables(call), _speaks(call))
    note(call, outcome=PlannedCall.Outcome.VOICEMAIL)
    told = call_words.voicemail(said, company=call.account.name, phone=call.number.e164)
    return twiml.tell([Pause(), *told])


def _machine(answered_by: str) -> bool:
    return answered_by.startswith("machine") or answered_by == "fax"


def _variables(call: Call) -> dict[str, object]:
    return dict(call.planned.variables or {}) if call.planned else {}


def _speaks(call: Call) -> str:
    return call.contact.language if call.contact else "en"


def _language(call: Call, spoken: list[Piece]) -> str:
    first = spoken[0] if spoken else None
    return first.language if isinstance(first, Said) else _speaks(call)


def note(call: Call, **facts: object) -> None:
    """Keep facts of a locked call; nothing is written where they are known already."""
    changed = [name for name, value in facts.items() if getattr(call, name) != value]
    if changed:
        for name in changed:
            setattr(call, name, facts[name])
        call.save(update_fields=changed)
