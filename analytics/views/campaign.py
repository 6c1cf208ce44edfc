"""The page of one campaign, and the lists behind its numbers."""

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import (
    audience_records,
    campaign_diagram,
    campaign_log,
    campaign_page,
    counters,
    live,
    metrics,
    retention,
    rows,
)
from analytics.views.lists import show
from audiences import segments
from campaigns import terms
from campaigns.models import Campaign, Node
from common.phone import display_phone

TABS = {
    "overview": "Overview",
    "table": "Node table",
    "records": "Records",
    "log": "Log",
    "settings": "Settings",
}
CAMPAIGNS = Campaign.objects.select_related(
    "account", "version__workflow", "audience", "number", "playbook", "launched_by", "window", "lane"
)


@require_safe
@access.require()
def campaign(request: access.Request, pk: int) -> HttpResponse:
    """Status, progress and one of the tabs: overview, node table, audience records, log, settings; live."""
    found = access.get(request, CAMPAIGNS, pk)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    with counters.snapshot():
        shown = campaign_page.of_campaign(found)
        part = _part(request, tab, found, shown)
    context = {"campaign": found, "shown": shown, "tab": tab, "tabs": TABS, "tab_label": TABS[tab], **part}
    context["every"] = 10 if found.status == Campaign.Status.COMPLETED else 2
    return live.answer(request, "analytics/campaign.html", (found.name, shown, part), context)


def _part(
    request: access.Request, tab: str, found: Campaign, shown: campaign_page.CampaignPage
) -> dict[str, Any]:
    """What one tab shows beside what all of them do."""
    match tab:
        case "records":
            asked = audience_records.Asked.of(request.GET)
            gone = retention.gone_before(found.account, found)
            return {"page": audience_records.read(found, asked), "gone_before": gone}
        case "log":
            return {"happenings": campaign_log.read(found, shown.intakes)}
        case "settings":
            return _settings(found)
    table = {"groups": campaign_page.groups(), "columns": campaign_page.COLUMNS}
    if tab == "table":
        return table
    cards = campaign_diagram.cards(found, shown.nodes)
    edges = json.dumps([edge for card in cards for edge in card.edges], ensure_ascii=False)
    return {**table, "cards": cards, "edges": edges}


def _settings(found: Campaign) -> dict[str, Any]:
    """What it was launched with, and its terms."""
    return {
        "terms": terms.in_words(terms.of(found), found.account),
        "targeting": segments.describe(found.account, found.targeting) if found.targeting else [],
        "rules": segments.describe(found.account, found.audience_rules),
        "number": display_phone(found.number.e164),
    }


@require_safe
@access.require()
def campaign_rows(request: access.Request, pk: int) -> HttpResponse:
    """The rows that one number of a campaign counts: entries, or `?column=`, at all nodes or `?node=`."""
    found = access.get(request, Campaign, pk)
    column, key = request.GET.get("column", "entries"), request.GET.get("node") or None
    try:
        behind = metrics.rows_behind(found, key, column)
    except rows.UnknownColumn as unknown:
        raise Http404(f"no column {column}") from unknown
    metric = campaign_page.COLUMNS.get(column) or metrics.CAMPAIGN_METRICS.get(column)
    node = Node.objects.filter(version__workflow__versions=found.version_id, key=key).last() if key else None
    title = metric.label if metric else column.replace(":", ": ").replace("_", " ").capitalize()
    meaning = metric.meaning if metric else ""
    if column == "contacts_booked" and key:  # its distinct contacts are counted when it is opened
        rate = metrics.booking_rate(found, key)
        meaning = f"{meaning} {rate.percent}: {rate.part:,} of {rate.whole:,}."
    params = {"campaign": str(pk), "column": column} | ({"node": key} if key else {})
    download = {"source": "campaign", "params": params}
    return show(request, behind, title=title, meaning=meaning, campaign=found, node=node, download=download)
