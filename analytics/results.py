"""What came of a campaign's nodes: booking rate and revenue, read from the credits themselves."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from analytics import counters
from analytics.metrics import Metric, NodeRow, Rate
from analytics.models import JobCredit
from campaigns import graph
from campaigns.models import Campaign, VersionMove

# By the column that opens their rows: contacts with a credited job, and credited jobs not cancelled.
RESULT_METRICS: dict[str, Metric] = {
    "contacts_booked": Metric(
        "contacts_booked", "Booking rate", "share",
        "Distinct contacts with a job credited here ÷ distinct contacts reached here.",
        ("contacts_booked",), ("accepted", "call:reached"),
    ),
    "revenue": Metric(
        "revenue", "Credited revenue", "dollars",
        "What the invoices of jobs credited here say, less refunds. Cancelled ones bring nothing.",
        ("revenue",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What came of a node: `booking` is None where the contacts it reached must be counted one by one."""

    booking: Rate | None
    revenue: int | None  # cents; None while no job is credited


def of_nodes(
    campaign: Campaign, shown: Iterable[NodeRow], found: Counter[counters.Cell]
) -> dict[str, Result]:
    """Booking rate and revenue by node key: the first in one query beside the counters read before.

    Where the workflow has no loop, nobody entered twice and nobody was moved between versions, a node reaches
    each contact by one message or planned call at most, so that those are contacts reached; elsewhere only
    `metrics.booking_rate` knows.
    """
    contacts = Count("enrollment__contact", distinct=True)
    credits = JobCredit.objects.filter(campaign=campaign).order_by().values("node__key")
    by_key = dict(credits.annotate(contacts=contacts).values_list("node__key", "contacts"))
    twice = found[campaign.pk, "", "audience"] != found[campaign.pk, "", "entries"]
    countable = not twice and not VersionMove.objects.filter(campaign=campaign).exists()
    countable = countable and not graph.load(campaign.version_id).cyclic
    results = {}
    for row in shown:
        cents = found[campaign.pk, row.key, "revenue"]
        earned = cents if row.booked else None
        rate = Rate(by_key.get(row.key, 0), row.reached) if countable else None
        results[row.key] = Result(rate, earned)
    return results


def booking_rate(campaign: Campaign, audience: int) -> Rate:
    """Distinct contacts with a job credited to this campaign ÷ its audience count."""
    contacts = JobCredit.objects.filter(campaign=campaign).values("enrollment__contact")
    return Rate(contacts.distinct().count(), audience)
