"""No sequence of replies, stops, starts, imports, agents' acts and sends reaches somebody who is suppressed.

A plain set of phones stands beside the product, changed by the rules as people would say them; whatever a
sender may hand over is compared with it.
"""

import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from audiences import opt_out_lists, suppression
from audiences.models import ContactAddress, OptOut
from campaigns import engine, enrolling, launching
from common import clock
from conversations import (
    claiming,
    delivery,
    inbound,
    leasing,
    opt_ins,
    opt_out_imports,
    opt_outs,
    remedies,
    threads,
)
from conversations.models import Message, Thread
from integrations.messaging import DeliveryState, InboundText, ProviderError, Receipt, Remedy
from tests import factories

pytestmark = pytest.mark.django_db
MONDAY_NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # in Chicago
STOPS = ("STOP", "stop.", "Please stop texting me", "UNSUBSCRIBE", "no me manden más mensajes", "RESET")
OTHERS = ("Yes please", "What does it cost?", "Do you stop by on Fridays?", "wrong number", "thanks", "HELP")
EVERYWHERE = ("Do not contact me again in any way", "Don't ever contact me again")
HOME, OWN, SECOND = (factories.reserved(number) for number in (1, 2, 3))
PHONES = st.sampled_from((HOME, OWN, SECOND))


