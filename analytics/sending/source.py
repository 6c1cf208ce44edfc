"""The rows behind figures of Assignments & Sending as files."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics.downloads import sources
from analytics.metrics import sending
from analytics.sending import rows
from analytics.sending.periods import MINUTE, clock_words
from analytics.sending.selection import Selection, Unknown
from campaigns import reasons
from campaigns.models import Campaign

NAME = "sending"


def title(account: Account, figure: str, selection: Selection) -> str:
    """What a list or a file is of: “Texts sent, Fall tune-up”. Raises Unknown."""
    group, _, name = figure.partition(":")
    if group == "exits" and name:
        said = f"Exits: {reasons.why_of(name)}"
    elif metric := sending.ASSIGNMENT_METRICS.get(figure):
        said = metric.label
    elif metric := sending.SENDING_METRICS.get(figure) or sending.AGENT_METRICS.get(figure):
        whose = "Replies by people" if group == "agent" else sending.CHANNELS[group]
        said = f"{whose}: {metric.label.lower()}"
    else:
        raise Unknown(figure)
    if selection.campaign is None:
        return said
    named = Campaign.objects.filter(account=account, pk=selection.campaign).first()
    return f"{said}, {named.name}" if named else said


def span(account: Account, selection: Selection) -> str:
    """The range in words, company time: “Nov 22, 3:00 pm to 3:10 pm”; “all time”."""
    if selection.since is None or selection.until is None:
        return "all time"
    first = selection.since.astimezone(account.zone)
    last = (selection.until - MINUTE).astimezone(account.zone)
    return f"{_minute(first)} to {clock_words(last) if first.date() == last.date() else _minute(last)}"


def declare() -> None:
    """Register it."""
    sources.register(sources.Source(NAME, "Assignments & Sending", (), _query, _title))


def _query(account: Account, params: sources.Params) -> QuerySet[Any]:
    try:
        return rows.behind(account, Selection.of(params), params.get("figure", ""))
    except Unknown as unknown:
        raise sources.Unknown(str(unknown)) from unknown


def _title(account: Account, params: sources.Params) -> str:
    selection = Selection.of(params)
    return f"{title(account, params['figure'], selection)}, {span(account, selection)}"


def _minute(local: datetime) -> str:
    return f"{local:%b} {local.day}, {local.year}, {clock_words(local)}"
