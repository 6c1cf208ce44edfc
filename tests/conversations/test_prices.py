"""What messages cost: read from the provider's own list, and counted by its prices where it named them."""

from datetime import timedelta
from decimal import Decimal

from analytics import spending
from common import clock
from conversations import draining, prices
from conversations.models import Message, MessagePrice, PriceReading
from integrations import rates
from sandbox.messages import PRICE_PER_SEGMENT
from tests.conversations.conftest import Company
from tests.conversations.test_codes import TEXT_EDGES, TEXT_NODES


def test_the_providers_prices_take_the_place_of_the_rates(company: Company) -> None:
    campaign = company.launch(3, TEXT_NODES, TEXT_EDGES)
    company.run()
    company.sandbox.wait_for("callback", 3, status="delivered")
    draining.drain()
    table = rates.of(company.account)
    found = spending.now_of(campaign)
    assert (found.amount, found.messages, found.priced) == (rates.texts(table, 3), 3, 0)
    assert prices.read_due(now=clock.now()) == 0, "too early: prices come later"
    Message.objects.update(accepted_at=clock.now() - timedelta(minutes=1))
    assert prices.read_due(now=clock.now() + timedelta(hours=1, minutes=5)) == 3
    each = Decimal(str(PRICE_PER_SEGMENT))
    assert list(MessagePrice.objects.values_list("amount", flat=True)) == [each] * 3
    found = spending.now_of(campaign)
    assert found.amount == 3 * (each + table.carrier_fee) and found.priced == 3
    assert found.note == "by the provider’s prices"
    assert prices.read_due(now=clock.now() + timedelta(hours=1, minutes=5)) == 0
    assert PriceReading.objects.get().number == company.number
