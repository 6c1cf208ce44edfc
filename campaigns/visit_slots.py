"""When a visit can be promised: ServiceTitan's arrival windows, else the company's own business hours.

ServiceTitan is asked live, outside any transaction: what the board can take changes by the minute. Where it
cannot be asked (not connected, no such permission, unreachable), windows are cut from the business hours, and
the page says that nobody has looked at the board.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accounts.models import Account, BusinessUnit
from audiences import business_hours, hours
from audiences.models import JobType
from integrations import connections
from integrations.messaging import ProviderError

log = logging.getLogger(__name__)
AHEAD = timedelta(days=14)
LEAD = timedelta(hours=2)  # nobody is promised a visit within so short a time
WINDOW = timedelta(hours=4)  # of our own windows
MOST = 60


@dataclass(frozen=True, slots=True)
class Slots:
    """Windows that can be promised, in order; `why` says in words why ServiceTitan was not asked, if so."""

    spans: list[hours.Span] = field(default_factory=list)
    why: str = ""
    again: bool = False  # whether asking once more may help


def free(account: Account, unit: BusinessUnit | None, job_type: JobType | None, *, now: datetime) -> Slots:
    """The windows of the next two weeks. Waits for ServiceTitan for three seconds at most."""
    try:
        client = connections.servicetitan(account)
        found = client.capacity(
            now + LEAD, now + AHEAD, unit_id=unit.servicetitan_id if unit else None,
            job_type_id=job_type.servicetitan_id if job_type else None,
        )  # fmt: skip
    except connections.NotConnected:
        return _own(account, "ServiceTitan is not connected", now)
    except ProviderError as error:
        log.warning("capacity not read: %s", error.code)
        slow = error.code == "timeout"
        why = f"ServiceTitan {'did not answer within three seconds' if slow else 'could not be asked'}"
        return _own(account, why, now, again=True)
    spans = sorted((one.start_utc, one.end_utc) for one in found if one.is_available)
    if not spans and not found:
        return _own(account, "ServiceTitan plans no capacity for this", now)
    return Slots([span for span in spans if span[0] > now + LEAD][:MOST])


def _own(account: Account, why: str, now: datetime, *, again: bool = False) -> Slots:
    zone = account.zone
    first, last = (now.astimezone(zone).date(), (now + AHEAD).astimezone(zone).date())
    spans: list[hours.Span] = []
    for opens, closes in business_hours.open_spans(account, first=first, last=last):
        begins = opens
        while begins < closes:
            spans.append((begins, min(begins + WINDOW, closes)))
            begins += WINDOW
    return Slots([span for span in spans if span[0] > now + LEAD][:MOST], why, again)
