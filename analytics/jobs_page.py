"""ServiceTitan's jobs and our credits side by side, to the cent: sums of what is asked for, and a page of it.

Sums and rows come from the same rows in one snapshot, so that they agree; pages go on by position, so that
the thousandth is as quick as the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import Account
from analytics import jobs_asked, listing
from analytics.jobs_asked import Asked
from analytics.models import JobStanding
from audiences.models import Contact

PER_PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERDICTS = {
    JobStanding.Verdict.CREDITED: listing.State("Credited", "good", "badge-check"),
    JobStanding.Verdict.INFLUENCED: listing.State("Influenced", "info", "circle-dot"),
    JobStanding.Verdict.NONE: listing.State("Not credited", "", "circle"),
}
STAGES = {
    JobStanding.Stage.BOOKED: listing.State("Booked", "info", "calendar"),
    JobStanding.Stage.COMPLETED: listing.State("Completed", "good", "check"),
    JobStanding.Stage.INVOICED: listing.State("Invoiced", "good", "circle-dollar-sign"),
    JobStanding.Stage.REFUNDED: listing.State("Refunded", "warn", "rotate-ccw"),
    JobStanding.Stage.CANCELLED: listing.State("Cancelled", "bad", "x"),
}


@dataclass(frozen=True)
class Sums:
    """Of so many jobs, in cents. `void` is what invoices of cancelled jobs still say: nobody's revenue."""

    jobs: int = 0
    cancelled: int = 0
    invoiced: int = 0
    refunded: int = 0
    revenue: int = 0

    @property
    def net(self) -> int:
        """What ServiceTitan's invoices come to."""
        return self.invoiced - self.refunded

    @property
    def void(self) -> int:
        """Of that, what belongs to cancelled jobs."""
        return self.net - self.revenue

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.jobs + other.jobs,
            self.cancelled + other.cancelled,
            self.invoiced + other.invoiced,
            self.refunded + other.refunded,
            self.revenue + other.revenue,
        )


@dataclass(frozen=True)
class Line:
    """One job: what ServiceTitan has of it, and what we say."""

    standing: JobStanding
    customer: Contact | None
    stage: listing.State
    verdict: listing.State

    @property
    def net(self) -> int:
        """What its invoices come to, in cents."""
        return self.standing.invoiced_cents - self.standing.refunded_cents

    @property
    def ours(self) -> int | None:
        """What we credit of it, in cents; None where it is not credited."""
        credited = self.standing.verdict == JobStanding.Verdict.CREDITED
        return self.standing.revenue_cents if credited else None


@dataclass(frozen=True)
class JobsPage:
    """A page of jobs; `following` is the position at which the next one begins."""

    sums: dict[str, Sums]
    total: Sums
    lines: list[Line]
    following: str


def read(account: Account, asked: Asked, after: str = "") -> JobsPage:
    """Sums over everything asked for, and fifty of its rows below the position `after`, in five queries."""
    found = jobs_asked.standings(account, asked)
    sums = sums_of(found)
    position = _position(after)
    below = found
    if position is not None:
        below = found.filter(Q(at__lt=position[0]) | Q(at=position[0], job__lt=position[1]))
    keys = list(below.values_list("job_id", flat=True)[: PER_PAGE + 1])
    return JobsPage(
        sums=sums,
        total=sum(sums.values(), Sums()),
        lines=_lines(account, keys[:PER_PAGE]),
        following=_mark(keys[PER_PAGE - 1]) if len(keys) > PER_PAGE else "",
    )


def sums_of(found: QuerySet[JobStanding]) -> dict[str, Sums]:
    """Their sums by verdict, in one query; every verdict is there."""
    counted = (
        found.order_by()
        .values("verdict")
        .annotate(
            jobs=Count("job"),
            cancelled=Count("job", filter=Q(stage=JobStanding.Stage.CANCELLED)),
            invoiced=Sum("invoiced_cents"),
            refunded=Sum("refunded_cents"),
            revenue=Sum("revenue_cents"),
        )
    )
    figures = counted.values_list("verdict", "jobs", "cancelled", "invoiced", "refunded", "revenue")
    sums = {verdict: Sums(*map(int, numbers)) for verdict, *numbers in figures}
    return {verdict: sums.get(verdict, Sums()) for verdict in JobStanding.Verdict.values}


def _lines(account: Account, keys: Sequence[int]) -> list[Line]:
    related = ("job", "job__job_type", "business_unit", "campaign", "node")
    standings = JobStanding.objects.select_related(*related).in_bulk(keys)
    customers = {standing.job.servicetitan_customer_id for standing in standings.values()}
    contacts = Contact.objects.filter(account=account, servicetitan_customer_id__in=customers)
    named = {
        contact.servicetitan_customer_id: contact for contact in contacts.order_by("-person", "-pk")
    }  # the customer themselves, who has no `person`, comes last and stays
    return [
        Line(
            one,
            named.get(one.job.servicetitan_customer_id),
            STAGES[JobStanding.Stage(one.stage)],
            VERDICTS[JobStanding.Verdict(one.verdict)],
        )
        for one in (standings[key] for key in keys if key in standings)
    ]


def _mark(key: int) -> str:
    at = JobStanding.objects.values_list("at", flat=True).get(pk=key)
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{key}"


def _position(mark: str) -> tuple[datetime, int] | None:
    """Where a page begins; nothing for a mark that is none."""
    moment, dash, key = mark.partition("-")
    if not (dash and moment.isdecimal() and key.isdecimal()) or len(moment) > 17 or len(key) > 18:
        return None
    return _EPOCH + timedelta(microseconds=int(moment)), int(key)
