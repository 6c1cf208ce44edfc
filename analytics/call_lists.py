"""Lists of calls outside campaigns: who waits in the call queue, what stands behind a campaign's share of
abandoned calls."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics.downloads.columns import Column, instant, number, worded
from analytics.downloads.sources import ASKED_AT, Params, Source, Unknown, register
from common import clock
from conversations import abandonment, call_queue, call_sources
from conversations.call_lines import Chosen
from conversations.models import Call, Lane, PlannedCall

QUEUE, ANSWERED = "call-queue", "answered-calls"
WHICH = {
    "answered": (
        "Calls that people answered",
        "Calls of the campaign that a person answered within 30 days, counted anew after each resume; "
        "machines left out.",
    ),
    "abandoned": (
        "Calls that had nobody to talk to",
        "Of the calls that a person answered within 30 days, those in which for 2 seconds nobody spoke, or "
        "in which nobody took a call that was wanted.",
    ),
}
"""What a list of answered calls is called, and what it holds, by the param `which`."""
_QUEUE_COLUMNS = (
    Column("Contact", "contact__name"),
    Column("Phone", "address__value"),
    number("ServiceTitan customer", "contact__servicetitan_customer_id"),
    Column("Why", worded("kind", {"call_back": "Asked for a call back", "campaign": "Campaign"})),
    Column("Campaign", "lane__name"),
    instant("Due since", "due_at"),
    instant("Planned", "created_at"),
    number("Tries so far", "tries"),
    number("Planned call", "pk"),
)


def answered(lane: Lane, which: str, now: datetime) -> QuerySet[Call]:
    """The calls of one of `WHICH`. Raises Unknown."""
    if which not in WHICH:
        raise Unknown(f"no list {which}")
    return abandonment.calls(lane, now=now, abandoned=which == "abandoned")


def _asked_at(params: Params) -> datetime:
    return datetime.fromisoformat(params[ASKED_AT]) if ASKED_AT in params else clock.now()


def _queue(account: Account, params: Params) -> QuerySet[PlannedCall]:
    return call_queue.rows(account, _asked_at(params), Chosen.of(params, account).wanted)


def _queue_title(account: Account, params: Params) -> str:
    chosen = Chosen.of(params, account)
    lane = Lane.objects.filter(pk=chosen.campaign or 0).values_list("name", flat=True).first()
    unit = dict(call_sources.units(account)).get(chosen.unit or 0)
    return ", ".join(filter(None, ("Who waits for a call", lane, unit)))


def _lane(account: Account, params: Params) -> Lane:
    key = params.get("lane", "")
    known = key.isascii() and key.isdigit() and len(key) < 19
    lane = Lane.objects.filter(account=account, pk=key).first() if known else None
    if lane is None:
        raise Unknown("no such campaign")
    return lane


def _answered(account: Account, params: Params) -> QuerySet[Any]:
    return answered(_lane(account, params), params.get("which", ""), _asked_at(params))


def _answered_title(account: Account, params: Params) -> str:
    return f"{WHICH[params['which']][0]}, {_lane(account, params).name}"


def declare() -> None:
    """Register them as downloads."""
    register(Source(QUEUE, "The call queue", _QUEUE_COLUMNS, _queue, _queue_title))
    register(Source(ANSWERED, "Answered calls", (), _answered, _answered_title))
