"""What analytics adds to a thread: the contact's jobs that a node of ours won."""

from django.urls import reverse

from analytics.models import JobCredit
from conversations.models import Thread
from conversations.timeline_sources import Happening, Link, Source

LATEST = 20


def happenings(thread: Thread) -> list[Happening]:
    """Credited jobs of this contact. One query."""
    credits = JobCredit.objects.filter(enrollment__contact=thread.contact_id)
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
        for credit in credits.select_related("job", "campaign", "node").order_by("-pk")[:LATEST]
    ]


SOURCE = Source(happenings)
