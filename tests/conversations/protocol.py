"""The stage of `test_protocol.py`: a contractor with customers, a provider that keeps its own books, and a
second process whose transaction stays open until told. It believes nothing that the product says of itself.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction

from analytics.recount import recount
from audiences.hours import zone_set_for
from audiences.models import Household
from bench.faulted import EXCLUSIONS, PASSAGES
from bench.judging import Facts, Passage, Turn, judge, lost
from campaigns.models import Campaign
from common import clock, sql
from common.transactions import atomic_with_retry
from conversations import delivery, inbound, pausing, reconciling
from conversations.candidates import Claim
from conversations.models import Message
from integrations import inbox
from integrations.messaging import DeliveryState, InboundText, ListedText, ProviderError, Receipt
from integrations.models import ProviderEvent
from tests import factories
from tests.conftest import MONDAY_NOON

T = TypeVar("T")
LOCK_NOT_AVAILABLE = "55P03"
LOCK_TIMEOUT = "40ms"
HOMES = (  # phones of two people who share one home and one phone; of one home; of two late zones
    (101, "IL", "60601", "America/Chicago", "a"),
    (101, "IL", "60601", "America/Chicago", "a"),
    (102, "IL", "60601", "America/Chicago", "b"),
    (103, "IL", "60601", "America/Chicago", "b"),
    (104, "AZ", "85001", "America/Phoenix", "c"),
    (105, "HI", "96801", "Pacific/Honolulu", "d"),
)
ZONES = {factories.reserved(number): zone for number, _, _, zone, _ in HOMES}
CONFIRMATION = "You're opted out"
BUSY = ProviderError("Too many", permanent=False, accepted="no", code="20429")
NO_SUCH_PHONE = ProviderError(
    "Not a phone", permanent=True, accepted="no", code="21211", state=DeliveryState.REJECTED
)
SILENCE = ProviderError("Silence", permanent=False, accepted="unknown", code="disconnected")
_numbers = count(1)


@dataclass
class Text:
    """One text the provider took, and how its life will end."""

    sid: str
    claim: Claim
    end: str
    received_at: float
    wall: datetime  # the clock when it was claimed
    told: set[str] = field(default_factory=set)


class Provider:
    """What the other side knows: texts it took, what it told of them, what customers wrote."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ticks = 0.0
        self.texts: list[Text] = []
        self.callbacks: list[dict[str, Any]] = []
        self.inbounds: list[dict[str, Any]] = []

    def tick(self) -> float:
        """The next instant; nothing happens at one time."""
        self.ticks += 1
        return self.ticks

    def take(self, claim: Claim, end: str, wall: datetime) -> Receipt:
        """Accept a text for good."""
        text = Text(f"SM{self.name}-{len(self.texts)}", claim, end, self.tick(), wall)
        self.texts.append(text)
        return Receipt(text.sid, "queued", DeliveryState.ACCEPTED, 1)

    def listing(self, to: str) -> list[ListedText]:
        """Its list of texts to one phone, newest first."""
        return [
            ListedText(
                receipt=Receipt(text.sid, "queued", DeliveryState.ACCEPTED, 1),
                to=to,
                from_=text.claim.from_,
                body=text.claim.body,
                created_at=text.wall,
            )
            for text in reversed(self.texts)
            if text.claim.to == to
        ]


class OtherProcess:
    """One thread with a database connection of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "other-process")
        self._frame: Any = None

    @property
    def busy(self) -> bool:
        """Whether its transaction is open."""
        return self._frame is not None

    def begin(self, work: Callable[[], T]) -> T:
        """Do `work` in a transaction that stays open; what `work` answers."""

        def open_and_work() -> T:
            frame = transaction.atomic()
            frame.__enter__()
            try:
                result = work()
            except BaseException as error:
                frame.__exit__(type(error), error, error.__traceback__)
                raise
            self._frame = frame
            return result

        return self._pool.submit(open_and_work).result()

    def commit(self) -> None:
        """End its transaction, if there is one."""
        if self._frame is not None:
            self._pool.submit(self._frame.__exit__, None, None, None).result()
            self._frame = None

    def close(self) -> None:
        """Commit and go away."""
        self.commit()
        self._pool.submit(lambda: connection.close()).result()
        self._pool.shutdown()


def is_waiting(error: OperationalError) -> bool:
    """Whether a statement gave up because another transaction holds what it needs."""
    return getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE


@dataclass(eq=False)
class Flight:
    """A claim in a sender's hands."""

    claim: Claim
    wall: datetime
    result: Receipt | ProviderError | None = None


