"""What analytics adds to a contact's timeline: the jobs that a node of ours won."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse

from analytics.models import JobCredit
from audiences.contact_timeline import Moment, Source, register
from audiences.models import Contact


def _credits(contact: Contact) -> QuerySet[JobCredit]:
    found = JobCredit.objects.filter(enrollment__contact=contact)
    return found.select_related("job", "campaign", "node")


def _credited(rows: list[JobCredit]) -> Iterable[Moment]:
    for one in rows:
        yield Moment(
            one.at, "badge-check", f"Job {one.job} is credited to “{one.campaign.name}”", note=one.node.name,
            tone="good", link=reverse("analytics:campaign", args=[one.campaign_id]), link_text="Campaign",
        )  # fmt: skip


def declare() -> None:
    """Make all of it known."""
    register(Source("credit", "campaigns", _credits, "at", _credited))
