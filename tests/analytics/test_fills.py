"""How the past of new columns is counted: campaign by campaign, and again where that broke off."""

import pytest

from analytics import fills
from analytics.models import CounterFill
from tests.analytics.world import build

pytestmark = pytest.mark.django_db


def test_a_campaign_whose_count_broke_off_is_counted_again() -> None:
    world = build()
    CounterFill.objects.create(name="some", since=1)
    counted: list[int] = []

    def breaks_off(campaign: int) -> None:
        raise RuntimeError(campaign)

    with pytest.raises(RuntimeError):
        fills.fill_next("some", breaks_off)
    assert fills.fill_next("some", counted.append)
    assert counted == [world.campaign.pk]
    assert not fills.fill_next("some", counted.append)
    assert not fills.pending("some")
