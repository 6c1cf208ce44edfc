"""The page of one campaign, and the lists behind its numbers."""

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import (
    audience_records,
    campaign_diagram,
    campaign_log,
    campaign_page,
    campaign_titles,
    counters,
    funnel,
    link_counts,
    list_counts,
    live,
    metrics,
    number_counts,
    passage,
    retention,
    rows,
    scheduled_lists,
    volume,
)
from analytics.views.lists import show
from audiences import segments
from campaigns import pools, removing, starts, steering, terms
from campaigns.models import Campaign, Enrollment
from common import clock
from common.htmx import unchanged_lately
from common.phone import display_phone

TABS = {
    "overview": "Overview",
    "table": "Node table",
    "records": "Records",
    "funnel": "Funnel",
    "links": "Links",
    "log": "Timeline",
    "settings": "Settings",
}
CAMPAIGNS = Campaign.objects.select_related(
    "account", "version__workflow", "audience", "number", "playbook", "launched_by", "window", "lane"
)


@require_safe
@access.require()
@unchanged_lately()
def campaign(request: access.Request, pk: int) -> HttpResponse:
    """Status, progress and one of the tabs: overview, node table, audience records, log, settings; live."""
    found = access.get(request, CAMPAIGNS, pk)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    with counters.snapshot():
        shown = campaign_page.of_campaign(found)
        part = _part(request, tab, found, shown)
    context = {"campaign": found, "shown": shown, "tab": tab, "tabs": TABS, "tab_label": TABS[tab], **part}
    context["every"] = _every(tab, found, part)
    return live.answer(request, "analytics/campaign.html", (found.name, shown, part), context)


def _part(
    request: access.Request, tab: str, found: Campaign, shown: campaign_page.CampaignPage
) -> dict[str, Any]:
    """What one tab shows beside what all of them do."""
    match tab:
        case "records":
            asked = audience_records.Asked.of(request.GET)
            gone = retention.gone_before(found.account, found)
            found_by = {"campaign": str(found.pk), **asked.kept} | ({"q": asked.words} if asked.words else {})
            return {"download": found_by, "page": audience_records.read(found, asked), "gone_before": gone}
        case "funnel":
            entries, patient = shown.progress.entries, live.polled(request)
            return {"funnel": funnel.of_campaign(found, entries, patient=patient)}
        case "log":
            happenings = campaign_log.read(found, shown.intakes)
            return {"happenings": happenings, "volume": volume.of_campaign(found)}
        case "links":
            names = {row.key: row.name for row in shown.nodes}
            return {"tracked": link_counts.of_campaign(found, counters.totals([found.pk]), names)}
        case "settings":
            return _settings(found)
    table = {"groups": campaign_page.groups(shown.groups), "columns": campaign_page.COLUMNS}
    if tab == "table":
        return table
    cards = campaign_diagram.cards(found, shown.nodes, shown.left)
    edges = json.dumps([edge for card in cards for edge in card.edges], ensure_ascii=False)
    return {**table, "cards": cards, "edges": edges}


def _every(tab: str, found: Campaign, part: dict[str, Any]) -> int:
    """Seconds between two looks: rarely where nothing happens any more, or where looking costs something."""
    searching = tab == "records" and part["page"].asked.narrowed
    waiting = tab == "funnel" and part["funnel"].waiting
    slow = searching or (tab in ("funnel", "log") and not waiting)
    return 10 if slow or found.status == Campaign.Status.COMPLETED else 2


def _settings(found: Campaign) -> dict[str, Any]:
    """What it was launched with, and its terms."""
    return {
        "terms": starts.in_words(starts.of(found), found.account)
        + terms.in_words(terms.of(found), found.account),
        "targeting": segments.describe(found.account, found.targeting) if found.targeting else [],
        "rules": segments.describe(found.account, found.audience_rules),
        "numbers": [(one, display_phone(one.e164)) for one in pools.numbers_of(found)],
        "movable": steering.movable(found, now=clock.now()),
    }


@require_safe
@access.require()
def campaign_rows(request: access.Request, pk: int) -> HttpResponse:
    """The rows that one number of a campaign counts: entries, or `?column=`, at all nodes or `?node=`;
    `?since=` and `?until=` narrow them to a time."""
    found = access.get(request, Campaign.objects.select_related("account"), pk)
    column, key = request.GET.get("column", "entries"), request.GET.get("node") or None
    since, until = (campaign_titles.instant(request.GET.get(name, "")) for name in ("since", "until"))
    try:
        behind = rows.in_time(metrics.rows_behind(found, key, column), column, since, until)
    except rows.UnknownColumn as unknown:
        raise Http404(f"no column {column}") from unknown
    told = campaign_titles.of(found, key, column)
    more = campaign_titles.counted_when_opened(found, key, column, behind)
    narrowed = campaign_titles.time_of(found.account, since, until)
    return show(
        request, behind,
        count=lambda: None if since or until else list_counts.of_campaign(found, key, column),
        read=scheduled_lists.of_campaign(found) if column == scheduled_lists.SCHEDULED else None,
        title=told.title, meaning=f"{told.meaning} {more}".strip(), campaign=found, node=told.node,
        narrowed=narrowed, download=_download(request, pk),
    )  # fmt: skip


@require_safe
@access.require()
def campaign_numbers(request: access.Request, pk: int) -> HttpResponse:
    """What each number of a campaign has sent and has waiting."""
    found = access.get(request, CAMPAIGNS, pk)
    lines = number_counts.of_campaign(found, now=clock.now())
    context = {"campaign": found, "lines": lines, "rows_url": reverse("analytics:campaign_rows", args=[pk])}
    return render(request, "analytics/campaign_numbers.html", context)


@require_safe
@access.require()
def campaign_record(request: access.Request, pk: int, record: int) -> HttpResponse:
    """One audience record's whole passage, step by step."""
    found = access.get(request, CAMPAIGNS, pk)
    enrollments = Enrollment.objects.filter(campaign=found).select_related("contact", "address", "version")
    enrollment = access.get(request, enrollments, record)
    with counters.snapshot():
        shown = passage.read(enrollment)
    left = (
        removing.undoable(enrollment, now=clock.now()) if enrollment.ended_reason == removing.REMOVED else 0
    )
    return render(request, "analytics/passage.html", {"campaign": found, "passage": shown, "undo_left": left})


def _download(request: access.Request, pk: int) -> dict[str, Any]:
    """The same rows as a file."""
    asked = {name: request.GET.get(name, "") for name in ("column", "node", "since", "until")}
    params = {"campaign": str(pk), "column": "entries"} | {name: said for name, said in asked.items() if said}
    return {"source": "campaign", "params": params}
