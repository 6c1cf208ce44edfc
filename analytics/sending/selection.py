"""What Assignments & Sending is asked for: filters and a range, as an address or a download carries them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet

from accounts.models import Account
from analytics.sending.periods import FIRST_YEAR, LAST_YEAR
from campaigns import units
from campaigns.models import Campaign


class Unknown(ValueError):
    """A filter or a range that means nothing."""


@dataclass(frozen=True)
class Selection:
    """Campaigns by playbook, campaign and business unit; [since, until) in UTC, None for all time."""

    playbook: int | None = None
    campaign: int | None = None
    unit: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Selection":
        """As `params` wrote it. Raises Unknown."""
        since, until = _moment(values.get("since", "")), _moment(values.get("until", ""))
        if (since is None) != (until is None):
            raise Unknown("a range with one end")
        playbook, campaign, unit = (_id(values.get(name, "")) for name in ("playbook", "campaign", "unit"))
        return cls(playbook, campaign, unit, since, until)

    def params(self) -> dict[str, str]:
        """For addresses and downloads: only what narrows."""
        ids = {"playbook": self.playbook, "campaign": self.campaign, "unit": self.unit}
        said = {name: str(value) for name, value in ids.items() if value is not None}
        if self.since and self.until:
            said |= {"since": _written(self.since), "until": _written(self.until)}
        return said

    def campaigns(self, account: Account) -> QuerySet[Campaign]:
        """The account's campaigns that it selects."""
        found = Campaign.objects.filter(account=account)
        if self.playbook is not None:
            found = found.filter(playbook=self.playbook)
        if self.campaign is not None:
            found = found.filter(pk=self.campaign)
        if self.unit is not None:
            found = found.filter(pk__in=units.aimed_at(account, self.unit))
        return found


def _id(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Unknown(f"no id: {text}")
    return int(text)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None or read.second or read.microsecond:
            raise Unknown(f"no minute: {text}")
        moment = read.astimezone(UTC)
    except (ValueError, OverflowError) as wrong:
        raise Unknown(f"no instant: {text}") from wrong
    if moment.second or moment.microsecond or not FIRST_YEAR - 1 <= moment.year <= LAST_YEAR:
        raise Unknown(f"no minute: {text}")
    return moment


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
