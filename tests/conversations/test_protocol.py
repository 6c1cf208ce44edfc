"""No order of claims, calls, answers, callbacks, stops, pauses, holds, sweeps, clock steps breaks a promise.

The product's own functions run on a real database. Two transactions overlap where two processes would: a
claim, or a STOP, stays open while everything else goes on, and whoever needs its locks must wait for it. A
model of the provider (`protocol.py`) keeps the books, and the judge of `make faults` reads them.

`TRUCKROLL_STORIES=500` tells that many stories instead of the few that every run of the tests can afford.
"""

from collections import Counter
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
from bench.judging import Turn, downward
from campaigns import engine, enrolling, launching, lifecycle
from campaigns.models import Campaign, Enrollment
from common import clock
from common.transactions import atomic_with_retry
from conversations import claiming, delivery, draining, leasing, pausing, reconciling
from conversations.models import Message
from integrations.messaging import ProviderError
from tests import factories
from tests.conversations.protocol import SILENCE, ZONES, Stage, Wish
from tests.conversations.storytelling import tell_stories

FEW = 8
PHONES = st.sampled_from(sorted(ZONES))
NAMES = "ABC"  # of the campaigns; their texts begin so
NODES = [("reply", "wait_for_reply", {"timeout_minutes": 90})]
EDGES = [("text", "next", "reply")]
HOW = st.sampled_from(("taken", "taken", "taken", "lost", "lost", "never came", "busy", "no phone"))
WISHES = ("STOP", "Please stop texting me", "unsubscribe")
OTHERS = ("Yes please", "What does it cost?", "thanks")
TOO_OLD = ProviderError("Too old", permanent=False, accepted="no", code="claim_too_old")


