"""What came of a campaign's nodes: booking rate and revenue, read from the credits themselves."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum

from analytics import counters, rows
from analytics.metrics import Metric, NodeRow, Rate
from analytics.models import JobCredit
from campaigns import graph
from campaigns.models import Campaign

# By the column that opens their rows: contacts with a credited job, and credited jobs not cancelled.
RESULT_METRICS: dict[str, Metric] = {
    "contacts_booked": Metric(
        "contacts_booked", "Booking rate", "share",
        "Distinct contacts with a job credited here ÷ distinct contacts reached here.",
        ("contacts_booked",), ("accepted",),
    ),
    "revenue": Metric(
        "revenue", "Revenue", "dollars",
        "What ServiceTitan says the credited jobs come to; cancelled ones bring nothing.", ("revenue",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What came of a node: `booking` is None where the contacts it reached must be counted one by one."""

    booking: Rate | None
    revenue: Decimal | None  # dollars; None while no job is credited


def of_nodes(
    campaign: Campaign, shown: Iterable[NodeRow], found: Counter[counters.Cell]
) -> dict[str, Result]:
    """Booking rate and revenue by node key, in one query beside the counters read before.

    Where the workflow has no loop and nobody entered twice, a node reaches each contact by one text at most,
    so that texts accepted are contacts reached; elsewhere only `metrics.booking_rate` knows.
    """
    money = Sum("job__total", filter=~Q(job__status=rows.CANCELLED_JOB), default=Decimal(0))
    contacts = Count("enrollment__contact", distinct=True)
    credits = JobCredit.objects.filter(campaign=campaign).order_by().values("node__key")
    by_key = {
        credit["node__key"]: (credit["contacts"], credit["earned"])
        for credit in credits.annotate(contacts=contacts, earned=money)
    }
    twice = found[campaign.pk, "", "audience"] != found[campaign.pk, "", "entries"]
    countable = not twice and not graph.load(campaign.version_id).cyclic
    results = {}
    for row in shown:
        booked, earned = by_key.get(row.key, (0, None))
        results[row.key] = Result(Rate(booked, row.accepted) if countable else None, earned)
    return results


def booking_rate(campaign: Campaign, audience: int) -> Rate:
    """Distinct contacts with a job credited to this campaign ÷ its audience count."""
    contacts = JobCredit.objects.filter(campaign=campaign).values("enrollment__contact")
    return Rate(contacts.distinct().count(), audience)
