"""The call queue as a list: who waits, why, since when, and until when they may be called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from accounts.models import Account
from audiences.models import OptOut
from common.phone import display_phone
from conversations import call_panel, call_queue, call_scripts, call_sources
from conversations.call_panel import Hours
from conversations.call_queue import Wanted
from conversations.models import Lane, PlannedCall
from conversations.timeline_sources import Link


@dataclass(frozen=True)
class Chosen:
    """Whom an agent looks at: addresses keep it, so that “Next call” goes on among the same."""

    wanted: Wanted
    campaign: int | None = None
    unit: int | None = None
    after: int = 0

    @classmethod
    def of(cls, query: Mapping[str, str], account: Account) -> "Chosen":
        """What an address says; nonsense, and what is another account's, is read as nothing."""
        campaign, unit, after = (_number(query.get(name, "")) for name in ("campaign", "unit", "after"))
        if campaign and not Lane.objects.filter(pk=campaign, account=account).exists():
            campaign = None
        if unit and unit not in dict(call_sources.units(account)):
            unit = None
        lanes = tuple(call_sources.lanes(account, unit)) if unit else None
        return cls(Wanted(campaign or None, lanes), campaign or None, unit or None, after or 0)

    @property
    def query(self) -> str:
        """As the end of an address; never empty, so that more may be added."""
        return "?" + urlencode({"campaign": self.campaign or "", "unit": self.unit or ""})

    @property
    def params(self) -> dict[str, str]:
        """What narrows it, for a download of the same."""
        chosen = {"campaign": self.campaign, "unit": self.unit}
        return {name: str(pk) for name, pk in chosen.items() if pk}

    @property
    def narrow(self) -> bool:
        """Whether not everybody is looked at."""
        return bool(self.campaign or self.unit)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


@dataclass(frozen=True)
class Line:
    """One person who waits."""

    pk: int
    name: str
    phone: str
    why: str
    promised: bool
    origin: Link | None
    lane: str
    campaign: bool
    due_at: datetime
    tries: int
    most_tries: int
    hours: Hours
    opted_out: bool


def shown(account: Account, chosen: Chosen, now: datetime) -> dict[str, Any]:
    """The list's context, and `seen`: everything of it that can change."""
    waiting = call_queue.waiting(account, now)
    narrowed = call_queue.waiting(account, now, chosen.wanted) if chosen.narrow else waiting
    ids = call_queue.listed(account, now, chosen.wanted, after=chosen.after)
    lines = _lines(ids[: call_queue.LISTED], now)
    following = chosen.after + call_queue.LISTED if len(ids) > call_queue.LISTED else None
    seen = (
        waiting,
        narrowed,
        [(line.pk, line.tries, line.due_at, line.hours.open) for line in lines],
        following,
    )
    # Not "waiting": the frame around every page names what needs a reply so, and would hide it.
    return {"everybody": waiting, "narrowed": narrowed, "lines": lines, "following": following, "seen": seen}


def _lines(ids: list[int], now: datetime) -> list[Line]:
    rows = PlannedCall.objects.select_related("lane", "contact__zone_set", "address", "script").in_bulk(ids)
    calls = [rows[pk] for pk in ids if pk in rows]
    origins, spans = call_sources.origins(calls), call_panel.hours_of(calls, now)
    closed = set(
        OptOut.objects.filter(address__in=[call.address_id for call in calls], lifted_at=None).values_list(
            "address_id", flat=True
        )
    )
    return [
        Line(
            pk=call.pk, name=call.contact.name, phone=display_phone(call.address.value),
            why=call_panel.why(call), promised=call_panel.promised(call), origin=origins.get(call.pk),
            lane=call.lane.name, campaign=call.kind == "campaign",
            due_at=call.due_at or call.created_at, tries=call.tries,
            most_tries=most_tries(call), hours=spans[call.pk], opted_out=call.address_id in closed,
        )
        for call in calls
    ]  # fmt: skip


def most_tries(call: PlannedCall) -> int:
    """How often this person is called at most, as the workflow has it."""
    if call.script is None:
        return 1
    tries = call_scripts.read(call.script).tries
    return max(1 + max(tries.no_answer, tries.busy, tries.voicemail), call.tries + 1)
