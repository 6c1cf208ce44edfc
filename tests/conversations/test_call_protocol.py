"""No order of claims, requests, answers, keys, callbacks, deaths, opt-outs, pauses and agents' deeds has
anybody called twice for one try, called after 9 or STOP, or played a recording without consent.

As `test_protocol.py` does of texts: the product's own functions on a real database, a claim or a STOP of a
second process that stays open while all else goes on, a provider (`call_protocol.py`) with books of its own.
`TRUCKROLL_STORIES=500` tells that many stories.
"""

import contextlib
import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from analytics.recount import recount
from campaigns import engine, enrolling, launching, lifecycle, removing
from campaigns.models import Campaign, Enrollment, Step
from common import clock, sql
from conversations import (
    call_claiming,
    call_draining,
    call_ending,
    call_outcomes,
    call_placing,
    call_queue,
    call_reconciling,
    call_sender,
    call_taking,
    call_talk,
    claiming,
    inbound,
    leasing,
    pausing,
    reconciling,
    said_outcomes,
)
from conversations.call_talk import Heard
from conversations.models import Call, Message, PlannedCall
from integrations.twilio import live_calls, voice
from tests import factories
from tests.conversations.call_protocol import AGENTS, NOBODY, TEXT, Killed, Line, wake
from tests.conversations.call_wishes import Wishes
from tests.conversations.protocol import ZONES, Wish
from tests.conversations.storytelling import tell_stories

FEW, LENGTH = 4, 50
OPEN_EVERYWHERE = 20  # o’clock, UTC: from Chicago to Honolulu
PHONES = st.sampled_from(sorted(ZONES))
HOW = st.sampled_from(("taken", "taken", "taken", "lost", "lost", "never came", "busy", "no phone"))
WORDS = {"en": "Hi {{ first_name }}, your plan ends soon."}
TRIES = {"no_answer": 1, "no_answer_minutes": 60, "busy": 1, "busy_minutes": 15}
WISHES = ("STOP", "Please stop calling me", "unsubscribe")
OUTCOMES = ("answered", "voicemail", "no_answer", "busy", "call_back")
AGENT = st.integers(0, len(AGENTS) - 1)
VOICEMAIL = {"en": "{{ first_name }}, please call us."}


def drawn(mode: str) -> tuple[list[Any], list[tuple[str, str, str]]]:
    """A call, then a text to whoever did not talk with us."""
    plan: dict[str, Any] = {"mode": mode, "words": WORDS, "tries": TRIES}
    if mode == "script":
        plan["voicemail"] = VOICEMAIL
    nodes = [
        ("call", "call", {"plan": plan}),
        ("text", "send_sms", {"body": TEXT}),
        ("done", "end", {}),
    ]
    edges = [("call", "answered", "done"), ("call", "next", "text"), ("text", "next", "done")]
    return nodes, edges


