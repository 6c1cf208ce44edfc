"""How every phone behaves: what a test asked of it, its magic, its nature under the seed."""

import json
from typing import TYPE_CHECKING, Any

from sandbox import personas
from sandbox.voice import conduct
from sandbox.voice.conduct import ORDINARY, STAFF, Conduct
from sandbox.voice.leg import IN

if TYPE_CHECKING:
    from sandbox.world import World


class Phones:
    """In mode `silent` everybody answers after 6 s, listens and presses nothing; in mode `demo` the tenant's
    people follow their nature, and everybody else (office, agents) answers and talks."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def steer(self, phone: str, wish: dict[str, Any]) -> dict[str, Any]:
        """`wish` is a conduct from now on; or {"next": [conducts]}, each for one call, before that.

        Raises WrongConduct.
        """
        state, wish = self._state(phone), dict(wish)
        if "next" in wish:
            coming = wish.pop("next")
            if not isinstance(coming, list) or not all(isinstance(one, dict) for one in coming):
                raise conduct.WrongConduct("next is a list of conducts")
            state["next"] = [Conduct.of(one).as_json() for one in coming]
        if wish:
            state["always"] = Conduct.of(wish).as_json()
        self._keep(phone, state)
        return state

    def release(self, phone: str) -> None:
        """Back to its own nature."""
        self.world.store.write("DELETE FROM phones WHERE phone = ?", (phone,))

    def steered(self, phone: str) -> dict[str, Any]:
        """What was asked of a phone."""
        return self._state(phone)

    def stopped(self, phone: str) -> None:
        """The phone pressed 9: from now on its owner never wants to talk."""
        self._keep(phone, {**self._state(phone), "stopped": True})

    def pick(self, phone: str) -> Conduct:
        """The conduct for the next call to a phone; uses up what was planned for one call."""
        state, last = self._state(phone), conduct.magic(phone)
        if state["next"]:
            coming = state["next"].pop(0)
            self._keep(phone, state)
            return Conduct.of(coming)
        if state["always"]:
            return Conduct.of(state["always"])
        nth = self.calls_to(phone)
        if last in conduct.PEOPLE:
            people = conduct.PEOPLE[last]
            return people[min(nth, len(people) - 1)]
        if self.world.customers.mode != "demo":
            return ORDINARY
        if not self.is_customer(phone):
            return STAFF
        return conduct.drawn(self.world.seed, phone, nth, self.wants_peace(phone))

    def wants_peace(self, phone: str) -> bool:
        """Whether the phone's owner has said stop, by text or by 9."""
        return bool(self._state(phone)["stopped"] or self.world.customers.state(phone)["stopped"])

    def nature(self, phone: str) -> str:
        """In words, for people."""
        state, last = self._state(phone), conduct.magic(phone)
        if state["next"] or state["always"]:
            return "steered"
        if last in conduct.WORDS:
            return conduct.WORDS[last]
        kind = personas.traits(self.world.seed, phone).kind.replace("_", " ")
        return kind if self.is_customer(phone) else "answers and talks"

    def is_customer(self, phone: str) -> bool:
        """Whether the tenant knows the phone as a customer's."""
        return bool(self.world.store.read("SELECT 1 FROM people WHERE phone = ? LIMIT 1", (phone,)))

    def calls_to(self, phone: str) -> int:
        """How many times the phone was called."""
        count: int = self.world.store.read(
            "SELECT COUNT(*) AS many FROM calls WHERE recipient = ? AND direction <> ?", (phone, IN)
        )[0]["many"]
        return count

    def _state(self, phone: str) -> dict[str, Any]:
        rows = self.world.store.read("SELECT state FROM phones WHERE phone = ?", (phone,))
        fresh: dict[str, Any] = {"next": [], "always": None, "stopped": False}
        return {**fresh, **json.loads(rows[0]["state"])} if rows else fresh

    def _keep(self, phone: str, state: dict[str, Any]) -> None:
        self.world.store.write(
            "INSERT OR REPLACE INTO phones (phone, state) VALUES (?, ?)", (phone, json.dumps(state))
        )
