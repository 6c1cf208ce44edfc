"""What the list behind a number of a campaign is called, and what is counted only when it is opened."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import Account
from analytics import campaign_page, edge_counts, funnel_groups, link_counts, metrics, number_counts
from campaigns import graph, words
from campaigns.models import Campaign, Enrollment, Node, Step, VersionMove
from conversations.models import Call, Message, PlannedCall

CONTACT: dict[type, str] = {
    Step: "enrollment__contact",
    Message: "contact",
    PlannedCall: "contact",
    Call: "contact",
    Enrollment: "contact",
}


@dataclass(frozen=True)
class Told:
    """A list's name and what its number means; the node where it is of one."""

    title: str
    meaning: str
    node: Node | None


def of(campaign: Campaign, key: str | None, column: str) -> Told:
    """The list behind `column`, at all nodes or that with `key`."""
    nodes = Node.objects.filter(version__workflow__versions=campaign.version_id, key=key)
    node = nodes.order_by("version__number").last() if key else None
    if key and column == edge_counts.NOWHERE:
        return Told("Ended", "Passages that ended here instead of leaving by one of its ways.", node)
    if key and column.startswith(edge_counts.EDGE):
        return Told(*_edge(campaign, key, column.removeprefix(edge_counts.EDGE)), node)
    if group := funnel_groups.GROUPS.get(column):
        title = group.words[0].upper() + group.words[1:]
        return Told(title, funnel_groups.MEANINGS.get(column, "Contacts, each once."), None)
    if (asked := link_counts.of_column(column)) and (link := link_counts.link_of(campaign, column)):
        title, meaning = link_counts.TITLES[asked[0]]
        return Told(title, f"{meaning} {link.url}", node)
    if by_number := number_counts.number_of(campaign, column):
        title, meaning = number_counts.TITLES[by_number[0]]
        return Told(title.format(by_number[1]), meaning, None)
    metric = campaign_page.COLUMNS.get(column) or metrics.CAMPAIGN_METRICS.get(column)
    title = metric.label if metric else column.replace(":", ": ").replace("_", " ").capitalize()
    return Told(title, metric.meaning if metric else "", node)


def _edge(campaign: Campaign, key: str, label: str) -> tuple[str, str]:
    drawn = graph.load(campaign.version_id)
    node = next(node for node in drawn.nodes.values() if node.key == key)
    to = drawn.nodes[node.edges[label]].name
    how = "went on" if label == graph.NEXT else words.way(node.kind, label)
    return f"“{how[0].upper()}{how[1:]}”", f"Steps that left by this way, to {to}."


def counted_when_opened(campaign: Campaign, key: str | None, column: str, behind: QuerySet[Any]) -> str:
    """What a cell counts only now: the booking rate's contacts, and where somebody may be at a node twice,
    how many contacts its rows are of."""
    if not key:
        return ""
    if column == "contacts_booked":
        rate = metrics.booking_rate(campaign, key)
        return f"{rate.percent}: {rate.part:,} of {rate.whole:,}."
    path = CONTACT.get(behind.model)
    if path is None or not _twice(campaign):
        return ""
    contacts = behind.order_by().values(path).distinct().count()
    return f"{contacts:,} {'contact' if contacts == 1 else 'different contacts'}."


def _twice(campaign: Campaign) -> bool:
    """Whether somebody may have been at a node twice: the workflow has a loop, somebody entered again, or
    people were moved between versions."""
    again = Enrollment.objects.filter(campaign=campaign, returning=True)
    moves = VersionMove.objects.filter(campaign=campaign)
    return graph.load(campaign.version_id).cyclic or again.exists() or moves.exists()


def instant(text: str) -> datetime | None:
    """An instant as an address says it; None for what is none, or lies where no zone can follow."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo and 2000 <= found.year < 2200 else None


def time_of(account: Account, since: datetime | None, until: datetime | None) -> str:
    """The time that a list is narrowed to, in company time; blank for all."""
    if since is None or until is None:
        return ""
    first, last = (moment.astimezone(account.zone) for moment in (since, until))
    if (last - first).total_seconds() > 3600:
        return f"{first:%B} {first.day}, {first.year}"
    return f"{first:%B} {first.day}, {_hour(first)} to {_hour(last)}"


def _hour(here: datetime) -> str:
    return f"{here.hour % 12 or 12} {'am' if here.hour < 12 else 'pm'}"
