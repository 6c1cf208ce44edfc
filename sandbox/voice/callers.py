"""People who call our numbers: told to, or in demo mode by themselves after a call they have missed."""

import random
from typing import TYPE_CHECKING, Any

from sandbox.voice.conduct import MACHINE, NO_ANSWER, Conduct
from sandbox.voice.leg import IN, Leg

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange

CALLS_BACK = 0.12  # of those who missed a call
MEDIAN_SECONDS = 25 * 60.0
PATIENCE_SECONDS = 45.0


class NotNow(ValueError):
    """A phone cannot do this at the moment; the message says why."""


class Callers:
    """Calls to our numbers."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange, self.world = exchange, exchange.world
        self.world.schedule.handlers["call_back"] = self._call_back

    def call(self, phone: str, number: str, wish: dict[str, Any]) -> Leg:
        """A phone calls one of our numbers, the one that called or texted it last unless named.

        `wish` is a conduct. Raises WrongConduct, NotNow.
        """
        from sandbox.voice import life

        number = number or self.last_number(phone)
        if number not in self.world.numbers:
            raise NotNow(f"{number} is not ours")
        asked = {
            "StatusCallback": self.world.voice_status_url(number),
            "StatusCallbackEvent": ["completed"],
            "StatusCallbackMethod": self.world.numbers[number].get("status_callback_method", "POST"),
        }
        leg = self.exchange.make(IN, phone, number, {**asked, "conduct": Conduct.of(wish)})
        self.exchange.note("leg", leg)
        self.exchange.spawn(life.inbound(self.exchange, leg))
        return leg

    def last_number(self, phone: str) -> str:
        """The number of ours that called this phone last, else that texted it last, else the first."""
        rows = self.world.store.read(
            "SELECT sender FROM calls WHERE recipient = ? AND direction <> ? ORDER BY n DESC LIMIT 1",
            (phone, IN),
        )
        if rows and rows[0]["sender"] in self.world.numbers:
            return str(rows[0]["sender"])
        return self.world.customers.last_number(phone)

    def missed(self, leg: Leg) -> None:
        """A leg has ended: whoever missed it may call back later, unless they have said stop."""
        world, phone = self.world, leg.phone
        if world.customers.mode != "demo" or leg.direction == IN or leg.conduct.by_hand:
            return
        if leg.conduct.answers not in (NO_ANSWER, MACHINE) or not self.exchange.phones.is_customer(phone):
            return
        rng = random.Random(f"{world.seed}:{phone}:back:{self.exchange.phones.calls_to(phone)}")
        if rng.random() >= CALLS_BACK or self.exchange.phones.wants_peace(phone):
            return
        wait = MEDIAN_SECONDS * rng.lognormvariate(0.0, 0.7) / world.speed
        wish = {
            "gives_up_after": PATIENCE_SECONDS,
            "talks": round(30.0 + rng.random() * 120.0, 1),
            "speaks": round(5.0 + rng.random() * 20.0, 1),
        }
        data = {"phone": phone, "number": leg.sender, "wish": wish}
        world.schedule.add(world.clock.real() + wait, "call_back", data)

    def _call_back(self, timer_id: int, data: dict[str, Any]) -> None:
        self.world.schedule.done(timer_id)
        if data["number"] in self.world.numbers and not self.exchange.phones.wants_peace(data["phone"]):
            self.call(data["phone"], data["number"], data["wish"])
