"""The stage of `test_call_protocol.py`: that of texts, with a provider of calls that keeps its own books, two
agents at their phones, and customers who answer, press keys, or are away.

It believes nothing that the product says of itself.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from audiences import consent_records
from audiences.models import Address, Consent
from bench.judging import CLOSES, OPENS, SUNDAY
from conversations import call_sender, call_talk, inbound, placing_results
from conversations.call_candidates import CallClaim
from conversations.call_talk import Heard
from conversations.models import Call, CallSettings, PlannedCall
from conversations.opt_outs import InFlight
from conversations.placing_results import PlacingResult
from integrations import inbox
from integrations.messaging import CallReceipt, ListedCall, OutgoingCall, ProviderError
from integrations.models import ProviderEvent
from integrations.twilio import live_calls, voice
from integrations.twilio.voice import Pressed
from tests import factories
from tests.conversations.protocol import BUSY, NO_SUCH_PHONE, SILENCE, ZONES, Stage, Wish
from tests.conversations.talking import agrees

OVER = ProviderError("Not in progress", permanent=True, accepted="no", code="21220")
AWAY = ProviderError("Away", permanent=False, accepted="no", code="timeout")
NOBODY = ("busy", "no-answer", "failed", "canceled")  # how a call ends that nobody answered
AGREED = (101, 103, 104)  # phones with a written consent to recorded voice, of `protocol.HOMES`
AGENTS = ("+13125550171", "+13125550172")
TEXT = "We missed you."
FINAL = ("called", "failed", "rejected", "expired", "cancelled")
RANK = {
    "calling": 0, "unknown": 0, "accepted": 1, "ringing": 2, "in_progress": 3, "completed": 4, "busy": 4,
    "no_answer": 4, "failed": 4, "rejected": 4, "cancelled": 4, "refused": 9,
}  # fmt: skip


class Killed(BaseException):
    """The process that was placing a call is dead."""


@dataclass(eq=False)
class Line:
    """One call that the provider took, and all that can be told of it."""

    sid: str
    attempt: UUID
    to: str
    from_: str
    wall: datetime
    status: str = "queued"
    answered_by: str = ""
    told: list[dict[str, str]] = field(default_factory=list)  # every status it has had
    rings_customer: bool = False
    asked_agent: bool = False
    said: str = ""  # by us, to a customer who calls
    pressed: list[Pressed] = field(default_factory=list)
    end_told: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more happens on it."""
        return self.status in ("completed", *NOBODY)

    def go(self, status: str, **more: str) -> None:
        """The next status in its life."""
        self.status = status
        number = str(len(self.told))
        self.told.append({"CallStatus": status, "SequenceNumber": number, **more})

    def as_listed(self) -> ListedCall:
        """Its row in the provider's list."""
        report = voice.report(
            provider_id=self.sid, status=self.status, answered_by=self.answered_by, seconds=9
        )
        return ListedCall(report, self.to, self.from_, self.wall)


