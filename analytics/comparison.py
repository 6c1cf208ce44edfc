"""Two to four campaigns side by side: shares with the range in which each may truly lie, and counts.

Nothing is judged. Whoever is in a campaign was not chosen by lot, so a difference may be one of audiences.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from analytics import counters, metrics, results
from campaigns import words
from campaigns.models import Campaign, Node
from common import wilson

FEWEST, MOST = 2, 4
FEW = 30  # a share of fewer says next to nothing
STATES = ("completed", "failed", "skipped")
OPT_OUTS = "Texts answered with an opt-out ÷ accepted."
OPT_OUTS_BY_PHONE = "Calls answered with an opt-out ÷ people called."
NOT_DELIVERED = "Accepted, then given up by the provider ÷ accepted."


@dataclass(frozen=True)
class Figure:
    """One figure of one campaign. A share has its interval; `opens` and `node` are the list behind it.

    `bar`, `low` and `high` are in hundredths of the longest in the row.
    """

    campaign: int
    name: str
    opens: str
    node: str = ""
    n: int | None = None
    rate: metrics.Rate | None = None
    cents: int | None = None
    bar: float = 0
    low: float = 0
    high: float = 0
    range: str = ""  # “3.1% to 9.8%”

    @property
    def few(self) -> bool:
        """Whether so little was seen that the share says next to nothing."""
        return self.rate is not None and 0 < self.rate.whole < FEW

    @property
    def there(self) -> bool:
        """Whether there is anything to show."""
        return self.n is not None or self.cents is not None or bool(self.rate and self.rate.whole)


@dataclass(frozen=True)
class Line:
    """One figure of all campaigns, in their order."""

    label: str
    meaning: str
    figures: list[Figure]
    top: str = ""  # where the bars of shares end


@dataclass(frozen=True)
class Group:
    """Lines that belong together: of the campaigns as a whole, or of one node."""

    title: str
    kind: str
    icon: str
    lines: list[Line]


@dataclass(frozen=True)
class Side:
    """One campaign: what it is, and what it was launched with."""

    pk: int
    name: str
    status: str
    stopped_at: datetime | None
    workflow: str
    audience: str
    launched_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class Comparison:
    """All of it, of one instant. `unmatched`: nodes that only one of them has."""

    sides: list[Side]
    groups: list[Group]
    nodes: list[Group]
    unmatched: int
    few: bool
    running: bool
    one_workflow: bool


@dataclass(frozen=True)
class _Read:
    """What was read of one campaign."""

    campaign: Campaign
    found: Counter[counters.Cell]
    nodes: dict[str, metrics.NodeRow]
    came: dict[str, results.Result]
    booking: metrics.Rate

    def whole(self, column: str) -> int:
        return self.found[self.campaign.pk, "", column]

    def sum(self, column: str) -> int:
        return sum(getattr(row, column) for row in self.nodes.values())


def of(campaigns: Sequence[Campaign]) -> Comparison:
    """The comparison of these campaigns; to be called in `counters.snapshot()`."""
    found = counters.totals([campaign.pk for campaign in campaigns])
    read = [_read(campaign, found) for campaign in campaigns]
    shared, unmatched = _shared(read)
    groups = [_shares(read), _counts(read)]
    nodes = [_of_node(read, key) for key in shared]
    figures = [figure for group in (*groups, *nodes) for line in group.lines for figure in line.figures]
    return Comparison(
        sides=[_side(campaign) for campaign in campaigns],
        groups=groups,
        nodes=nodes,
        unmatched=unmatched,
        few=any(figure.few for figure in figures),
        running=any(campaign.status != Campaign.Status.COMPLETED for campaign in campaigns),
        one_workflow=len({campaign.version.workflow_id for campaign in campaigns}) == 1,
    )


def _read(campaign: Campaign, found: Counter[counters.Cell]) -> _Read:
    rows = metrics.node_rows(campaign, found)
    booking = results.booking_rate(campaign, found[campaign.pk, "", "audience"])
    return _Read(
        campaign, found, {row.key: row for row in rows}, results.of_nodes(campaign, rows, found), booking
    )


def _side(campaign: Campaign) -> Side:
    return Side(
        pk=campaign.pk,
        name=campaign.name,
        status=campaign.status,
        stopped_at=campaign.stopped_at,
        workflow=str(campaign.version),
        audience=campaign.audience.name,
        launched_at=campaign.launched_at,
        completed_at=campaign.completed_at,
    )


def _shared(read: Sequence[_Read]) -> tuple[list[str], int]:
    """Keys of nodes that stand for the same in at least two campaigns, in the first's order."""
    kinds: dict[str, list[str]] = {}
    for one in read:
        for row in one.nodes.values():
            kinds.setdefault(row.key, []).append(row.kind)
    shared = [
        key
        for key, found in kinds.items()
        if len(found) > 1 and len(set(found)) == 1 and found[0] != Node.Kind.END
    ]
    return shared, sum(1 for found in kinds.values() if len(found) == 1)


