"""Everything that the page shows of one selection, read in one snapshot so that its numbers agree."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from accounts.models import Account
from analytics import counters, retention, status_counts
from analytics.metrics import Metric, Rate, sending
from analytics.sending import reading, rows, series
from analytics.sending.selection import Selection
from campaigns import reasons

Counted = Counter[str]  # by column


@dataclass(frozen=True)
class Figure:
    """One number with its definition; `share` is its part of the number it is seen against."""

    metric: Metric
    n: int
    share: Rate | None = None


@dataclass(frozen=True)
class Reason:
    """Why enrollments ended, and how many; `figure` opens them."""

    words: str
    n: int
    figure: str


@dataclass(frozen=True)
class Moves:
    """Entries and exits with the distinct contacts among them."""

    entries: int
    entries_unique: int
    exits: int
    exits_unique: int


@dataclass(frozen=True)
class CampaignRow:
    """One campaign's part: who entered and left it, why, and what it sent."""

    pk: int
    name: str
    playbook: str
    status: str
    moves: Moves
    reasons: list[Reason]
    sent: dict[str, Rate]  # by channel: sent of planned


@dataclass(frozen=True)
class Channel:
    """Texts, emails or calls: planned, its six exclusive parts, what is told of the sent ones, and what is
    counted beside all that."""

    name: str
    label: str
    planned: Figure
    statuses: list[Figure]
    told: list[Figure]
    sent_rate: Rate
    beside: list[Figure] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether it is shown: who never calls is not told so."""
        return self.name != sending.CALL or any(
            figure.n for figure in (self.planned, *self.told, *self.beside)
        )

    @property
    def sent(self) -> str:
        """The figure that opens the sent ones."""
        return f"{self.name}:sent"


@dataclass(frozen=True)
class Sending:
    """The page. `agents` are replies written by people, of no campaign; None where a filter narrows."""

    campaigns: list[CampaignRow]  # those with anything to show, by playbook and name
    quiet: int  # campaigns selected that have nothing to show
    moves: Moves
    reasons: list[Reason]
    channels: list[Channel]
    agents: list[Figure] | None
    series: series.Series

    @property
    def calls(self) -> bool:
        """Whether calls are shown, too."""
        return any(channel.used for channel in self.channels if channel.name == sending.CALL)

    @property
    def alone(self) -> bool:
        """Whether it is one campaign that is shown: its row is the sum, then."""
        return len(self.campaigns) == 1

    @property
    def empty(self) -> bool:
        """Whether nothing at all happened."""
        return not self.campaigns and not any(figure.n for figure in self.agents or [])


def of(account: Account, selection: Selection, grouping: series.Grouping) -> Sending:
    """The page's figures, all of one instant."""
    with counters.snapshot():
        found = list(
            selection.campaigns(account)
            .order_by("playbook__name", "name", "pk")
            .values_list("pk", "name", "playbook__name", "status")
        )
        ids = [campaign[0] for campaign in found]
        asked = reading.Asked(ids, sending.COLUMNS, account.zone)
        by_campaign = _by_campaign(asked, selection)
        uniques = _uniques(ids, selection, by_campaign)
        people = rows.of_people(account, selection) if _of_everybody(selection) else None
        agents = (
            None
            if people is None
            else Counter(dict(people.order_by().values_list("state").annotate(Count("pk"))))
        )
        shown = [
            _campaign(row, by_campaign[row[0]], uniques[row[0]]) for row in found if row[0] in by_campaign
        ]
        line = series.of(asked, selection, grouping)
    whole: Counted = Counter()
    for counted in by_campaign.values():
        whole.update(counted)
    return Sending(
        campaigns=shown,
        quiet=len(found) - len(shown),
        moves=_sum(row.moves for row in shown),
        reasons=_reasons(whole),
        channels=[_channel(name, label, whole) for name, label in sending.CHANNELS.items()],
        agents=None if agents is None else _agents(agents),
        series=line,
    )


def count(account: Account, selection: Selection, figure: str) -> int | None:
    """How many rows a figure opens, by the counters, less those that are deleted; None where none says it.

    To be read in one snapshot with the list.
    """
    if figure in sending.AGENT_METRICS or status_counts.pending():
        return None
    ids = list(selection.campaigns(account).values_list("pk", flat=True))
    counted = _by_campaign(reading.Asked(ids, sending.COLUMNS, account.zone), selection)
    metric = sending.ASSIGNMENT_METRICS.get(figure) or sending.SENDING_METRICS.get(figure)
    columns = metric.columns if metric else (figure,)
    if figure.endswith("_unique") and selection.since is not None and selection.until is not None:
        name = figure.removesuffix("_unique")
        columns = (name,)
        whole = sum(unique[name] for unique in _uniques(ids, selection, counted).values())
        at = "entered_at" if name == "entries" else "ended_at"  # of those deleted, too, each contact is one
        whole += sum(retention.returned_within(ids, at, selection.since, selection.until).values())
    else:
        whole = sum(found[column] for found in counted.values() for column in columns)
    return whole - retention.counted_within(ids, columns, selection.since, selection.until)


