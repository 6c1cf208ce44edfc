"""What the page of one campaign shows, read in one snapshot so that its numbers agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import AuditEntry
from analytics import counters, edge_counts, first_texts, metrics, results, spending
from analytics.progress import Progress, progress
from campaigns import audience_looks, graph, move_progress, pools, repeating, waiting, words
from campaigns.models import Campaign, Intake
from campaigns.move_progress import Standing
from common import clock
from conversations import pausing, safety
from conversations.models import SafetyPause
from integrations.models import SendingNumber

# The node table: groups of columns, in their order. Names are those of `metrics` and `results`.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("entered",)),
    ("States", metrics.STATES),
    (
        "Messages",
        ("accepted", "delivered", "undelivered", "replies", "reply_rate", "optouts", "clicks", "click_rate"),
    ),
    (
        "Calls",
        (
            "called",
            "calls",
            "spoken",
            "answer_rate",
            "voicemail",
            "no_answer",
            "busy",
            "abandoned",
            "call_optouts",
        ),
    ),
    (
        "Results",
        (
            "booked",
            "job_cancelled",
            "contacts_booked",
            "revenue",
            "influenced",
        ),
    ),
)
COLUMNS = {**metrics.NODE_METRICS, **results.RESULT_METRICS}
JOBS = ("job_completed", "job_invoiced", "job_cancelled", "revenue", "influenced", "influenced_revenue")
RATES = {
    "reply_rate": "replies",
    "click_rate": "clicks",
    "answer_rate": "spoken",
    "contacts_booked": "contacts_booked",
}
# By group of the node table: the kinds of nodes that it is shown for, and says something of.
_OF_KINDS = {"Messages": metrics.TEXT_KINDS + metrics.EMAIL_KINDS, "Calls": metrics.CALL_KINDS}
_GROUP_OF = {column: group for group, columns in GROUPS for column in columns}

Groups = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Cell:
    """One figure of the node table. `opens` is the column whose rows it opens; `n` None shows a dash."""

    column: str
    opens: str
    n: int | None = None
    rate: metrics.Rate | None = None
    cents: int | None = None


@dataclass(frozen=True)
class Line:
    """One node of the table with its cells in the order of the columns."""

    key: str
    name: str
    kind: str
    present: bool
    cells: list[Cell]


@dataclass(frozen=True)
class Reason:
    """A reason with how many it explains; `column` opens them."""

    words: str
    column: str
    n: int


@dataclass(frozen=True)
class Taking:
    """How far the audience has been evaluated: admitted + excluded = matched once it is finished."""

    occurrence: int
    matched: int
    admitted: int
    started_at: datetime
    finished_at: datetime | None
    held: int = 0  # beyond what one person may launch to: a second person has to let them in


@dataclass(frozen=True)
class Stop:
    """Who stopped the campaign, and why; the product itself where `by` is empty."""

    at: datetime
    by: str
    why: str


@dataclass(frozen=True)
class CampaignPage:
    """Everything live on a campaign's page whatever its tab, of one instant."""

    status: str
    stop: Stop | None
    progress: Progress
    excluded: int
    intakes: list[Taking]
    nodes: list[metrics.NodeRow]
    left: dict[str, edge_counts.Leaving]  # by node key
    edges_pending: bool  # the time before edges were counted is still being counted
    groups: Groups  # of the node table's columns
    lines: list[Line]
    totals: list[Cell]
    jobs: dict[str, int]  # columns of credited jobs over all nodes; `revenue` in cents
    optouts: int
    accepted: int
    emails: int  # of those accepted
    called: metrics.Rate  # people who talked to us, of those called
    calls: int
    call_optouts: int
    booking_rate: metrics.Rate
    exclusions: list[Reason]
    exits: list[Reason]
    first_texts_done: datetime | None
    held: bool  # by a pause of everything
    resting: tuple[
        tuple[SafetyPause, str], ...
    ]  # the campaign or what it sends from, paused by a safety rule
    spent: spending.Spent
    waits: waiting.Waits  # before all of its people are in
    broken: audience_looks.Broken | None  # the audience that is looked at again while it runs
    versions: Standing
    again: tuple[int, datetime] | None  # a recurring one's next occurrence, and when it begins

    @property
    def above_limit(self) -> Taking | None:
        """The latest occurrence of which some wait for a second person."""
        return next((taking for taking in reversed(self.intakes) if taking.held), None)

    @property
    def calling(self) -> bool:
        """Whether its workflow calls anybody."""
        return any(name == "Calls" for name, _ in self.groups)

    @property
    def failed(self) -> int:
        """Steps, over all nodes."""
        return sum(row.failed for row in self.nodes)

    @property
    def texts(self) -> int:
        """Of the accepted."""
        return self.accepted - self.emails

    @property
    def matched(self) -> int:
        """Admitted + excluded."""
        return self.progress.audience + self.excluded

    @property
    def taking(self) -> Taking | None:
        """The intake that has not finished, if one is under way."""
        return next((intake for intake in self.intakes if intake.finished_at is None), None)

    @property
    def reply_rate(self) -> metrics.Rate:
        """Messages answered ÷ messages accepted, over all nodes."""
        return metrics.Rate(self.progress.replies, self.accepted)