def _shares(read: Sequence[_Read]) -> Group:
    label, said = metrics.NODE_METRICS, metrics.TILE_METRICS
    by_phone = [
        _shares_line(label["answer_rate"].label, label["answer_rate"].meaning, read, "spoken",
                     partial(_rate, part="spoken", whole="called")),
        _shares_line("Opt-out rate by phone", OPT_OUTS_BY_PHONE, read, "call_optouts",
                     partial(_rate, part="call_optouts", whole="called")),
    ] if _calls(read) else []  # fmt: skip
    return Group("Shares", "", "", [
        _shares_line(said["booking_rate"].label, said["booking_rate"].meaning, read, "contacts_booked",
                     lambda one: one.booking),
        _shares_line(label["reply_rate"].label, label["reply_rate"].meaning, read, "replies",
                     partial(_rate, part="replies", whole="accepted")),
        _shares_line("Opt-out rate", OPT_OUTS, read, "optouts",
                     partial(_rate, part="optouts", whole="accepted")),
        *by_phone,
        _shares_line("Not delivered", NOT_DELIVERED, read, "undelivered",
                     partial(_rate, part="undelivered", whole="accepted")),
        _shares_line("Failed steps", "Steps that ended without doing their work ÷ all steps.", read, "failed",
                     partial(_rate, part="failed", whole="entered")),
    ])  # fmt: skip


def _counts(read: Sequence[_Read]) -> Group:
    node, whole = metrics.NODE_METRICS, metrics.CAMPAIGN_METRICS
    lines = [
        _counts_line(whole[name].label, whole[name].meaning, read, name, partial(_Read.whole, column=name))
        for name in ("audience", "active", "exits")
    ]
    lines += [
        _counts_line(node[name].label, node[name].meaning, read, name, partial(_Read.sum, column=name))
        for name in (
            *("accepted", "delivered", "replies", "optouts"),
            *(("called", "calls", "spoken", "call_optouts") if _calls(read) else ()),
            "failed",
        )
    ]
    booked = metrics.TILE_METRICS["jobs_booked"]
    lines.append(
        _counts_line(booked.label, booked.meaning, read, "booked", partial(_Read.sum, column="booked"))
    )
    lines.append(_money(read, results.RESULT_METRICS["revenue"], list(map(_earned, read)), ""))
    return Group("Counts", "", "", lines)


def _calls(read: Sequence[_Read]) -> bool:
    """Whether any of them calls somebody."""
    return any(row.kind in metrics.CALL_KINDS for one in read for row in one.nodes.values())


def _earned(one: _Read) -> int | None:
    earned = [result.revenue for result in one.came.values() if result.revenue is not None]
    return sum(earned) if earned else None


def _rate(one: _Read, part: str, whole: str) -> metrics.Rate:
    return metrics.Rate(one.sum(part), one.sum(whole))