@dataclass(eq=False)
class Wish:
    """A STOP or a pause of everything whose handler waits for calls in flight before it answers."""

    answer: Callable[[], None]
    in_flight: tuple[int, ...]


class Stage:
    """One contractor with six customers, a sender that may die, and a second process."""

    def open(self) -> None:
        """Account, customers, the provider's books, the other process; nobody waits for locks any more."""
        sql.run(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        self.now = MONDAY_NOON
        clock.now = lambda: self.now  # put back by the test
        self.number_of_story = next(_numbers)
        self.provider = Provider(f"{os.getpid():x}-{self.number_of_story}")
        reconciling.list_texts = lambda _access, *, to, **_: self.provider.listing(to)  # put back by the test
        self.other = OtherProcess()
        self.account = factories.make_account()
        self.boss = factories.make_user(self.account)
        self.number = factories.make_number(self.account, f"+1312556{self.number_of_story:04}")
        homes = {key: Household.objects.create(account=self.account, key=key) for key in "abcd"}
        for number, state, zip_code, _, home in HOMES:
            factories.make_contact(
                self.account, factories.reserved(number), household=homes[home],
                zone_set=zone_set_for(state=state, zip_code=zip_code),
            )  # fmt: skip
        self.audience = factories.make_audience(self.account)
        self.campaigns: list[Campaign] = []
        self.leased: list[list[int]] = []
        self.flights: list[Flight] = []
        self.claimed_apart: list[Claim] = []  # by the other process, not committed yet
        self.once_committed: Callable[[], None] = lambda: None
        self.waiting: list[Wish] = []
        self.stopped: set[str] = set()  # phones whose STOP was answered
        self.left: set[str] = set()  # phones whose STOP ended a passage
        self.paused: set[int] = set()  # lanes
        self.all_quiet = False  # everything is paused, and the pause was answered
        self.states: dict[int, tuple[str, str]] = {}
        self.turns: list[Turn] = []

    def do(self, work: Callable[[], T]) -> T:
        """Run `work` as this process does; where it must wait for the other one, that one commits first."""
        for _ in range(3):
            try:
                return work()
            except OperationalError as error:
                if not is_waiting(error):
                    raise
                assert self.other.busy, "nobody else holds a lock"
                self.commit_other()
        raise AssertionError("still waiting")

    def commit_other(self) -> None:
        """The other process commits; what follows from that happens now."""
        if self.other.busy:
            self.other.commit()
            self.once_committed()
            self.claimed_apart = []

    def account_is_paused(self) -> bool:
        """Whether everything is."""
        return pausing.in_force(self.account) is not None

    def grow_quiet(self) -> None:
        """The pause of everything is answered."""
        self.all_quiet = True

    @property
    def uncalled(self) -> list[Flight]:
        """Claims whose call has not begun, and still may."""
        return [flight for flight in self.flights if flight.result is None]

    def take_off(self, claims: list[Claim], wall: datetime) -> None:
        """Committed claims are in the sender's hands."""
        self.flights += [Flight(claim, wall) for claim in claims]

    def call(self, flight: Flight, how: str, end: str = "delivered") -> None:
        """The request leaves: nothing may go to whoever was told that nothing will."""
        to, body = flight.claim.to, flight.claim.body
        assert to not in self.stopped or body.startswith(CONFIRMATION), f"{body!r} to {to} after its STOP"
        assert not self.all_quiet, "a call while everything is paused"
        if how in ("taken", "lost"):
            receipt = self.provider.take(flight.claim, end, flight.wall)
            flight.result = receipt if how == "taken" else SILENCE
        else:
            flight.result = {"never came": SILENCE, "busy": BUSY, "no phone": NO_SUCH_PHONE}[how]

    def record(self, flights: list[Flight]) -> None:
        """The sender writes down how these calls ended."""
        results = [
            delivery.CallResult(f.claim.message_id, f.claim.attempt_id, f.result) for f in flights if f.result
        ]
        self.do(lambda: atomic_with_retry(delivery.record)(results, now=self.now))
        self.flights = [flight for flight in self.flights if flight not in flights]

    def leases_run_out(self) -> None:
        """A quarter of a minute passes."""
        sql.run(
            "UPDATE conversations_message SET leased_until = clock_timestamp() - interval '1 second'"
            " WHERE account_id = %s AND leased_until IS NOT NULL",
            [self.account.pk],
        )

    def call_back(self, text: Text, status: str) -> None:
        """The provider tells one status of one text, and is answered."""
        code = "30003" if status == "undelivered" else ""
        event = inbox.IncomingEvent(
            provider="twilio",
            event_id=f"{text.sid}:{status}:{code}",
            kind=ProviderEvent.Kind.MESSAGE_STATUS,
            payload={
                "MessageSid": text.sid, "MessageStatus": status, "ErrorCode": code,
                "attempt": str(text.claim.attempt_id),
            },
            account_id=self.account.pk,
            received_at=self.now,
        )  # fmt: skip
        with transaction.atomic():
            inbox.store(event)
        text.told.add(status)
        self.provider.callbacks.append({"sid": text.sid, "status": status, "answer": 204})

    def answer_once_quiet(self, phone: str, received: inbound.Received | None) -> None:
        """A STOP was committed."""
        assert received is not None and received.outcome == "opt_out"
        self.waiting.append(Wish(lambda: self.stopped.add(phone), received.in_flight))
        self.look_after_wishes()

    def look_after_wishes(self) -> None:
        """Answer whoever waits for calls that are all recorded now."""
        calling = set(
            Message.objects.filter(account=self.account, state="calling").values_list("pk", flat=True)
        )
        ready = [wish for wish in self.waiting if not calling.intersection(wish.in_flight)]
        for wish in ready:
            wish.answer()
        self.waiting = [wish for wish in self.waiting if wish not in ready]

    def write(self, phone: str, body: str) -> InboundText:
        """A customer writes to us."""
        sid = f"SM{self.provider.name}-in-{len(self.provider.inbounds)}"
        self.provider.inbounds.append({"sid": sid, "from": phone})
        return InboundText(provider_id=sid, to=self.number.e164, from_=phone, body=body)

    def receive(self, text: InboundText) -> inbound.Received | None:
        """What the webhook does with it."""
        return inbound.receive(text, account=self.account, now=self.now)

    def judge_all(self) -> None:
        """Every figure of every campaign is 0."""
        drift = len(recount().differences)
        for campaign in self.campaigns:
            facts = self.facts_of(campaign, drift)
            figures = judge(facts)
            figures["lost"] = lost(
                Facts(facts.zones, facts.texts, passages=facts.passages, stopping=self.left)
            )
            assert not any(figures.values()), (campaign.name, figures, facts)

    def facts_of(self, campaign: Campaign, drift: int) -> Facts:
        """What one campaign is judged by; texts of others and confirmations are left out."""
        texts = [
            {"to": t.claim.to, "sid": t.sid, "received_at": t.received_at, "wall": t.wall.timestamp()}
            for t in self.provider.texts
            if t.claim.body.startswith(f"{campaign.name}:")
        ]
        passages = [Passage(phone, excluded=why) for phone, why in sql.rows(EXCLUSIONS, [[campaign.pk]])]
        passages += [Passage(*row) for row in sql.rows(PASSAGES, [[campaign.pk]])]
        sids = {text["sid"] for text in texts}
        states = Message.objects.filter(provider_id__in=sids).values_list("provider_id", "state")
        return Facts(
            zones=ZONES,
            texts=texts,
            callbacks=[callback for callback in self.provider.callbacks if callback["sid"] in sids],
            passages=passages,
            states=dict(states),
            turns=self.turns,
            drift=[drift],
        )
