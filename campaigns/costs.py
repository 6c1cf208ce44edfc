"""What a launch would cost, in the account's rates: a range, because nobody knows yet how far people get."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from campaigns import graph
from campaigns.models import Node, WorkflowVersion
from common.segments import count_segments
from integrations import rates
from integrations.models import RateTable


@dataclass(frozen=True, slots=True)
class Estimate:
    """Dollars: of the first message to everybody, with the shortest and the longest of the samples; and of
    every message of the workflow to everybody."""

    least: Decimal
    most: Decimal
    whole: Decimal
    how: str  # the sum in words

    @property
    def first(self) -> str:
        """“about $4.10” or “about $4.10 to $8.20”."""
        low, high = rates.money(self.least), rates.money(self.most)
        return f"about {low}" if low == high else f"about {low} to {high}"

    @property
    def at_most(self) -> str:
        """What it comes to where everybody gets everything, as money."""
        return rates.money(max(self.whole, self.most))


def estimate(
    account: Account, version: WorkflowVersion, people: int, segments: Sequence[int], *, mailboxes: int
) -> Estimate | None:
    """The cost of a launch to so many people, so many of whom have a mailbox; `segments` are the sizes of the
    first text as samples have it. None where the workflow sends nothing."""
    table = rates.of(account)
    sends = [node for node in graph.build(version).nodes.values() if node.kind in _SENDS]
    if not sends or not people:
        return None
    first, *others = sends
    sizes = [size for size in segments if size] or [_size(first)]
    least, most = (_cost(table, first, people, mailboxes, size) for size in (min(sizes), max(sizes)))
    later = (_cost(table, node, people, mailboxes, _size(node)) for node in others)
    return Estimate(least, most, sum(later, most), _how(table, first, people, mailboxes, sizes))


_SENDS = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL)


def _size(node: graph.GraphNode) -> int:
    return count_segments(str(node.settings.get("body", ""))).count


def _cost(table: RateTable, node: graph.GraphNode, people: int, mailboxes: int, segments: int) -> Decimal:
    if node.kind == Node.Kind.SEND_EMAIL:
        return rates.emails(table, mailboxes)
    if node.settings.get("media"):
        return rates.pictures(table, people)
    return rates.texts(table, people * segments)


def _how(table: RateTable, node: graph.GraphNode, people: int, mailboxes: int, sizes: Sequence[int]) -> str:
    if node.kind == Node.Kind.SEND_EMAIL:
        return f"{mailboxes:,} × {rates.price(table.emails_thousand)} a thousand emails"
    if node.settings.get("media"):
        return f"{people:,} × {rates.price(table.mms_out + table.carrier_fee_mms)} a text with pictures"
    low, high = min(sizes), max(sizes)
    many = f"{low}" if low == high else f"{low} to {high}"
    each = rates.price(table.segment_out + table.carrier_fee)
    return f"{people:,} × {many} segment{'' if high == 1 else 's'} × {each}"