class CallStory(Wishes, RuleBasedStateMachine):
    """What may happen on the stage, in any order."""

    @initialize()
    def begin(self) -> None:
        self.open()
        self.launches("script")
        self.launches("person")
        self.engine_runs()

    @precondition(lambda self: self.other.busy)
    @rule()
    def the_other_process_commits(self) -> None:
        self.commit_other()

    # --- campaigns -------------------------------------------------------------------------------

    def launches(self, mode: str) -> None:
        """To everybody."""
        draft = launching.Draft(
            name=f"By {mode} {len(self.campaigns)}", audience=self.audience, number=self.number,
            version=factories.make_workflow(self.account, *drawn(mode)),
        )  # fmt: skip

        def launch() -> Campaign:
            campaign = launching.launch(self.account, draft, by=None, now=self.now)
            enrolling.enroll(campaign, now=self.now)
            return campaign

        self.campaigns.append(self.do(launch))

    @rule()
    def engine_runs(self) -> None:
        self.do(lambda: engine.run_round(now=self.now))

    @rule(data=st.data())
    def campaign_is_paused_or_resumed(self, data: st.DataObject) -> None:
        campaign = data.draw(st.sampled_from(self.campaigns))
        campaign.refresh_from_db()
        if campaign.status == Campaign.Status.COMPLETED:
            return
        change = lifecycle.resume if campaign.status == Campaign.Status.PAUSED else lifecycle.pause
        self.do(lambda: change(campaign, by=self.boss, now=self.now))
        self.paused ^= {campaign.lane_id}

    @rule()
    def everything_is_paused_or_resumed(self) -> None:
        if self.account_is_paused():
            self.do(lambda: pausing.lift(self.account, by=self.boss, now=self.now))
            self.all_quiet = False
            self.waiting = [wish for wish in self.waiting if wish.answer != self.grow_quiet]
        else:
            _, in_flight = self.do(lambda: pausing._begin(self.account, self.boss, "", True, self.now))
            self.waiting.append(Wish(self.grow_quiet, tuple(in_flight)))

    @rule(data=st.data())
    def somebody_leaves_a_campaign(self, data: st.DataObject) -> None:
        rows = Enrollment.objects.filter(campaign__account=self.account, state="active").order_by("pk")
        live = list(rows.select_related("campaign__account", "contact"))
        if live:
            gone = data.draw(st.sampled_from(live))
            self.do(lambda: removing.remove(gone, by=self.boss, now=self.now))

    @precondition(lambda self: len(self.campaigns) < 4 and not self.other.busy)
    @rule(phone=PHONES)
    def says_stop_while_an_audience_is_taken_in(self, phone: str) -> None:
        """Whoever is taken in, planned and claimed before the STOP commits has been seen by nobody."""
        if self.account_is_paused():
            return
        self.says_stop(phone, WISHES[0], apart=True)
        self.launches("script")
        self.engine_runs()
        self.claims(6, apart=False)

    @precondition(lambda self: self.calls_apart and not self.account_is_paused())
    @rule()
    def everything_is_paused_amid_a_claim(self) -> None:
        self.everything_is_paused_or_resumed()
        self.look_after_wishes()
        self.commit_other()
        if self.unplaced:
            self.place(self.unplaced[-1], "taken")

    # --- scripts ---------------------------------------------------------------------------------

    @rule(room=st.integers(1, 6), apart=st.booleans())
    def claims(self, room: int, apart: bool) -> None:
        """In the other process, the claim is made but not committed."""
        if apart and self.other.busy:
            return
        wall, lanes = self.now, call_sender.due_lanes(self.now).get(self.account.pk, [])

        def claim() -> call_claiming.Decided:
            return call_claiming.claim_scripts(self.account.pk, lanes, now=wall, most=room)

        if apart:
            self.calls_apart = self.other.begin(claim).claims
            made = self.calls_apart
            self.once_committed = lambda: self.take_calls(made, wall)
        else:
            self.take_calls(self.do(claim).claims, wall)

    def commit_other(self) -> None:
        super().commit_other()
        if not self.other.busy:
            self.calls_apart = []

    @precondition(lambda self: self.unplaced)
    @rule(data=st.data(), how=HOW)
    def requests_leave(self, data: st.DataObject, how: str) -> None:
        self.place(data.draw(st.sampled_from(self.unplaced)), how)

    @precondition(lambda self: len(self.call_flights) > len(self.unplaced))
    @rule(most=st.integers(1, 4))
    def records(self, most: int) -> None:
        self.record_calls([flight for flight in self.call_flights if flight.result is not None][:most])

    @rule(how=HOW, answered=st.booleans())
    def a_call_is_ended_while_it_is_placed(self, how: str, answered: bool) -> None:
        """Before the provider has said whether it took it; then somebody picks up all the same."""
        self.commit_other()
        self.claims(1, apart=False)
        for flight in self.unplaced[-1:]:
            self.end_call(flight.claim.planned_id, self.agents[0], away=False)
            self.place(flight, how)
            self.record_calls([flight])
            for line in self.live:
                if answered and line.attempt == flight.claim.attempt_id:
                    line.go("in-progress")
                    self.ask(line)

    @rule()
    def five_seconds_pass(self) -> None:
        """No claim is that old and still placed; no STOP waits any longer."""
        self.commit_other()
        self.call_flights = [flight for flight in self.call_flights if flight.result is not None]
        for wish in self.waiting:
            wish.answer()
        self.waiting = []

    @rule()
    def the_sender_is_killed(self) -> None:
        self.five_seconds_pass()
        self.call_flights = []

    @rule()
    def lost_calls_are_swept(self) -> None:
        """Minutes later. A frozen sender may still wake up with answers in its hands."""
        self.five_seconds_pass()
        wake(self)

    @rule(hours=st.sampled_from((0, 0, 3)))
    def lost_calls_are_looked_up(self, hours: int) -> None:
        self.commit_other()
        self.now += timedelta(hours=hours)
        self.do(lambda: call_reconciling.reconcile(now=self.now))

    @rule()
    def unwanted_calls_are_hung_up(self) -> None:
        self.do(call_ending.end_unwanted)

    # --- agents ----------------------------------------------------------------------------------

    @rule(who=AGENT)
    def takes_the_next(self, who: int) -> None:
        agent, before = self.agents[who], dict(self.in_hands())
        taken = self.do(lambda: call_queue.take_next(self.account, by=agent, now=self.now))
        if taken is not None:
            assert before.get(taken.pk) in (None, agent.pk), "a colleague has this one"
            assert taken.taken_by_id == agent.pk

    @rule(who=AGENT, how=HOW, death=st.sampled_from(("", "", "", "before", "after")))
    def presses_call(self, who: int, how: str, death: str) -> None:
        self.commit_other()
        self.how, self.death = how, death
        mine = call_queue.open_to(self.account, self.agents[who])
        if not mine:
            return
        with contextlib.suppress(call_placing.CallRefused, Killed):
            call_placing.place(mine[0].pk, by=self.agents[who], agent_phone=AGENTS[who], now=self.now)

    @rule(who=AGENT, deed=st.sampled_from(("give back", "skip", "later", *OUTCOMES)))
    def does(self, who: int, deed: str) -> None:
        self.commit_other()
        agent = self.agents[who]
        for one in call_queue.open_to(self.account, agent)[:1]:
            try:
                match deed:
                    case "give back":
                        call_taking.give_back(one.pk, by=agent, now=self.now)
                    case "skip":
                        call_taking.skip(one.pk, by=agent, reason="Spoke in person", now=self.now)
                    case "later":
                        until = self.now + timedelta(hours=2)
                        call_taking.put_off(one.pk, until=until, by=agent, now=self.now)
                    case _:
                        said_outcomes.say(one, deed, by=agent, now=self.now)
            except (call_taking.NotPossible, said_outcomes.NotPossible):
                pass

    @rule()
    def leases_run_out_and_are_swept(self) -> None:
        self.commit_other()
        sql.run(
            "UPDATE conversations_plannedcall SET taken_until = clock_timestamp() - interval '1 second'"
            " WHERE account_id = %s AND taken_until IS NOT NULL",
            [self.account.pk],
        )
        call_outcomes.sweep_taken(now=self.now)

    @rule()
    def what_is_late_is_swept(self) -> None:
        self.do(lambda: call_outcomes.sweep_late(now=self.now))

    # --- on the line -----------------------------------------------------------------------------

    @precondition(lambda self: self.live)
    @rule(data=st.data(), end=st.sampled_from(("", "", *NOBODY)))
    def rings(self, data: st.DataObject, end: str) -> None:
        line = data.draw(st.sampled_from(self.live))
        if line.status in ("initiated", "ringing"):
            line.go(end or "ringing")

    @precondition(lambda self: self.live)
    @rule(data=st.data(), who=st.sampled_from(("human", "human", "machine_end_beep", "unknown", "fax")))
    def is_answered(self, data: st.DataObject, who: str) -> None:
        line = data.draw(st.sampled_from(self.live))
        if line.status not in ("initiated", "ringing"):
            return
        line.go("in-progress")
        if self.is_agents(line):
            line.asked_agent = "<Gather" in self.ask(line)
            return
        for _ in range(data.draw(st.integers(1, 2))):  # asked twice, the first answer lost
            self.ask(line)
        line.answered_by = who
        found = self.do(
            lambda: call_talk.machine(
                line.attempt, [self.account.pk], Heard(line.sid, answered_by=who), now=self.now
            )
        )
        if found.redirect:
            said = self.do(lambda: call_talk.voicemail(line.attempt, [self.account.pk], now=self.now))
            self.may_hear(line, said)

    @precondition(lambda self: any(line.asked_agent and not line.over for line in self.exchange.lines))
    @rule(data=st.data(), takes=st.booleans())
    def the_agent_presses_one(self, data: st.DataObject, takes: bool) -> None:
        waiting = [line for line in self.exchange.lines if line.asked_agent and not line.over]
        line = data.draw(st.sampled_from(waiting))
        self.ask(line, digits="1")
        if line.rings_customer and takes:
            self.hear_of_leg(line, "in-progress")

    def hear_of_leg(self, line: Line, state: str) -> None:
        heard = Heard(f"{line.sid}-customer", leg_state=state, dialed_seconds=9)
        self.do(lambda: call_talk.leg(line.attempt, [self.account.pk], heard, now=self.now))

    @precondition(lambda self: any(line.status == "in-progress" for line in self.live))
    @rule(data=st.data(), digit=st.sampled_from("9912"), heard=st.sampled_from((True, True, False)))
    def presses_a_key(self, data: st.DataObject, digit: str, heard: bool) -> None:
        talking = [line for line in self.live if line.status == "in-progress" and not self.is_agents(line)]
        if not talking:
            return
        line = data.draw(st.sampled_from(talking))
        phone = self.customer_of(line)
        pressed = self.press(line, digit, heard=heard)
        if pressed is not None and digit == "9":
            self.closed(phone, pressed.in_flight)
            queued = PlannedCall.objects.filter(address__value=phone, account=self.account)
            assert not queued.filter(state__in=("queued", "taken")).exists(), "it is still to be called"
            assert not Message.objects.filter(
                account=self.account, address__value=phone, state="queued"
            ).exists()

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def hangs_up(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from(self.live))
        if line.status == "in-progress":
            line.go("completed", CallDuration="9")

    @precondition(lambda self: self.exchange.lines)
    @rule(data=st.data(), repeated=st.integers(1, 2), applied=st.booleans())
    def calls_back(self, data: st.DataObject, repeated: int, applied: bool) -> None:
        """News of any call it took, of any moment, in any order, before our own answer is recorded, too."""
        line = data.draw(st.sampled_from(self.exchange.lines))
        news = data.draw(st.sampled_from(line.told))
        for _ in range(repeated):
            self.tell(line, news)
        if applied:
            self.do(lambda: call_draining.drain(5))

    @precondition(lambda self: self.exchange.lines)
    @rule(data=st.data())
    def news_comes_backwards(self, data: st.DataObject) -> None:
        self.tell_backwards(data.draw(st.sampled_from(self.exchange.lines)))

    def tell_backwards(self, line: Line) -> None:
        """All that is known of it so far, the latest first."""
        if line.status == "initiated":
            line.go("ringing")
        for news in reversed(line.told):
            self.tell(line, news)
            self.do(lambda: call_draining.drain(5))
            self.calls_only_rise()

    # --- customers -------------------------------------------------------------------------------

    @rule(phone=PHONES, body=st.sampled_from(WISHES), apart=st.booleans())
    def says_stop(self, phone: str, body: str, apart: bool) -> None:
        """Answered once nothing is in flight. In the other process, it is taken in but not committed."""
        if self.calls_apart:  # the worst instant there is
            phone = self.calls_apart[0].to
        text = self.write(phone, body)

        def commit(received: Any) -> None:
            assert received is not None and received.outcome == "opt_out"
            self.closed(phone, received.in_flight)

        if apart and not self.other.busy:
            received = self.other.begin(lambda: self.receive(text))
            self.once_committed = lambda: commit(received)
        else:
            commit(self.do(lambda: self.receive(text)))

    @rule(phone=PHONES)
    def says_something_else(self, phone: str) -> None:
        """Which holds the contact's campaigns."""
        text = self.write(phone, "What does it cost?")
        assert self.do(lambda: self.receive(text)) is not None

    @rule(phone=PHONES)
    def takes_a_consent_back(self, phone: str) -> None:
        if phone in self.agreed:
            self.withdraw(phone)

    @rule(hours=st.sampled_from((-1, 1, 1, 4, 9, 24)))
    def the_clock_steps(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        if self.unheard:
            self.lost_keys_are_had(0)

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def nobody_is_called_twice_for_one_try(self) -> None:
        if hasattr(self, "placed"):
            assert not self.placed or max(self.placed.values()) == 1, self.placed.most_common(2)

    @invariant()
    def rows_hold_together(self) -> None:
        if hasattr(self, "planned_states"):
            self.look_after_wishes()
            self.calls_only_rise()
            self.planned_calls_hold_together()

    @rule()
    def counters_are_counted(self) -> None:
        self.commit_other()
        assert recount().differences == []

    def teardown(self) -> None:
        if not hasattr(self, "planned_states"):
            return
        try:
            self.come_to_rest()
            self.nobody_is_touched_too_often()
            assert recount().differences == []
        finally:
            self.other.close()
            PlannedCall.objects.filter(account=self.account).delete()  # other stories share the database
            Message.objects.filter(account=self.account, state="queued").update(
                state="cancelled", due_at=None
            )
            Campaign.objects.filter(account=self.account).update(status=Campaign.Status.COMPLETED)

    def come_to_rest(self) -> None:
        """Everything is resumed, whoever is called is not at home, and days pass until nobody is left."""
        self.five_seconds_pass()
        self.record_calls(self.call_flights)
        if self.account_is_paused():
            self.everything_is_paused_or_resumed()
        for campaign in self.campaigns:
            if campaign.lane_id in self.paused:
                lifecycle.resume(Campaign.objects.get(pk=campaign.pk), by=self.boss, now=self.now)
        self.paused = set()
        self.now = max(self.now, self.now.replace(hour=OPEN_EVERYWHERE))
        for hours in itertools.chain.from_iterable(itertools.repeat((2, 22), 20)):
            self.a_quiet_moment()
            if not Enrollment.objects.filter(campaign__account=self.account, state="active").exists():
                break
            self.now += timedelta(hours=hours)
        self.rows_hold_together()
        open_ = Step.objects.filter(campaign__in=self.campaigns, state__in=Step.OPEN)
        assert not open_.exists(), list(open_.values("node__key", "state", "reason"))
        going = Call.objects.filter(account=self.account, state__in=Call.LIVE)
        assert not going.exists(), list(going.values("state", "code"))
        unended = PlannedCall.objects.filter(account=self.account, origin__startswith="step:")
        assert not unended.filter(state__in=PlannedCall.OPEN).exists()
        assert not self.unheard, f"a 9 of {self.unheard} is lost"
        self.ended_calls_have_no_outcome()

    def a_quiet_moment(self) -> None:
        """What is due is called and texted by a good provider; all that happened is told. Agents go home."""
        self.engine_runs()
        self.claims(6, apart=False)
        for flight in self.unplaced:
            self.place(flight, "taken")
        self.record_calls(self.call_flights)
        claims = claiming.claim(leasing.lease(50, now=self.now), now=self.now)
        self.take_off(claims, self.now)
        for text in self.flights:
            self.call(text, "taken")
        self.record(self.flights)
        while one := call_queue.take_next(self.account, by=self.agents[0], now=self.now):
            call_taking.skip(one.pk, by=self.agents[0], reason="Closing time", now=self.now)
        if self.ended:
            self.wished_ends_are_asked_for()
        for line in self.live:
            line.go("no-answer" if line.status in ("initiated", "ringing") else "completed")
        self.callers_hang_up()
        for line in self.exchange.lines:
            if not line.end_told:
                self.tell(line, line.told[-1])
                line.end_told = line.over
        self.do(lambda: call_draining.drain(5))
        wake(self)
        self.lost_calls_are_looked_up(0)
        if self.unheard:
            self.lost_keys_are_had(0)
        self.leases_run_out_and_are_swept()
        self.what_is_late_is_swept()


@pytest.fixture
def put_back(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """What a story changes outside the database."""
    monkeypatch.setattr(clock, "now", clock.now)
    monkeypatch.setattr(reconciling, "list_texts", reconciling.list_texts)
    for name in ("list_calls", "look_up", "attempts_of", "keys_of", "place_now"):
        monkeypatch.setattr(voice, name, getattr(voice, name))
    for name in ("end", "call_off"):
        monkeypatch.setattr(live_calls, name, getattr(live_calls, name))
    monkeypatch.setattr(inbound, "wait_for_calls", inbound.wait_for_calls)
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 3600)
    settings.RECONCILE_AFTER_SECONDS = -1.0
    yield
    connection.close()  # and with it its patience for locks


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("put_back")
def test_no_order_of_events_breaks_a_promise_about_calls() -> None:
    assert tell_stories(CallStory, FEW, same=True, length=LENGTH), "no attempt came to its end"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("put_back")
def test_the_story_that_goes_where_promises_break() -> None:
    """Told by hand: few stories drawn by chance come there."""
    story = CallStory()
    story.begin()
    try:
        for how, answered in (("busy", False), ("taken", True)):
            ended = len(story.ended)
            while len(story.ended) == ended:  # whoever has not agreed goes to a person
                assert call_sender.due_lanes(story.now), "nobody is left to be called by a script"
                story.a_call_is_ended_while_it_is_placed(how, answered)
        story.claims(6, apart=False)
        for flight in story.unplaced:
            story.place(flight, "taken")
        story.record_calls(story.call_flights)
        for line in story.live:
            story.tell_backwards(line)
            story.rows_hold_together()
        story.calls_back_to_say_nine_while_we_are_away(story.customer_of(story.exchange.lines[0]))
        assert story.unheard
    finally:
        story.teardown()
    story.nobody_is_called_twice_for_one_try()
