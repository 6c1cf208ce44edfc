"""What a launch would cost, in the account's rates: a range, because nobody knows yet how far people get, who
answers, and how long anybody talks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import ValidationError

from accounts.models import Account
from campaigns import graph
from campaigns.models import Node, WorkflowVersion
from campaigns.nodes.call import CallSettings
from common.segments import count_segments
from conversations.call_scripts import Plan
from integrations import rates
from integrations.models import RateTable

TALK_MINUTES = 3
"""Started minutes that somebody who answers a person talks, at most as estimates have it."""
LINES = 2
"""Phones of a call that a person makes: the agent's and the customer's."""
_SPOKEN_A_SECOND = 14  # characters
_SCRIPT_BESIDES_SECONDS = 20  # who calls, how to stop it, the choices


@dataclass(frozen=True, slots=True)
class Estimate:
    """Dollars: of the first message or call to everybody, at its least and its most; and of every one of the
    workflow to everybody, who answers all of them."""

    least: Decimal
    most: Decimal
    whole: Decimal
    how: str  # the sum in words
    texts: bool = False  # whether the workflow sends any
    calls: bool = False  # whether it calls anybody

    @property
    def first(self) -> str:
        """“about $4.10” or “about $4.10 to $8.20”."""
        low, high = rates.money(self.least), rates.money(self.most)
        return f"about {low}" if low == high else f"about {low} to {high}"

    @property
    def at_most(self) -> str:
        """What it comes to where everybody gets everything, as money."""
        return rates.money(max(self.whole, self.most))

    @property
    def supposing(self) -> str:
        """What has to come about for that: “everybody got every message and answered every text”."""
        told = ["everybody got every message"]
        told += ["answered every text"] if self.texts else []
        told += [f"talked {TALK_MINUTES} minutes on every call"] if self.calls else []
        return " and ".join(filter(None, (", ".join(told[:-1]), told[-1])))


def estimate(
    account: Account,
    version: WorkflowVersion,
    people: int,
    segments: Sequence[int],
    *,
    mailboxes: int,
    without_consent: int = 0,
) -> Estimate | None:
    """The cost of a launch to so many people, so many of whom have a mailbox; `segments` are the sizes of the
    first text as samples have it, and where a script would speak a person calls those `without_consent`.
    None where the workflow reaches nobody."""
    table = rates.of(account)
    touching = [node for node in graph.build(version).nodes.values() if node.kind in _TOUCHING]
    if not touching or not people:
        return None
    first, *others = touching
    sizes = [size for size in segments if size] or [_size(first)]
    each = _Each(table, people, mailboxes, without_consent)
    least, most = each.cost(first, min(sizes), talk=1), each.cost(first, max(sizes))
    later = sum((each.cost(node, _size(node)) for node in others), Decimal(0))
    texts = sum(node.kind == Node.Kind.SEND_SMS for node in touching)
    whole = most + later + rates.received(table, texts * people)
    calls = any(node.kind == Node.Kind.CALL for node in touching)
    return Estimate(least, most, whole, each.how(first, sizes), bool(texts), calls)


_TOUCHING = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL, Node.Kind.CALL)


@dataclass(frozen=True, slots=True)
class _Each:
    """What one node costs where everybody comes to it."""

    table: RateTable
    people: int
    mailboxes: int
    without_consent: int

    def cost(self, node: graph.GraphNode, segments: int, *, talk: int = TALK_MINUTES) -> Decimal:
        """In texts of so many segments, and calls of so many started minutes."""
        if node.kind == Node.Kind.CALL:
            return self._call(_plan(node), talk)
        if node.kind == Node.Kind.SEND_EMAIL:
            return rates.emails(self.table, self.mailboxes)
        if node.settings.get("media"):
            return rates.pictures(self.table, self.people)
        return rates.texts(self.table, self.people * segments)

    def _call(self, plan: Plan | None, talk: int) -> Decimal:
        if plan is None:
            return Decimal(0)
        scripted = self.people - self.without_consent if plan.mode == "script" else 0
        by_people = self.people - scripted
        minutes = scripted * script_minutes(plan) + by_people * LINES * talk
        return rates.calls(self.table, out=minutes, checks=scripted)

    def how(self, node: graph.GraphNode, sizes: Sequence[int]) -> str:
        """The first sum in words."""
        if node.kind == Node.Kind.CALL:
            return self._how_called(_plan(node))
        if node.kind == Node.Kind.SEND_EMAIL:
            return f"{self.mailboxes:,} × {rates.price(self.table.emails_thousand)} a thousand emails"
        if node.settings.get("media"):
            price = rates.price(self.table.mms_out + self.table.carrier_fee_mms)
            return f"{self.people:,} × {price} a text with pictures"
        low, high = min(sizes), max(sizes)
        many = f"{low}" if low == high else f"{low} to {high}"
        each = rates.price(self.table.segment_out + self.table.carrier_fee)
        return f"{self.people:,} × {many} segment{'' if high == 1 else 's'} × {each}"

    def _how_called(self, plan: Plan | None) -> str:
        if plan is None:
            return "the call cannot be reckoned until its step is complete"
        minute = rates.price(self.table.minute_out)
        scripted = self.people - self.without_consent if plan.mode == "script" else 0
        said = []
        if scripted:
            minutes, check = script_minutes(plan), rates.price(self.table.machine_check)
            said.append(
                f"{scripted:,} × ({minutes} minute{'' if minutes == 1 else 's'} × {minute} + {check})"
            )
        if by_people := self.people - scripted:
            said.append(f"{by_people:,} × {LINES} phones × 1 to {TALK_MINUTES} minutes × {minute}")
        return " + ".join(said)


def script_minutes(plan: Plan) -> int:
    """Started minutes of a script's call in which nobody presses a key, by the length of its words."""
    longest = max(len(plan.words.en), len(plan.words.es))
    return math.ceil((longest / _SPOKEN_A_SECOND + _SCRIPT_BESIDES_SECONDS) / 60)


def _plan(node: graph.GraphNode) -> Plan | None:
    try:
        return CallSettings.model_validate(node.settings).plan
    except ValidationError:
        return None


def _size(node: graph.GraphNode) -> int:
    return count_segments(str(node.settings.get("body", ""))).count