def _of_node(read: Sequence[_Read], key: str) -> Group:
    row = next(one.nodes[key] for one in read if key in one.nodes)
    label = metrics.NODE_METRICS
    lines = [_node_count(read, key, "entered")]
    if row.kind in metrics.TOUCH_KINDS:
        calls = row.kind in metrics.CALL_KINDS
        whole = "called" if calls else "accepted"
        lines += [_node_count(read, key, each) for each in (("called", "calls") if calls else ("accepted",))]
        written = (
            (label["reply_rate"].label, label["reply_rate"].meaning, "replies"),
            ("Opt-out rate", OPT_OUTS, "optouts"),
            ("Not delivered", NOT_DELIVERED, "undelivered"),
        )
        by_phone = (
            (label["answer_rate"].label, label["answer_rate"].meaning, "spoken"),
            ("Opt-out rate by phone", OPT_OUTS_BY_PHONE, "call_optouts"),
        )
        for name, meaning, part in by_phone if calls else written:
            rate = partial(_node_rate, key=key, part=part, whole=whole)
            lines.append(_shares_line(name, meaning, read, part, rate, key))
        lines.append(_node_count(read, key, "booked"))
        earned = [one.came[key].revenue if key in one.came else None for one in read]
        lines.append(_money(read, results.RESULT_METRICS["revenue"], earned, key))
    else:
        lines += [_node_count(read, key, state) for state in STATES]
    return Group(row.name, words.kind(row.kind), words.kind_icon(row.kind), lines)


def _node_count(read: Sequence[_Read], key: str, column: str) -> Line:
    metric = metrics.NODE_METRICS[column]

    def n(one: _Read) -> int | None:
        return getattr(one.nodes[key], column) if key in one.nodes else None

    return _counts_line(metric.label, metric.meaning, read, column, n, key)


def _node_rate(one: _Read, key: str, part: str, whole: str) -> metrics.Rate:
    row = one.nodes.get(key)
    return metrics.Rate(getattr(row, part), getattr(row, whole)) if row else metrics.Rate(0, 0)


def _shares_line(
    label: str,
    meaning: str,
    read: Sequence[_Read],
    opens: str,
    rate: Callable[[_Read], metrics.Rate],
    node: str = "",
) -> Line:
    rates = [rate(one) for one in read]
    ranges = [wilson.interval(each.part, each.whole) for each in rates]
    top = _nice_share(max((high for found in ranges if found for high in found), default=1.0))
    figures = []
    for one, each, found in zip(read, rates, ranges, strict=True):
        low, high = found or (0.0, 0.0)
        figures.append(
            Figure(
                one.campaign.pk, one.campaign.name, opens, node, rate=each,
                bar=_part(each.value or 0, top), low=_part(low, top), high=_part(high, top),
                range=f"{100 * low:.1f}% to {100 * high:.1f}%" if found else "",
            )
        )  # fmt: skip
    return Line(label, meaning, figures, f"{100 * top:g}%")


def _counts_line(
    label: str,
    meaning: str,
    read: Sequence[_Read],
    opens: str,
    count: Callable[[_Read], int | None],
    node: str = "",
) -> Line:
    found = [count(one) for one in read]
    top = max((n for n in found if n is not None), default=0) or 1
    figures = [
        Figure(one.campaign.pk, one.campaign.name, opens, node, n=n, bar=_part(n or 0, top))
        for one, n in zip(read, found, strict=True)
    ]
    return Line(label, meaning, figures)


def _money(read: Sequence[_Read], metric: metrics.Metric, earned: Sequence[int | None], node: str) -> Line:
    top = max((each for each in earned if each is not None), default=0) or 1
    figures = [
        Figure(one.campaign.pk, one.campaign.name, "revenue", node, cents=each, bar=_part(each or 0, top))
        for one, each in zip(read, earned, strict=True)
    ]
    return Line(metric.label, metric.meaning, figures)


def _part(value: float, top: float) -> float:
    return round(max(0.0, min(100.0, 100 * value / top)), 2)


def _nice_share(most: float) -> float:
    """Where the scale of shares ends: not below `most`."""
    return next((step for step in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75) if step >= most), 1.0)