class Story(RuleBasedStateMachine):
    """Two people share the home's phone; a third has two phones of her own."""

    @initialize()
    def begin(self) -> None:
        self.frame = transaction.atomic()
        self.frame.__enter__()
        self.now = MONDAY_NOON
        clock.now = lambda: self.now  # put back by the test
        self.account = factories.make_account()
        self.agent = factories.make_user(self.account)
        self.number = factories.make_number(self.account, e164=factories.reserved(9))
        self.ann = factories.make_contact(self.account, phone=HOME, kind="residential")
        self.bob = factories.make_contact(self.account, phone=HOME, kind="commercial")
        self.eve = factories.make_contact(self.account, phone=OWN)
        second = factories.phone_of(factories.make_contact(self.account, phone=SECOND, active=False))
        ContactAddress.objects.filter(address=second).update(contact=self.eve, position=1)
        self.audience = factories.make_audience(self.account)
        self.version = factories.make_workflow(self.account)
        self.suppressed: set[str] = set()
        self.campaigns = 0

    def teardown(self) -> None:
        if hasattr(self, "frame"):
            transaction.set_rollback(True)
            self.frame.__exit__(None, None, None)

    def family(self, phone: str) -> set[str]:
        """Every phone of whoever writes from this one."""
        return {HOME} if phone == HOME else {OWN, SECOND}

    def say(self, phone: str, body: str) -> inbound.Received:
        text = InboundText(provider_id=f"SM{uuid.uuid4().hex}", to=self.number.e164, from_=phone, body=body)
        received = inbound.receive(text, account=self.account, now=self.now)
        assert received is not None
        return received

    @rule(phone=PHONES, body=st.sampled_from(STOPS))
    def stops(self, phone: str, body: str) -> None:
        assert self.say(phone, body).outcome == "opt_out"
        self.suppressed.add(phone)

    @rule(phone=PHONES, body=st.sampled_from(EVERYWHERE))
    def wants_no_contact_at_all(self, phone: str, body: str) -> None:
        assert self.say(phone, body).outcome == "opt_out"
        self.suppressed |= self.family(phone)

    @rule(phone=PHONES, body=st.sampled_from(("START", "unstop")))
    def starts(self, phone: str, body: str) -> None:
        self.say(phone, body)
        self.suppressed.discard(phone)

    @rule(phone=PHONES, body=st.sampled_from(OTHERS))
    def says_something_else(self, phone: str, body: str) -> None:
        assert self.say(phone, body).outcome != "opt_out"

    @rule(phone=PHONES)
    def is_listed(self, phone: str) -> None:
        data = f"phone\n{phone}\n".encode()
        found = opt_out_lists.read(io.BytesIO(data), len(data))
        listed = opt_out_imports.draft(self.account, found, name="old.csv", by=self.agent, now=self.now)
        opt_out_imports.confirm(listed, by=self.agent, now=self.now)
        opt_out_imports.record_confirmed(now=self.now)
        self.suppressed.add(phone)

    @rule(only_this=st.booleans())
    def agent_opts_her_out(self, only_this: bool) -> None:
        own = factories.phone_of(self.eve) if only_this else None
        opt_outs.by_agent(self.eve, by=self.agent, evidence="On the phone", now=self.now, only=own)
        self.suppressed |= {OWN} if only_this else {OWN, SECOND}

    @rule(phone=PHONES)
    def agent_undoes(self, phone: str) -> None:
        address = self.account.addresses.get(value=phone)
        held = opt_ins.carrier_holds(address)
        try:
            opt_ins.by_agent(address, by=self.agent, words="Please text me again", now=self.now)
        except opt_ins.OptInRefused:
            assert held or phone not in self.suppressed
        else:
            assert not held
            self.suppressed.discard(phone)

    @rule(phone=PHONES, body=st.sampled_from(("Hello", "Shall we come Friday?")))
    def agent_writes(self, phone: str, body: str) -> None:
        for thread in Thread.objects.filter(account=self.account, address__value=phone):
            try:
                threads.reply(thread, body=body, by=self.agent, token=uuid.uuid4(), now=self.now)
            except threads.ReplyRefused:
                assert phone in self.suppressed or thread.state == "closed"
            else:
                assert phone not in self.suppressed

    @rule()
    def a_campaign_begins(self) -> None:
        if self.campaigns < 4:
            self.campaigns += 1
            draft = launching.Draft(
                name=f"Campaign {self.campaigns}",
                version=self.version,
                audience=self.audience,
                number=self.number,
            )
            campaign = launching.launch(self.account, draft, by=None, now=self.now)
            enrolling.enroll(campaign, now=self.now)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(refused=st.booleans())
    def texts_are_sent(self, refused: bool) -> None:
        """Everything due is handed over; the provider takes it, or says that these phones have opted out."""
        engine.run_round(now=self.now)
        claims = claiming.claim(leasing.lease(50, now=self.now), now=self.now)
        self.judge(claims)
        results = [delivery.CallResult(c.message_id, c.attempt_id, self.answer(refused)) for c in claims]
        delivery.record(results, now=self.now)
        if refused and claims:
            remedies.apply([(c.message_id, Remedy.OPTED_OUT, "21610") for c in claims], now=self.now)
            self.suppressed |= {claim.to for claim in claims}

    def answer(self, refused: bool) -> Receipt | ProviderError:
        if not refused:
            return Receipt(f"SM{uuid.uuid4().hex}", "queued", DeliveryState.ACCEPTED, 1)
        return ProviderError(
            "Unsubscribed", permanent=True, accepted="no", code="21610", state=DeliveryState.REJECTED
        )

    def judge(self, claims: list[claiming.Claim]) -> None:
        origins = dict(
            Message.objects.filter(pk__in=[c.message_id for c in claims]).values_list("pk", "origin")
        )
        for claim in claims:
            if claim.to in self.suppressed:
                kind, _, wish = (origins[claim.message_id] or "").partition(":")
                assert kind == "confirm", f"{claim.body!r} would reach {claim.to}"
                confirmed = OptOut.objects.get(pk=int(wish))
                assert (confirmed.address.value, confirmed.lifted_at) == (claim.to, None)
                assert self.now - confirmed.at <= timedelta(minutes=5)

    @invariant()
    def the_product_knows_the_same(self) -> None:
        if not hasattr(self, "account"):
            return
        addresses = dict(self.account.addresses.values_list("pk", "value"))
        assert {addresses[pk] for pk in suppression.in_force(addresses)} == self.suppressed
        waiting = Message.objects.filter(
            account=self.account, state="queued", address__value__in=self.suppressed
        )
        assert not waiting.exclude(origin__startswith="confirm:").exists()


def test_nobody_suppressed_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", clock.now)  # so that it is put back
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