def _by_campaign(asked: reading.Asked, selection: Selection) -> dict[int, Counted]:
    if selection.since is None or selection.until is None:
        cells = reading.ever(asked)
    else:
        cells = reading.between(asked, selection.since, selection.until)
    by_campaign: dict[int, Counted] = {}
    for (campaign, column), n in cells.items():
        by_campaign.setdefault(campaign, Counter())[column] = n
    return by_campaign


def _uniques(ids: list[int], selection: Selection, counted: dict[int, Counted]) -> dict[int, Counted]:
    """Distinct contacts by campaign, as `entries` and `exits`.

    For all time the counters know them (first entries, exits of first passages); in a range, entries and
    exits less the few that an earlier one inside it precedes, be they deleted by now or not.
    """
    if selection.since is None or selection.until is None:
        return {
            pk: Counter(entries=found["audience"], exits=found["exits_first"])
            for pk, found in counted.items()
        }
    unique = {
        pk: Counter(entries=found["entries"], exits=found["exits"])
        for pk in ids
        for found in [counted.get(pk, Counter())]
    }
    for name, at in (("entries", "entered_at"), ("exits", "ended_at")):
        again = rows.repeats(ids, selection, at).values_list("campaign").annotate(Count("pk"))
        gone = retention.returned_within(ids, at, selection.since, selection.until)
        for campaign, n in (*again, *gone.items()):
            unique[campaign][name] -= n
    return unique


def _of_everybody(selection: Selection) -> bool:
    return selection.playbook is None and selection.campaign is None and selection.unit is None


def _campaign(row: tuple[int, str, str | None, str], counted: Counted, unique: Counted) -> CampaignRow:
    pk, name, playbook, status = row
    return CampaignRow(
        pk=pk,
        name=name,
        playbook=playbook or "",
        status=status,
        moves=Moves(counted["entries"], unique["entries"], counted["exits"], unique["exits"]),
        reasons=_reasons(counted),
        sent={
            channel: Rate(counted[f"{channel}:sent"], _total(counted, channel))
            for channel in sending.CHANNELS
        },
    )


def _sum(moves: Iterable[Moves]) -> Moves:
    every = list(moves)
    return Moves(
        sum(each.entries for each in every),
        sum(each.entries_unique for each in every),
        sum(each.exits for each in every),
        sum(each.exits_unique for each in every),
    )


def _reasons(counted: Counted) -> list[Reason]:
    """Exits by reason, the most frequent first."""
    found = [(column, n) for column, n in counted.items() if column.startswith("exits:") and n]
    ordered = sorted(found, key=lambda pair: (-pair[1], pair[0]))
    return [Reason(reasons.why_of(column.removeprefix("exits:")), n, column) for column, n in ordered]


def _total(counted: Counted, channel: str) -> int:
    return sum(counted[f"{channel}:{name}"] for name in sending.EXCLUSIVE)


def _channel(name: str, label: str, counted: Counted) -> Channel:
    planned, sent = _total(counted, name), counted[f"{name}:sent"]
    metric = sending.SENDING_METRICS
    return Channel(
        name=name,
        label=label,
        planned=Figure(metric[f"{name}:planned"], planned),
        statuses=[
            Figure(metric[f"{name}:{each}"], n := counted[f"{name}:{each}"], Rate(n, planned))
            for each in sending.EXCLUSIVE
        ],
        told=_outcomes(counted) if name == sending.CALL else _told(name, counted, Rate(0, sent)),
        sent_rate=Rate(sent, planned),
        beside=_beside(counted) if name == sending.CALL else [],
    )


def _outcomes(counted: Counted) -> list[Figure]:
    """What came of the calls that are over; they add up to them."""
    over = counted["call:sent"]
    return [
        Figure(sending.SENDING_METRICS[name], counted[name], Rate(counted[name], over))
        for name in (f"{sending.CALL}:{each}" for each in sending.OUTCOMES)
    ]


def _beside(counted: Counted) -> list[Figure]:
    return [
        Figure(sending.SENDING_METRICS[name], counted[name])
        for name in (f"{sending.CALL}:{each}" for each in sending.BESIDE)
    ]


def _told(channel: str, counted: Counted, of_sent: Rate) -> list[Figure]:
    """What was reported back. Nobody bounces texts: there, what no text ever is, is left out."""
    every = (f"{channel}:{name}" for name in sending.TOLD)
    shown = [
        name for name in every if channel == sending.EMAIL or name.endswith("delivered") or counted[name]
    ]
    # News of a range may be of what was sent before it: a share above the whole would say nothing.
    return [
        Figure(
            sending.SENDING_METRICS[name],
            counted[name],
            Rate(counted[name], of_sent.whole) if counted[name] <= of_sent.whole else None,
        )
        for name in shown
    ]


def _agents(by_state: Counter[str]) -> list[Figure]:
    states = {"planned": by_state.keys(), "pending": rows.PENDING, "sent": rows.SENT}
    return [
        Figure(metric, sum(by_state[state] for state in states.get(name, (name,))))
        for key, metric in sending.AGENT_METRICS.items()
        for name in [key.partition(":")[2]]
    ]
