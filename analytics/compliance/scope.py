"""What a report is about: whose texts, and of which phones the opt-outs."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Account
from analytics.models import ComplianceReport
from audiences.models import OptOut
from campaigns.models import Campaign
from conversations.models import Message
from integrations.models import SendingNumber


@dataclass(frozen=True, slots=True)
class Scope:
    """A number's or a campaign's texts in [since, until), as of the request."""

    account: Account
    number: SendingNumber
    campaign: Campaign | None
    since: datetime
    until: datetime

    @property
    def ours(self) -> Q:
        """The texts it is about, in both directions."""
        if self.campaign is not None:
            return Q(lane_id=self.campaign.lane_id or 0)
        return Q(number=self.number)

    def sent(self) -> QuerySet[Message]:
        """Texts that the provider accepted in the period."""
        accepted = {"accepted_at__gte": self.since, "accepted_at__lt": self.until}
        return Message.objects.filter(self.ours, account=self.account, mailbox=None, **accepted)

    def opt_outs(self) -> QuerySet[OptOut]:
        """Opt-outs of the period, of phones that these texts went to or came from; in their order."""
        met = Message.objects.filter(self.ours, address=OuterRef("address"))
        if self.campaign is not None:
            met = met.filter(accepted_at__lte=OuterRef("at"))
        wishes = OptOut.objects.filter(account=self.account, channel="phone")
        return wishes.filter(Exists(met), at__gte=self.since, at__lt=self.until).order_by("at", "pk")


def of(report: ComplianceReport) -> Scope:
    """The scope of a report: whole days of company time, which end at the latest with the request."""
    zone = report.account.zone
    since = datetime.combine(report.first_day, time.min, tzinfo=zone)
    until = datetime.combine(report.last_day + timedelta(days=1), time.min, tzinfo=zone)
    number = report.number or (report.campaign.number if report.campaign else None)
    if number is None:
        raise ValueError("a report is of a number or of a campaign")
    return Scope(report.account, number, report.campaign, since, min(until, report.requested_at))
