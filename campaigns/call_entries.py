"""What campaigns add to the call queue: the node a call came from, and the business units they are about."""

from collections.abc import Sequence

from django.urls import reverse

from accounts.models import Account, BusinessUnit
from campaigns import units as business_units
from campaigns.models import Campaign, Step
from campaigns.nodes.base import ORIGIN
from conversations.call_sources import Source
from conversations.models import PlannedCall
from conversations.timeline_sources import Link


def origins(calls: Sequence[PlannedCall]) -> dict[int, Link]:
    """Campaign and node of every campaign's call. One query."""
    steps = {
        int(call.origin.removeprefix(ORIGIN)): call.pk
        for call in calls
        if call.origin and call.origin.startswith(ORIGIN)
    }
    rows = Step.objects.filter(pk__in=steps).select_related("campaign", "node") if steps else ()
    return {
        steps[step.pk]: Link(
            f"{step.campaign.name} · {step.node.name}", reverse("analytics:campaign", args=[step.campaign_id])
        )
        for step in rows
    }


def units(account: Account) -> list[tuple[int, str]]:
    """The account's business units that are in use."""
    mine = BusinessUnit.objects.filter(account=account, active=True).order_by("name", "pk")
    return list(mine.values_list("pk", "name"))


def lanes(account: Account, unit: int) -> list[int]:
    """The lanes of campaigns aimed at this unit's customers."""
    mine = Campaign.objects.filter(account=account, pk__in=business_units.aimed_at(account, unit))
    return list(mine.exclude(lane=None).values_list("lane_id", flat=True))


SOURCE = Source(origins, units, lanes)
