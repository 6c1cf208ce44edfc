"""The sources of lists behind figures: of one campaign, of the dashboard's tiles and of today's curve."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics import campaign_titles, jobs_asked, metrics, rows, tile_lists
from analytics.downloads.sources import ASKED_AT, Params, Source, Unknown, register
from campaigns.models import Campaign
from common import clock

_AT = {tile: rows.HAPPENED[column] for tile, column in rows.TODAY.items()} | {"completed_today": "state_at"}


def campaign_of(account: Account, params: Params) -> Campaign:
    """The campaign that the params name. Raises Unknown."""
    key = params.get("campaign", "")
    found = Campaign.objects.filter(account=account, pk=key) if key.isdecimal() and len(key) < 19 else None
    campaign = found.first() if found is not None else None
    if campaign is None:
        raise Unknown("no such campaign")
    return campaign


def _campaign_rows(account: Account, params: Params) -> QuerySet[Any]:
    column = params.get("column", "entries")
    since, until = (campaign_titles.instant(params.get(name, "")) for name in ("since", "until"))
    try:
        found = metrics.rows_behind(campaign_of(account, params), params.get("node") or None, column)
        return rows.in_time(found, column, since, until)
    except rows.UnknownColumn as unknown:
        raise Unknown(str(unknown)) from unknown


def _campaign_title(account: Account, params: Params) -> str:
    campaign = campaign_of(account, params)
    told = campaign_titles.of(campaign, params.get("node"), params.get("column", "entries"))
    since, until = (campaign_titles.instant(params.get(name, "")) for name in ("since", "until"))
    when = campaign_titles.time_of(account, since, until)
    said = f"{told.title}{f' at {told.node.name}' if told.node else ''}, {campaign.name}"
    return f"{said}, {when}" if when else said


def _tile_rows(account: Account, params: Params) -> QuerySet[Any]:
    tile, asked_at = params.get("tile", ""), _asked_at(params)
    try:
        found = tile_lists.of(account, tile, params, asked_at).rows
    except rows.UnknownColumn as unknown:
        raise Unknown(f"no tile {tile}") from unknown
    if at := _AT.get(tile):  # made again on a later day, it is still of that day
        tomorrow = metrics.midnight(account, metrics.midnight(account, asked_at) + timedelta(hours=36))
        found = found.filter(**{f"{at}__lt": tomorrow})
    return found


def _tile_title(account: Account, params: Params) -> str:
    asked = _asked_at(params)
    named, day = tile_lists.of(account, params["tile"], params, asked), asked.astimezone(account.zone)
    narrowed = f", {named.narrowed}" if named.narrowed else ""
    if params["tile"] not in _AT:
        return f"{named.title}{narrowed}"
    return f"{named.title.removesuffix(' today')} on {day:%b} {day.day}{narrowed}"


def _asked_at(params: Params) -> datetime:
    """When it was queued: that day is “today”."""
    return datetime.fromisoformat(params[ASKED_AT])


def _jobs(account: Account, params: Params) -> QuerySet[Any]:
    asked_at = _asked_at(params) if ASKED_AT in params else clock.now()
    try:
        return jobs_asked.standings(account, jobs_asked.read(params, account, now=asked_at))
    except jobs_asked.NotAsked as wrong:
        raise Unknown(str(wrong)) from wrong


def _jobs_title(account: Account, params: Params) -> str:
    asked = jobs_asked.read(params, account, now=clock.now())
    days = f"{asked.first:%b} {asked.first.day} to {asked.last:%b} {asked.last.day}, {asked.last.year}"
    return f"Jobs and revenue, {days}{', narrowed' if asked.narrowed else ''}"


def declare() -> None:
    """Register them."""
    register(Source("jobs", "Jobs and revenue", (), _jobs, _jobs_title))
    register(Source("campaign", "Rows of a campaign", (), _campaign_rows, _campaign_title))
    register(Source("tile", "Rows of a tile", (), _tile_rows, _tile_title))
