"""What analytics adds to a thread: the contact's jobs that a node of ours won."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from analytics.models import JobCredit
from common.stamps import stamped
from conversations.models import Thread
from conversations.timeline_sources import Happening, Link, Source

LATEST = 20


def happenings(thread: Thread) -> list[Happening]:
    """Credited jobs of this contact. One query."""
    return [
        Happening(
            key=f"credit-{credit.pk}",
            at=credit.at,
            icon="badge-check",
            text=f"Job {credit.job} is credited to",
            link=Link(
                f"{credit.campaign.name} · {credit.node.name}",
                reverse("analytics:campaign", args=[credit.campaign_id]),
            ),
        )
        for credit in _credits(thread)
    ]


def stamps(thread: Thread) -> list[QuerySet[Any]]:
    """The credits with the names they are told by."""
    names = ("job__number", "job__servicetitan_id", "campaign__name", "node__name")
    return [stamped(_credits(thread), *names)]


SOURCE = Source(stamps, happenings)


def _credits(thread: Thread) -> QuerySet[JobCredit]:
    credits = JobCredit.objects.filter(enrollment__contact=thread.contact_id)
    return credits.select_related("job", "campaign", "node").order_by("-pk")[:LATEST]