class Exchange:
    """What the provider knows: calls it took, and customers' to us. It answers our adapter's questions from
    its own books, unless it is `away`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[Line] = []
        self.callers: list[Line] = []
        self.away = False

    def take(self, attempt: UUID, to: str, from_: str, wall: datetime) -> CallReceipt:
        """Accept a call for good."""
        line = Line(f"CA{self.name}-{len(self.lines)}", attempt, to, from_, wall)
        line.go("initiated")
        self.lines.append(line)
        return CallReceipt(line.sid, "queued")

    def line(self, sid: str) -> Line:
        """The call of an id. Raises ProviderError."""
        for each in [*self.lines, *self.callers]:
            if each.sid == sid:
                return each
        raise ProviderError("Gone", permanent=True, accepted="no", code="20404")

    def wire(self) -> None:
        """Have our adapter ask here; put back by the test."""
        vars(voice)["list_calls"] = lambda _access, *, to, **_: [
            each.as_listed() for each in reversed(self.lines) if each.to == to
        ]
        vars(voice)["look_up"] = lambda _access, sid: self.line(sid).as_listed().report
        vars(voice)["attempts_of"] = lambda _access, sid: {
            each.attempt for each in self.lines if each.sid == sid and each.over
        }
        vars(voice)["keys_of"] = lambda _access, sid: [
            key
            for each in [*self.lines, *self.callers]
            if each.sid == sid and each.over
            for key in each.pressed
        ]
        vars(live_calls)["end"] = lambda _access, sid, **_: self.end(self.line(sid))
        vars(live_calls)["call_off"] = lambda _access, sid, **_: self.call_off(self.line(sid))

    def end(self, line: Line) -> None:
        """The product hangs up."""
        if self.away:
            raise AWAY
        if line.over:
            raise OVER
        line.go("completed" if line.status == "in-progress" else "canceled")

    def call_off(self, line: Line) -> None:
        """The product hangs up what only rings; what was answered meanwhile goes on."""
        if self.away or line.over or line.status != "in-progress":
            self.end(line)


@dataclass(eq=False)
class CallFlight:
    """A scripted call's claim in a sender's hands."""

    claim: CallClaim
    wall: datetime
    result: CallReceipt | ProviderError | None = None


class CallStage(Stage):
    """The contractor of `Stage` with agents, consents and calls."""

    def open(self) -> None:
        """As `Stage.open`; calls go out as fast as anybody likes."""
        super().open()
        self.exchange = Exchange(self.provider.name)
        self.exchange.wire()
        vars(voice)["place_now"] = self.place_for_agent
        self.waited_for: list[InFlight] = []
        vars(inbound)["wait_for_calls"] = lambda in_flight, *_: self.waited_for.extend(in_flight)
        CallSettings.objects.create(
            account=self.account, per_second=30, most_at_once=100, office_line="+13125550177"
        )
        self.agents = [factories.make_user(self.account, "agent") for _ in AGENTS]
        self.agreed = {factories.reserved(number) for number in AGREED}
        for contact in self.account.contacts.all():
            address = factories.phone_of(contact)
            if address.value in self.agreed and not consent_records.may_be_played([address.pk]):
                agrees(contact)
        self.call_flights: list[CallFlight] = []
        self.calls_apart: list[CallClaim] = []  # claimed by the other process, not committed yet
        self.placed: Counter[tuple[int, int]] = Counter()  # (planned call, try)
        self.wished: set[str] = set()  # phones whose opt-out is committed
        self.unheard: set[str] = set()  # phones on which a 9 was pressed while the web was away
        self.ended: set[UUID] = set()  # attempts that one of ours wished ended before anybody had answered
        self.how, self.death = "taken", ""
        self.call_states: dict[int, tuple[str, str]] = {}
        self.planned_states: dict[int, tuple[str, str]] = {}

    # --- placing ---------------------------------------------------------------------------------

    def take_calls(self, claims: list[CallClaim], wall: datetime) -> None:
        """Committed claims of scripted calls are in the sender's hands."""
        for claim in claims:
            assert claim.to in self.agreed, f"a recording to {claim.to}, who never agreed"
        self.call_flights += [CallFlight(claim, wall) for claim in claims]

    @property
    def unplaced(self) -> list[CallFlight]:
        """Claims whose request has not left, and still may."""
        return [flight for flight in self.call_flights if flight.result is None]

    def place(self, flight: CallFlight, how: str) -> None:
        """The request leaves."""
        claim = flight.claim
        self._may_ring(claim.to, claim.attempt_id, flight.wall)
        flight.result = self._answer(how, claim.attempt_id, claim.to, claim.from_, flight.wall)

    def _answer(
        self, how: str, attempt: UUID, to: str, from_: str, wall: datetime
    ) -> CallReceipt | ProviderError:
        if how in ("taken", "lost"):
            call = Call.objects.get(attempt=attempt)
            assert call.planned_id is not None
            self.placed[call.planned_id, call.try_number] += 1
            receipt = self.exchange.take(attempt, to, from_, wall)
            return receipt if how == "taken" else SILENCE
        return {"never came": SILENCE, "busy": BUSY, "no phone": NO_SUCH_PHONE}[how]

    def _may_ring(self, customer: str, attempt: UUID, wall: datetime) -> None:
        """Nobody is called who was told that they will not be, nor at night for a campaign."""
        assert customer not in self.stopped, f"a call to {customer} after its STOP"
        assert not self.all_quiet, "a call while everything is paused"
        planned = PlannedCall.objects.get(calls__attempt=attempt)
        over = planned.calls.filter(attempt__in=self.ended, agent_phone="").exclude(attempt=attempt)
        assert not over.exists(), f"a script calls {customer} again, whose call somebody has ended"
        if planned.kind == PlannedCall.Kind.CAMPAIGN:
            local = wall.astimezone(UTC).astimezone(ZoneInfo(ZONES[customer]))
            assert OPENS <= local.hour < CLOSES and local.weekday() != SUNDAY, f"{customer} at {local}"

    def place_for_agent(self, _access: object, outgoing: OutgoingCall, *, not_after: float) -> CallReceipt:
        """The provider, as a web process asks it: in its own time, if that process lives so long."""
        customer = Call.objects.select_related("address").get(attempt=outgoing.attempt_id).address.value
        self._may_ring(customer, outgoing.attempt_id, self.now)
        if self.death == "before":
            raise Killed
        answer = self._answer(self.how, outgoing.attempt_id, outgoing.to, outgoing.from_, self.now)
        if self.death == "after":
            raise Killed
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def record_calls(self, flights: list[CallFlight]) -> None:
        """The sender writes down how these requests ended."""
        ended = [PlacingResult(flight.claim, flight.result) for flight in flights if flight.result]
        if ended:
            self.do(lambda: call_sender.settle(ended))
        self.call_flights = [flight for flight in self.call_flights if flight not in flights]

    # --- on the line -----------------------------------------------------------------------------

    @property
    def live(self) -> list[Line]:
        """Calls that go on."""
        return [line for line in self.exchange.lines if not line.over]

    def customer_of(self, line: Line) -> str:
        """The customer's phone of a call, whoever is rung first."""
        return Call.objects.select_related("address").get(attempt=line.attempt).address.value

    def is_agents(self, line: Line) -> bool:
        """Whether it rings an agent first."""
        return line.to in AGENTS

    def ask(self, line: Line, **heard: Any) -> str:
        """The provider asks what to say; nobody hears a machine speak who did not agree to it."""
        said = self.do(
            lambda: call_talk.answer(
                line.attempt, [self.account.pk], Heard(line.sid, answered_by=line.answered_by, **heard),
                now=self.now,
            )
        )  # fmt: skip
        if line.attempt in self.ended:
            assert not any(verb in said for verb in ("<Say", "<Play", "<Gather", "<Dial")), said
        elif not self.is_agents(line):
            self.may_hear(line, said)
        elif "<Dial" in said:
            self._rings_customer(line)
        return said

    def may_hear(self, line: Line, said: str) -> None:
        """Words, if any, are for somebody with a consent in force and no wish to be left alone."""
        if any(verb in said for verb in ("<Say", "<Play", "<Gather")):
            phone = self.customer_of(line)
            assert phone in self.agreed and phone not in self.wished, f"{phone} heard {said}"

    def _rings_customer(self, line: Line) -> None:
        phone, mine = self.customer_of(line), self.planned_of(line)
        assert phone not in self.wished, f"{phone} is rung by an agent after its opt-out"
        for other in self.live:
            if other is not line and other.rings_customer:
                assert self.planned_of(other) != mine, f"{phone} is rung twice at once"
        planned = PlannedCall.objects.get(pk=mine)
        assert planned.state == "calling" and planned.taken_by is not None, planned.state
        line.rings_customer = True

    def planned_of(self, line: Line) -> int:
        """The planned call of a call."""
        found = Call.objects.get(attempt=line.attempt).planned_id
        assert found is not None
        return found

    def tell(self, line: Line, news: dict[str, str]) -> None:
        """One status callback, as its webhook keeps it."""
        payload = {"CallSid": line.sid, "attempt": str(line.attempt), **news}
        if line.answered_by:
            payload["AnsweredBy"] = line.answered_by
        with transaction.atomic():
            inbox.store(
                inbox.IncomingEvent(
                    provider="twilio", event_id=voice.status_event_id(payload),
                    kind=ProviderEvent.Kind.CALL_STATUS, payload=payload, account_id=self.account.pk,
                    received_at=self.now,
                )
            )  # fmt: skip

    def closed(self, phone: str, in_flight: tuple[Any, ...]) -> None:
        """An opt-out is committed; it is answered once nothing is in flight."""
        self.wished.add(phone)
        self.agreed.discard(phone)
        self.waiting.append(Wish(lambda: self.stopped.add(phone), in_flight))
        self.look_after_wishes()

    def look_after_wishes(self) -> None:
        """Answer whoever waits for calls and texts that are all recorded now."""
        going = set(
            Call.objects.filter(account=self.account, state="calling").values_list("attempt", flat=True)
        )
        ready = [wish for wish in self.waiting if not going.intersection(wish.in_flight)]
        for wish in ready:
            wish.answer()
        self.waiting = [wish for wish in self.waiting if wish not in ready]

    def withdraw(self, phone: str) -> None:
        """A consent is taken back, without a wish to be left alone."""
        address = Address.objects.get(account=self.account, value=phone)
        for consent in Consent.objects.in_force().filter(address=address):
            self.do(lambda consent=consent: consent_records.withdraw(consent, by=self.boss, now=self.now))
        self.agreed.discard(phone)

    # --- what must hold --------------------------------------------------------------------------

    def calls_only_rise(self) -> None:
        """No call falls back, and none that is over changes, but one given up for want of news."""
        rows = Call.objects.filter(account=self.account)
        present = {pk: (state, code) for pk, state, code in rows.values_list("pk", "state", "code")}
        for pk, (state, _) in present.items():
            was, code = self.call_states.get(pk, ("calling", ""))
            if was == state or (was == "failed" and code == "delivery_unknown"):
                continue
            assert RANK[state] > RANK[was] or (was, state) == ("calling", "unknown"), (pk, was, state)
            assert RANK[was] < 4, (pk, was, state)
        self.call_states = present

    def planned_calls_hold_together(self) -> None:
        """What is over stays so; what is being called has a call; tries are those that the carrier took."""
        rows = list(PlannedCall.objects.filter(account=self.account))
        live = Counter(
            Call.objects.filter(account=self.account, state__in=Call.LIVE).values_list("planned", flat=True)
        )
        taken = Counter(
            Call.objects.filter(account=self.account)
            .exclude(accepted_at=None)
            .values_list("planned", flat=True)
        )
        for row in rows:
            was, code = self.planned_states.get(row.pk, ("queued", ""))
            if was in FINAL and not (was == "failed" and code == "delivery_unknown"):
                assert row.state == was, (row.pk, was, row.state)
            if row.state in ("calling", "unknown"):
                assert live[row.pk] == 1, f"{row.pk} is {row.state} without a call"
            if row.state in FINAL or row.state == "queued":
                assert row.taken_by_id is None, f"{row.pk} is {row.state} and somebody has it"
            assert row.tries == taken[row.pk], (row.pk, row.tries, taken[row.pk])
        self.planned_states = {row.pk: (row.state, row.code) for row in rows}

    def in_hands(self) -> Iterator[tuple[int, int]]:
        """(planned call, agent) of all that agents have."""
        rows = PlannedCall.objects.filter(account=self.account).exclude(taken_by=None)
        yield from rows.values_list("pk", "taken_by")

    def nobody_is_touched_too_often(self) -> None:
        """Three texts and calls a day and phone, two a day and home; by what the provider took."""
        touched: dict[str, list[datetime]] = {}
        ours = {
            str(attempt): value
            for attempt, value, kind, phone in Call.objects.filter(account=self.account).values_list(
                "attempt", "address__value", "planned__kind", "agent_phone"
            )
            if kind == "campaign" and not phone
        }
        for line in self.exchange.lines:
            if str(line.attempt) in ours:
                touched.setdefault(ours[str(line.attempt)], []).append(line.wall)
        for text in self.provider.texts:
            if text.claim.body == TEXT:  # the others answer what somebody wrote
                touched.setdefault(text.claim.to, []).append(text.wall)
        for phone, walls in touched.items():
            for wall in walls:
                within = sum(
                    abs((other - wall).total_seconds()) < 86_400 and other <= wall for other in walls
                )
                assert within <= 2, f"{phone} was reached {within} times within a day"


def wake(stage: CallStage) -> None:
    """Minutes later: what a dead process was placing is unknown."""
    stage.do(lambda: placing_results.sweep_abandoned(older_than_seconds=-1, now=stage.now))