def groups(shown: Groups = GROUPS) -> list[tuple[str, list[metrics.Metric]]]:
    """The groups of the node table's columns, with what each column means."""
    return [(name, [COLUMNS[column] for column in columns]) for name, columns in shown]


def _groups_of(nodes: list[metrics.NodeRow]) -> Groups:
    """Calls are shown where somebody is called, messages where something is sent, or neither is."""
    kinds = {row.kind for row in nodes}
    calls = bool(kinds.intersection(metrics.CALL_KINDS))
    left_out = set() if calls else {"Calls"}
    if calls and not kinds.intersection(_OF_KINDS["Messages"]):
        left_out.add("Messages")
    return tuple(group for group in GROUPS if group[0] not in left_out)


def of_campaign(campaign: Campaign) -> CampaignPage:
    """The live part of a campaign's page, its status read again; to be called in `counters.snapshot()`."""
    campaign.refresh_from_db(
        fields=["status", "stopped_at", "completed_at", "version", "held_until", "starts_at"]
    )
    found = counters.totals([campaign.pk])
    intakes = Intake.objects.filter(campaign=campaign).order_by("occurrence")
    takings = [
        Taking(i.occurrence, i.matched, i.admitted, i.started_at, i.finished_at, i.held) for i in intakes
    ]
    nodes = metrics.node_rows(campaign, found)
    held = pausing.in_force(campaign.account) is not None
    came = results.of_nodes(campaign, nodes, found)
    shown, numbers = _groups_of(nodes), pools.numbers_of(campaign)
    return CampaignPage(
        status=campaign.status,
        stop=_stop(campaign),
        progress=progress(campaign, found),
        excluded=found[campaign.pk, "", "excluded"],
        intakes=takings,
        nodes=nodes,
        left=edge_counts.of_nodes(campaign.pk, graph.load(campaign.version_id), found),
        edges_pending=edge_counts.pending(),
        groups=shown,
        lines=[_line(row, came[row.key], shown) for row in nodes],
        totals=_totals(nodes, list(came.values()), shown),
        jobs={
            name: sum(n for (_, key, column), n in found.items() if key and column == name) for name in JOBS
        },
        optouts=sum(row.optouts for row in nodes),
        accepted=sum(row.accepted for row in nodes),
        emails=sum(row.accepted for row in nodes if row.kind in metrics.EMAIL_KINDS),
        called=metrics.Rate(sum(row.spoken for row in nodes), sum(row.called for row in nodes)),
        calls=sum(row.calls for row in nodes),
        call_optouts=sum(row.call_optouts for row in nodes),
        booking_rate=results.booking_rate(campaign, found[campaign.pk, "", "audience"]),
        exclusions=_reasons(found, "excluded:"),
        exits=_reasons(found, "exits:"),
        first_texts_done=None if held else first_texts.done_at(campaign, nodes, takings, numbers),
        held=held,
        resting=_resting(campaign, numbers),
        spent=spending.of_campaign(campaign),
        waits=waiting.of([campaign], now=clock.now()).get(campaign.pk, waiting.NOTHING),
        broken=_broken(campaign),
        versions=move_progress.standing(campaign),
        again=repeating.upcoming(campaign, now=clock.now()),
    )


