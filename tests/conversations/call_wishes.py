"""Rules of `test_call_protocol.py` about what people wish of calls: one of ours ends one, a customer presses
a key that nobody here hears, and customers call us.
"""

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from accounts.models import User
from audiences import suppression
from audiences.models import Address
from conversations import (
    call_hanging_up,
    call_taking,
    call_talk,
    call_urls,
    inbound_calls,
    lost_keys,
    said_outcomes,
)
from conversations.call_talk import Heard
from conversations.inbound_calls import Calling
from conversations.models import Call, PlannedCall
from integrations.messaging import ProviderError
from integrations.twilio.voice import Pressed
from tests import factories
from tests.conversations.call_protocol import AGENTS, AGREED, CallStage, Line
from tests.conversations.protocol import ZONES

CALLERS = st.sampled_from(sorted(ZONES))


class Wishes(CallStage):
    """What people wish of calls, on the stage."""

    # --- End call --------------------------------------------------------------------------------

    @rule(data=st.data(), who=st.integers(0, len(AGENTS) - 1), away=st.booleans())
    def somebody_ends_a_call(self, data: st.DataObject, who: int, away: bool) -> None:
        """An agent their own, or a script's: also one that is being placed, or whose answer was lost."""
        self.commit_other()
        going = Call.objects.filter(account=self.account, direction="out", state__in=Call.LIVE)
        if not (planned := sorted(set(going.values_list("planned", flat=True)))):
            return
        self.end_call(data.draw(st.sampled_from(planned)), self.agents[who], away=away)

    def end_call(self, planned_id: int, by: User, *, away: bool) -> None:
        """Its agent ends it, a script's `by`; where the provider is away, it is asked later."""
        latest = said_outcomes.latest_call(PlannedCall.objects.get(pk=planned_id))
        assert latest is not None
        ends, self.exchange.away = latest.by or by, away
        try:
            self.do(lambda: call_hanging_up.end(planned_id, by=ends, now=self.now))
        except call_taking.NotPossible:
            return
        except ProviderError:  # the wish stands
            pass
        finally:
            self.exchange.away = False
        if latest.answered_at is None:
            self.ended.add(latest.attempt)

    @rule()
    def wished_ends_are_asked_for(self) -> None:
        """Whatever of it we know as going on is over then."""
        self.do(lambda: call_hanging_up.end_wished(now=self.now))
        wished = Call.objects.filter(account=self.account, state="in_progress", provider_id__isnull=False)
        for sid in wished.exclude(hang_up_at=None).values_list("provider_id", flat=True):
            assert self.exchange.line(sid or "").over, f"{sid} goes on although its end was wished"

    def ended_calls_have_no_outcome(self) -> None:
        """Nobody spoke with whom a script called until one of ours ended it."""
        for call in Call.objects.filter(attempt__in=self.ended, agent_phone="").select_related("planned"):
            assert call.planned is not None
            assert (call.outcome, call.planned.outcome) == ("", ""), (call.pk, call.outcome, call.planned)

    # --- keys that nobody hears ------------------------------------------------------------------

    def press(self, line: Line, digit: str, *, heard: bool) -> call_talk.Pressed | None:
        """A customer presses a key on a call of ours; unheard, they are told so and hung up on."""
        line.pressed.append(Pressed(call_urls.of("key", line.attempt), digit))
        if not heard:
            self._unheard(line, self.customer_of(line), digit)
            return None
        told = Heard(line.sid, digits=digit)
        return self.do(lambda: call_talk.key(line.attempt, [self.account.pk], told, now=self.now))

    def _unheard(self, line: Line, phone: str, digit: str) -> None:
        line.go("completed", CallDuration="9")
        if digit == call_talk.STOP and phone not in self.wished:
            self.unheard.add(phone)

    @precondition(lambda self: self.unheard)
    @rule(minutes=st.sampled_from((0, 20)))
    def lost_keys_are_had(self, minutes: int) -> None:
        self.commit_other()
        self.now += timedelta(minutes=minutes)
        self.waited_for = []
        self.do(lambda: lost_keys.take_in(now=self.now))
        for phone in sorted(self.unheard):
            address = Address.objects.get(account=self.account, value=phone)
            if suppression.in_force([address.pk]):
                self.unheard.discard(phone)
                self.closed(phone, tuple(self.waited_for))

    # --- customers call us -----------------------------------------------------------------------

    @rule(phone=CALLERS)
    def calls_us(self, phone: str) -> None:
        """Somebody is rung in any case, whatever they have wished of our calls."""
        exchange = self.exchange
        line = Line(
            f"CA{exchange.name}-in-{len(exchange.callers)}", UUID(int=0), self.number.e164, phone, self.now
        )
        line.go("ringing")
        exchange.callers.append(line)
        calling = Calling(line.sid, phone, self.number.e164)
        line.said = self.do(lambda: inbound_calls.begin(calling, [self.account.pk], now=self.now))
        line.attempt = Call.objects.get(provider_id=line.sid).attempt
        assert "<Dial" in line.said or "<Gather" in line.said, line.said

    @precondition(lambda self: any(not line.over for line in self.exchange.callers))
    @rule(
        data=st.data(), deed=st.sampled_from(("9", "9", "5", "stays", "talks", "nobody", "hangs up")),
        heard=st.booleans(),
    )  # fmt: skip
    def the_caller_goes_on(self, data: st.DataObject, deed: str, heard: bool) -> None:
        """They are asked for a key, put through, or leave; of all that we hear, or nothing."""
        line = data.draw(st.sampled_from([line for line in self.exchange.callers if not line.over]))
        if deed in "95" and "<Gather" in line.said:
            self._caller_presses(line, deed, heard)
        elif deed == "stays" and "<Gather" in line.said:
            line.said = self.do(lambda: inbound_calls.ring(line.attempt, [self.account.pk], now=self.now))
        elif deed in ("talks", "nobody") and "<Dial" in line.said:
            ended = "completed" if deed == "talks" else "no-answer"
            told = Heard(line.sid, dialed=ended, dialed_seconds=9)
            if heard:
                line.said = self.do(
                    lambda: inbound_calls.dialed(
                        line.attempt, [self.account.pk], told, now=self.now, stage="office"
                    )
                )
            if deed == "talks" or not heard:
                self._caller_leaves(line, heard)
        elif deed == "hangs up":
            self._caller_leaves(line, heard)

    @rule(phone=st.sampled_from([factories.reserved(number) for number in AGREED]))
    def calls_back_to_say_nine_while_we_are_away(self, phone: str) -> None:
        """Whom a script has called, and who does not wait for ours to come back."""
        self.calls_us(phone)
        line = self.exchange.callers[-1]
        if "<Gather" in line.said:
            self._caller_presses(line, call_talk.STOP, heard=False)

    def _caller_presses(self, line: Line, digit: str, heard: bool) -> None:
        line.pressed.append(Pressed(call_urls.of("inbound-key", line.attempt), digit))
        if not heard:
            self._unheard(line, line.from_, digit)
            return
        told = Heard(line.sid, digits=digit)
        pressed = self.do(lambda: inbound_calls.key(line.attempt, [self.account.pk], told, now=self.now))
        line.said = pressed.twiml
        if digit == call_talk.STOP:
            self.closed(line.from_, pressed.in_flight)
            self._caller_leaves(line, heard)

    def _caller_leaves(self, line: Line, heard: bool) -> None:
        line.go("completed", CallDuration="9")
        if heard:
            self.do(
                lambda: inbound_calls.ended(
                    line.sid, [self.account.pk], status="completed", seconds=9, now=self.now
                )
            )  # fmt: skip

    def callers_hang_up(self) -> None:
        """Those who still call us; nobody hears of it."""
        for line in self.exchange.callers:
            if not line.over:
                self._caller_leaves(line, heard=False)
