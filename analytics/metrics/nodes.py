"""The node table of a campaign, and the rows behind it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from analytics import counters, retention, rows
from analytics.metrics.definitions import NODE_METRICS
from analytics.metrics.rate import Rate
from campaigns.models import Campaign, Node


@dataclass(frozen=True)
class NodeRow:
    """One row of the node table: `entered` is the sum of the six states, at every instant."""

    key: str
    kind: str
    name: str
    present: bool  # in the campaign's present version
    entered: int
    scheduled: int
    queued: int
    waiting: int
    completed: int
    failed: int
    skipped: int
    booked: int
    job_completed: int
    job_invoiced: int
    job_cancelled: int
    influenced: int
    accepted: int
    delivered: int
    undelivered: int
    replies: int
    optouts: int
    linked: int
    clicks: int
    called: int
    calls: int
    spoken: int
    voicemail: int
    no_answer: int
    busy: int
    abandoned: int
    call_optouts: int

    @property
    def reply_rate(self) -> Rate:
        """Distinct texts replied to ÷ texts accepted."""
        return Rate(self.replies, self.accepted)

    @property
    def click_rate(self) -> Rate:
        """Distinct messages clicked ÷ accepted ones that carried a link."""
        return Rate(self.clicks, self.linked)

    @property
    def answer_rate(self) -> Rate:
        """People who talked to us ÷ people called."""
        return Rate(self.spoken, self.called)

    @property
    def reached(self) -> int:
        """What the provider took for somebody, each once: messages, and people called."""
        return self.accepted + self.called


def node_rows(campaign: Campaign, found: Counter[counters.Cell]) -> list[NodeRow]:
    """The nodes of a campaign in workflow order, with their figures as read by `counters.totals`.

    Nodes that only an older version had, and that still count something, follow.
    """
    present = list(Node.objects.filter(version=campaign.version_id).order_by("position"))
    keys = {node.key for node in present}
    gone = {key for _, key, _ in found if key} - keys
    former = Node.objects.filter(version__workflow__versions=campaign.version_id, key__in=gone)
    latest = former.order_by("key", "-version__number").distinct("key") if gone else Node.objects.none()
    return [_row(campaign.pk, node, node.key in keys, found) for node in (*present, *latest)]


def _row(campaign_id: int, node: Node, present: bool, found: Counter[counters.Cell]) -> NodeRow:
    figures = {
        name: sum(found[campaign_id, node.key, column] for column in metric.columns)
        for name, metric in NODE_METRICS.items()
        if not metric.over
    }
    return NodeRow(key=node.key, kind=node.kind, name=node.name, present=present, **figures)


def rows_behind(campaign: Campaign, node_key: str | None, column: str) -> QuerySet[Any]:
    """The rows that a number counts, exactly as many: see `analytics.rows.behind`."""
    return rows.behind(campaign, node_key, column)


def booking_rate(campaign: Campaign, node_key: str) -> Rate:
    """Distinct contacts with a job credited here ÷ distinct contacts reached here; counted when opened."""
    booked = rows.behind(campaign, node_key, "booked").values("enrollment__contact").distinct().count()
    by_message = rows.behind(campaign, node_key, "accepted").order_by().values("contact")
    by_phone = rows.behind(campaign, node_key, "called").order_by().values("contact")
    reached = by_message.union(by_phone).count()
    return Rate(booked, reached + retention.reached_before(campaign, node_key))
