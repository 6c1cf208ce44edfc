"""Codes of providers that ask somebody for something, lately: which sender, which campaign, what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Account
from conversations import call_remedies, remedies
from conversations.models import SendingProblem
from integrations.consequences import ASKS
from integrations.messaging import Remedy

LATELY = timedelta(hours=24)
_MEANINGS = call_remedies.MEANINGS | {code: meaning for code, (meaning, _) in remedies.CODES.items()}


@dataclass(frozen=True, slots=True)
class Problem:
    """One code from one sender in one campaign."""

    pk: int
    code: str
    meaning: str
    asks: str
    remedy: Remedy
    sender: str
    campaign: str
    first_at: datetime
    last_at: datetime


def lately(account: Account, *, now: datetime) -> list[Problem]:
    """What came in the last 24 hours, the latest first."""
    rows = SendingProblem.objects.filter(account=account, last_at__gte=now - LATELY)
    return [
        Problem(
            row.pk,
            row.code,
            _MEANINGS.get(row.code, "The provider refused the message or call"),
            ASKS[Remedy(row.remedy)],
            Remedy(row.remedy),
            str(row.number or "") or "Email",
            row.lane.name if row.lane and row.lane.kind == "campaign" else "",
            row.first_at,
            row.last_at,
        )
        for row in rows.select_related("number", "lane").order_by("-last_at", "-pk")
    ]