def _resting(campaign: Campaign, numbers: Sequence[SendingNumber]) -> tuple[tuple[SafetyPause, str], ...]:
    """What a safety rule holds of this campaign: itself, one of its numbers, or the mailbox of its emails."""
    pool = {number.pk for number in numbers}
    return tuple(
        (one, safety.name_of(one))
        for one in safety.in_force(campaign.account, now=clock.now())
        if one.lane_id == campaign.lane_id or one.number_id in pool or one.mailbox_id
    )


def _broken(campaign: Campaign) -> audience_looks.Broken | None:
    """Asked only of campaigns that look at their audience again."""
    if campaign.joins_until is None and not campaign.leaves_audience:
        return None
    return audience_looks.broken([campaign.pk], now=clock.now()).get(campaign.pk)


def _stop(campaign: Campaign) -> Stop | None:
    if campaign.stopped_at is None:
        return None
    entry = AuditEntry.objects.about(campaign).filter(verb="stopped").newest().first()
    if entry is None:
        return Stop(campaign.stopped_at, "", "")
    return Stop(campaign.stopped_at, entry.by.name if entry.by else "", entry.detail.get("reason", ""))


def _line(row: metrics.NodeRow, result: results.Result, shown: Groups) -> Line:
    cells = [_cell(row, result, column) for _, columns in shown for column in columns]
    return Line(row.key, row.name, words.kind(row.kind), row.present, cells)


def _cell(row: metrics.NodeRow, result: results.Result, column: str) -> Cell:
    kinds = _OF_KINDS.get(_GROUP_OF[column])
    if kinds is not None and row.kind not in kinds and not (column not in RATES and getattr(row, column)):
        # A call has no replies, a text no answer: a dash. Blank where nobody is reached at all.
        return Cell(column, column if _may_win(row) else "")
    match column:
        case "reply_rate" | "click_rate" | "answer_rate":
            return Cell(column, RATES[column], rate=getattr(row, column))
        case "booked" | "contacts_booked" if not _may_win(row) and not row.booked:
            return Cell(column, "", rate=metrics.Rate(0, 0))  # blank: nobody books there
        case "contacts_booked":
            return Cell(column, column, rate=result.booking)
        case "revenue":
            return Cell(column, column if _may_win(row) else "", cents=result.revenue)
        case "clicks" if not row.linked:
            return Cell(column, column)
        case "booked" | "job_cancelled" | "influenced" if not getattr(row, column):
            return Cell(column, "", n=0 if _may_win(row) else None)  # plain: there are many of them
    return Cell(column, column, n=getattr(row, column))


def _may_win(row: metrics.NodeRow) -> bool:
    """Whether a job can be credited here: only what reaches somebody wins one."""
    return row.kind in metrics.TOUCH_KINDS


def _totals(rows: list[metrics.NodeRow], came: list[results.Result], shown: Groups) -> list[Cell]:
    """The sums of the columns. Contacts of several nodes overlap: their rate has no sum."""
    cells = []
    for column in (column for _, columns in shown for column in columns):
        if column == "contacts_booked":
            cells.append(Cell(column, ""))
        elif column == "revenue":
            earned = [result.revenue for result in came if result.revenue is not None]
            cells.append(Cell(column, column, cents=sum(earned) if earned else None))
        elif column in RATES:
            part = sum(getattr(row, RATES[column]) for row in rows)
            whole = sum(getattr(row, column).whole for row in rows)
            cells.append(Cell(column, RATES[column], rate=metrics.Rate(part, whole)))
        elif column == "clicks" and not any(row.linked for row in rows):
            cells.append(Cell(column, column))
        else:
            cells.append(Cell(column, column, n=sum(getattr(row, column) for row in rows)))
    return cells


def _reasons(found: Counter[counters.Cell], prefix: str) -> list[Reason]:
    cells = {column: n for (_, _, column), n in found.items() if column.startswith(prefix)}
    say = words.exclusion if prefix == "excluded:" else words.sentence
    largest_first = sorted(cells.items(), key=lambda cell: (-cell[1], cell[0]))
    return [Reason(say(column.removeprefix(prefix)), column, n) for column, n in largest_first]