class Story(Stage, RuleBasedStateMachine):
    """What may happen on the stage, in any order."""

    @initialize()
    def begin(self) -> None:
        self.open()
        self.launches()
        self.engine_runs()

    # --- two processes ---------------------------------------------------------------------------

    @precondition(lambda self: self.other.busy)
    @rule()
    def the_other_process_commits(self) -> None:
        self.commit_other()

    # --- campaigns -------------------------------------------------------------------------------

    @precondition(lambda self: len(self.campaigns) < len(NAMES))
    @rule()
    def launches(self) -> None:
        body = f"{NAMES[len(self.campaigns)]}: Hi {{{{ first_name }}}}, shall we come?"
        version = factories.make_workflow(self.account, [("text", "send_sms", {"body": body}), *NODES], EDGES)
        draft = launching.Draft(name=body[0], version=version, audience=self.audience, number=self.number)

        def launch() -> Campaign:
            campaign = launching.launch(self.account, draft, by=None, now=self.now)
            enrolling.enroll(campaign, now=self.now)
            return campaign

        if not self.account_is_paused():
            self.campaigns.append(self.do(launch))

    @rule()
    def engine_runs(self) -> None:
        self.do(lambda: engine.run_round(now=self.now))

    @rule(data=st.data())
    def campaign_is_paused_or_resumed(self, data: st.DataObject) -> None:
        campaign = data.draw(st.sampled_from(self.campaigns))
        campaign.refresh_from_db()
        resumed = campaign.status == Campaign.Status.PAUSED
        if campaign.status == Campaign.Status.COMPLETED:
            return
        change = lifecycle.resume if resumed else lifecycle.pause
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

    @precondition(lambda self: self.claimed_apart and not self.account_is_paused())
    @rule()
    def everything_is_paused_amid_a_claim(self) -> None:
        self.everything_is_paused_or_resumed()
        self.look_after_wishes()
        self.commit_other()
        if self.uncalled:
            self.call(self.uncalled[-1], "taken")

    # --- the sender ------------------------------------------------------------------------------

    @rule(room=st.integers(1, 6))
    def leases(self, room: int) -> None:
        if leased := self.do(lambda: leasing.lease(room, now=self.now)):
            self.leased.append(leased)

    @rule(room=st.integers(1, 6), apart=st.booleans())
    def claims(self, room: int, apart: bool) -> None:
        """In the other process, the claim is made but not committed."""
        if not self.leased:
            self.leases(room)
        if not self.leased or (apart and self.other.busy):
            return
        batch, wall = self.leased.pop(0), self.now
        if apart:
            made = self.other.begin(lambda: claiming.claim(batch, now=wall))
            self.claimed_apart, self.once_committed = made, lambda: self.take_off(made, wall)
        else:
            made = self.do(lambda: claiming.claim(batch, now=wall))
            self.take_off(made, wall)
        rows = Message.objects.in_bulk([claim.message_id for claim in made])
        assert apart or not self.paused & {row.lane_id for row in rows.values()}, "from a paused lane"

    @precondition(lambda self: self.uncalled)
    @rule(data=st.data(), how=HOW, end=st.sampled_from(("delivered", "undelivered")))
    def calls(self, data: st.DataObject, how: str, end: str) -> None:
        self.call(data.draw(st.sampled_from(self.uncalled)), how, end)

    @precondition(lambda self: len(self.flights) > len(self.uncalled))
    @rule(most=st.integers(1, 4))
    def records(self, most: int) -> None:
        done = [flight for flight in self.flights if flight.result is not None][:most]
        self.record(done)

    @rule()
    def five_seconds_pass(self) -> None:
        """No claim is that old and still called; no STOP waits any longer."""
        self.commit_other()
        for flight in self.flights:
            flight.result = flight.result or TOO_OLD
        for wish in self.waiting:
            wish.answer()
        self.waiting = []

    @rule()
    def the_sender_is_killed(self) -> None:
        self.commit_other()
        self.five_seconds_pass()
        self.flights, self.leased = [], []
        self.leases_run_out()

    @rule()
    def lost_calls_are_swept(self) -> None:
        """Minutes later. A frozen sender may still wake up with answers in its hands."""
        self.five_seconds_pass()
        sweep = atomic_with_retry(delivery.sweep_abandoned)
        self.do(lambda: sweep(older_than_seconds=-1, now=self.now))

    @rule()
    def lost_calls_are_looked_up(self) -> None:
        if not any(flight.result in (None, SILENCE) for flight in self.flights):  # it takes minutes, too
            self.do(lambda: reconciling.reconcile_unknown(now=self.now))

    # --- the provider and the customers ----------------------------------------------------------

    @precondition(lambda self: self.provider.texts)
    @rule(data=st.data(), repeated=st.integers(1, 2))
    def calls_back(self, data: st.DataObject, repeated: int) -> None:
        """News of any text it took, in any order, however often; before its answer is recorded, too."""
        text = data.draw(st.sampled_from(self.provider.texts))
        status = data.draw(st.sampled_from(("queued", "sent", text.end)))
        for _ in range(repeated):
            self.call_back(text, status)
        if data.draw(st.booleans()):
            self.news_is_applied()

    @rule()
    def news_is_applied(self) -> None:
        self.do(lambda: draining.drain(5))

    @rule(phone=PHONES, body=st.sampled_from(WISHES), twice=st.booleans(), apart=st.booleans())
    def says_stop(self, phone: str, body: str, twice: bool, apart: bool) -> None:
        """Answered once nothing is in flight. In the other process, it is taken in but not committed."""
        if self.claimed_apart:  # the worst instant there is
            phone = self.claimed_apart[0].to
        live = Enrollment.objects.filter(campaign__account=self.account, address__value=phone, state="active")
        self.left |= {phone} if live.exists() else set()
        text = self.write(phone, body)
        if apart and not self.other.busy:
            received = self.other.begin(lambda: self.receive(text))
            self.once_committed = lambda: self.answer_once_quiet(phone, received)
        else:
            self.answer_once_quiet(phone, self.do(lambda: self.receive(text)))
        if twice:
            assert self.do(lambda: self.receive(text)) is None

    @precondition(lambda self: len(self.campaigns) < len(NAMES) and not self.other.busy)
    @rule(phone=PHONES)
    def says_stop_while_an_audience_is_taken_in(self, phone: str) -> None:
        """Whoever is taken in, queued and claimed before the STOP commits has been seen by nobody."""
        self.says_stop(phone, WISHES[0], twice=False, apart=True)
        self.launches()
        self.engine_runs()
        self.leases(6)
        self.claims(6, apart=False)

    @rule(phone=PHONES, body=st.sampled_from(OTHERS), twice=st.booleans())
    def says_something_else(self, phone: str, body: str, twice: bool) -> None:
        """Which holds the contact's other campaigns."""
        text = self.write(phone, body)
        assert self.do(lambda: self.receive(text)) is not None
        if twice:
            assert self.do(lambda: self.receive(text)) is None

    @rule(hours=st.sampled_from((-1, 1, 1, 4, 9, 24)))
    def the_clock_steps(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # --- what must hold --------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "campaigns"):
            return
        try:
            self.come_to_rest()
            self.judge_all()
        finally:
            self.other.close()
            # Other stories share the database.
            waiting = Message.objects.filter(account=self.account, state="queued")
            waiting.update(state="cancelled", due_at=None)
            Campaign.objects.filter(account=self.account).update(status=Campaign.Status.COMPLETED)

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        if hasattr(self, "provider"):
            taken = Counter((text.claim.to, text.claim.body) for text in self.provider.texts)
            assert not taken or max(taken.values()) == 1, taken.most_common(2)

    @invariant()
    def no_state_falls(self) -> None:
        if not hasattr(self, "campaigns"):
            return
        self.look_after_wishes()
        texts = Message.objects.filter(account=self.account).exclude(kind="inbound")
        present = {pk: (state, code) for pk, state, code in texts.values_list("pk", "state", "code")}
        for pk, (state, _) in present.items():
            was, code = self.states.get(pk, ("queued", ""))
            if was != state:
                self.turns.append(Turn(was, state, code))
        assert not downward(self.turns), self.turns
        self.states = present

    @invariant()
    def every_text_of_a_customer_is_kept_once(self) -> None:
        if hasattr(self, "provider") and not self.other.busy:
            kept = Message.objects.filter(account=self.account, kind="inbound")
            assert sorted(kept.values_list("provider_id", flat=True)) == sorted(
                entry["sid"] for entry in self.provider.inbounds
            )

    @rule()
    def counters_are_counted(self) -> None:
        self.commit_other()
        assert recount().differences == []

    def come_to_rest(self) -> None:
        """Everything is resumed, a good provider takes what is due, and days pass until nobody is left."""
        self.five_seconds_pass()
        self.record(self.flights)
        if self.account_is_paused():
            self.everything_is_paused_or_resumed()
        for campaign in self.campaigns:
            if campaign.lane_id in self.paused:
                lifecycle.resume(Campaign.objects.get(pk=campaign.pk), by=self.boss, now=self.now)
        self.paused = set()
        for _ in range(60):
            self.send_what_is_due()
            self.lost_calls_are_swept()
            self.lost_calls_are_looked_up()
            for text in self.provider.texts:
                for status in {"sent", text.end} - text.told:
                    self.call_back(text, status)
            self.news_is_applied()
            if not Enrollment.objects.filter(campaign__account=self.account, state="active").exists():
                break
            self.now += timedelta(hours=5)
        self.no_state_falls()

    def send_what_is_due(self) -> None:
        self.leases_run_out()
        self.engine_runs()
        self.leased = []
        for _ in range(2):  # what was put off to now, too
            claims = claiming.claim(leasing.lease(50, now=self.now), now=self.now)
            self.take_off(claims, self.now)
            for flight in self.flights:
                self.call(flight, "taken")
            self.record(self.flights)


@pytest.fixture
def put_back(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """What a story changes outside the database."""
    monkeypatch.setattr(clock, "now", clock.now)
    monkeypatch.setattr(reconciling, "list_texts", reconciling.list_texts)
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 3600)  # they run out where a story says so
    settings.RECONCILE_AFTER_SECONDS = -1.0
    yield
    connection.close()  # and with it its patience for locks


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("put_back")
def test_no_order_of_events_breaks_a_promise() -> None:
    assert tell_stories(Story, FEW), "no attempt came to its end"
