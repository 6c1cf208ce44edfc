"""What a campaign's messages have cost so far: the provider's prices, else the account's rates."""

import time
from dataclasses import dataclass
from decimal import Decimal

from analytics.metrics import Metric
from campaigns.models import Campaign
from common import sql
from integrations import rates

METRICS: dict[str, Metric] = {
    "spent": Metric(
        "spent", "Spent so far", "dollars",
        "What the accepted messages cost: the provider’s price of each where it has named one, else the "
        "account’s rates of Settings, Costs, carriers’ fees included. A text with pictures costs once, "
        "others by the segment. What calls cost is not in it.",
        ("accepted",),
    ),
}  # fmt: skip
KEPT_SECONDS = 20.0  # a campaign may have sent a hundred thousand, and its page asks every two seconds
_MOST_KEPT = 200
_kept: dict[int, tuple[float, "Spent"]] = {}

# By the kind of message: how many, their segments, and of how many the provider has named a price, and which.
_SQL = """
    SELECT m.mailbox_id IS NOT NULL AS email,
        m.number_id IS NOT NULL AND coalesce(t.content -> 'media' <> '[]'::jsonb, false)
            AND NOT EXISTS (
                SELECT 1 FROM conversations_secondtry s
                WHERE s.message_id = m.id AND s.begun AND s.without_media) AS pictures,
        count(*) FILTER (WHERE p.amount IS NULL),
        coalesce(sum(m.segments) FILTER (WHERE p.amount IS NULL), 0),
        count(p.amount), coalesce(sum(p.amount), 0),
        coalesce(sum(m.segments) FILTER (WHERE p.amount IS NOT NULL), 0)
    FROM conversations_message m
    LEFT JOIN conversations_messagetemplate t ON t.id = m.template_id
    LEFT JOIN conversations_messageprice p ON p.message_id = m.id
    WHERE m.lane_id = %s AND m.accepted_at IS NOT NULL GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Spent:
    """Dollars, and of how many messages the provider itself named the price."""

    amount: Decimal
    messages: int
    priced: int

    @property
    def money(self) -> str:
        """“$12.40”."""
        return rates.money(self.amount)

    @property
    def note(self) -> str:
        """Whose prices these are."""
        if not self.messages:
            return "nothing sent yet"
        if self.priced == self.messages:
            return "by the provider’s prices"
        return "about, partly by your rates" if self.priced else "about, by your rates"


def of_campaign(campaign: Campaign) -> Spent:
    """What it has cost, at most 20 s old in a process."""
    known = _kept.get(campaign.pk)
    if known is not None and time.monotonic() - known[0] < KEPT_SECONDS:
        return known[1]
    found = now_of(campaign)
    _kept[campaign.pk] = (time.monotonic(), found)
    while len(_kept) > _MOST_KEPT:
        _kept.pop(next(iter(_kept)))
    return found


def now_of(campaign: Campaign) -> Spent:
    """The same, from the rows as they are. Carriers' fees come on top of the provider's prices."""
    table = rates.of(campaign.account)
    amount, messages, priced = Decimal(0), 0, 0
    for email, pictures, unpriced, segments, known, dollars, known_segments in sql.rows(
        _SQL, [campaign.lane_id]
    ):
        messages, priced = messages + unpriced + known, priced + known
        if email:
            amount += rates.emails(table, unpriced)
        elif pictures:
            amount += rates.pictures(table, unpriced) + dollars + known * table.carrier_fee_mms
        else:
            amount += rates.texts(table, int(segments)) + dollars + int(known_segments) * table.carrier_fee
    return Spent(amount, messages, priced)
