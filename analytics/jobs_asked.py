"""Which jobs somebody asks to see: a range of days, and what narrows it. Pages and files read it alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet

from accounts.models import Account
from analytics.models import JobStanding

USUAL_DAYS = 30
_LARGEST_ID = 2**63 - 1


class NotAsked(ValueError):
    """An address that makes no sense; the message says why, for people."""


@dataclass(frozen=True)
class Asked:
    """Days of company time, both included whole; nothing narrows where a filter is empty."""

    first: date
    last: date
    campaign: int | None = None
    unit: int | None = None
    stage: str = ""
    verdict: str = ""
    reason: str = ""
    number: str = ""  # of a job, as people or ServiceTitan write it

    @property
    def narrowed(self) -> bool:
        """Whether anything but the days was chosen."""
        return any([self.campaign, self.unit, self.stage, self.verdict, self.reason, self.number])

    def params(self) -> dict[str, str]:
        """As an address, or a download, says it."""
        said = {
            "first": f"{self.first}", "last": f"{self.last}", "campaign": str(self.campaign or ""),
            "unit": str(self.unit or ""), "stage": self.stage, "verdict": self.verdict,
            "reason": self.reason, "number": self.number,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value}


def read(params: Mapping[str, str], account: Account, *, now: datetime) -> Asked:
    """What is asked for; the last 30 days where no day is named. Raises NotAsked."""
    today = now.astimezone(account.zone).date()
    last = _day(params.get("last", "")) or today
    first = _day(params.get("first", "")) or last - timedelta(days=USUAL_DAYS - 1)
    if last < first:
        raise NotAsked("The range ends before it begins. Nothing is shown until it is the other way round.")
    return Asked(
        first=first,
        last=last,
        campaign=_id(params.get("campaign", "")),
        unit=_id(params.get("unit", "")),
        stage=_one_of(JobStanding.Stage.values, params.get("stage", "")),
        verdict=_one_of(JobStanding.Verdict.values, params.get("verdict", "")),
        reason=_one_of(JobStanding.Reason.values, params.get("reason", "")),
        number=params.get("number", "").strip()[:40],
    )


def standings(account: Account, asked: Asked) -> QuerySet[JobStanding]:
    """The jobs made in these days that meet every filter, newest first."""
    start, end = (
        datetime.combine(day, time.min, tzinfo=account.zone)
        for day in (asked.first, asked.last + timedelta(days=1))
    )
    found = JobStanding.objects.filter(account=account, at__gte=start, at__lt=end)
    equal = {
        "campaign": asked.campaign, "business_unit": asked.unit, "stage": asked.stage,
        "verdict": asked.verdict, "reason": asked.reason,
    }  # fmt: skip
    found = found.filter(**{name: value for name, value in equal.items() if value})
    if asked.number:
        found = found.filter(job__number=asked.number)
    return found.order_by("-at", "-job")


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as wrong:
        raise NotAsked(f"“{text[:40]}” is not a day. Days look like 2026-11-22.") from wrong
    if not 2000 <= day.year <= 2200:
        raise NotAsked("Choose days between the years 2000 and 2200.")
    return day


def _id(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:30]) <= _LARGEST_ID:
        raise NotAsked("This filter names nothing that exists.")
    return int(text)


def _one_of(known: list[str], text: str) -> str:
    if text and text not in known:
        raise NotAsked("This filter names nothing that exists.")
    return text
