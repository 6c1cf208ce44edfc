"""What a campaign's messages and calls have cost so far: the provider's prices, else the account's rates."""

import time
from dataclasses import dataclass
from decimal import Decimal

from analytics.metrics import Metric
from campaigns.models import Campaign
from common import sql
from conversations.inbound_calls import CREDIT_WINDOW
from integrations import rates
from integrations.models import RateTable

METRICS: dict[str, Metric] = {
    "spent": Metric(
        "spent", "Spent so far", "dollars",
        "What the accepted messages cost: the provider’s price of each where it has named one, else the "
        "account’s rates of Settings, Costs, carriers’ fees included. A text with pictures costs once, "
        "others by the segment. With them, by the rates: the texts that answered them; calls of the campaign "
        "that are over, each phone’s started minutes; and customers’ calls to its number within a week of "
        "its touch.",
        ("accepted",),
    ),
}  # fmt: skip
KEPT_SECONDS = 20.0  # a campaign may have sent a hundred thousand, and its page asks every two seconds
_MOST_KEPT = 200
_kept: dict[int, tuple[float, "Spent"]] = {}


def _minutes(column: str) -> str:
    return f"ceil(greatest({column}, 0) / 60.0)"


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

# What came in for its messages, and its calls: who was called, the customers' own. Minutes are started ones.
_MORE = f"""
    WITH answers AS (
        SELECT EXISTS (SELECT 1 FROM conversations_receivedmedia f WHERE f.message_id = m.id) AS pictures,
            m.segments
        FROM conversations_message o JOIN conversations_message m ON m.replies_to_id = o.id
        WHERE o.lane_id = %(lane)s AND m.number_id IS NOT NULL),
    made AS (
        SELECT k.agent_phone <> '' AS by_agent, k.answered_at IS NOT NULL OR k.answered_by <> '' AS answered,
            greatest(coalesce(k.seconds, extract(epoch FROM k.ended_at - k.answered_at)), 0) AS customers,
            extract(epoch FROM k.ended_at - k.accepted_at) AS agents,
            extract(epoch FROM k.ended_at - k.connected_at) AS transferred, k.recording_seconds AS recorded
        FROM conversations_plannedcall p JOIN conversations_call k ON k.planned_id = p.id
        WHERE p.lane_id = %(lane)s AND k.ended_at IS NOT NULL AND k.accepted_at IS NOT NULL),
    came AS (
        SELECT coalesce(k.seconds, k.recording_seconds, 1) AS lasted,
            extract(epoch FROM k.ended_at - k.connected_at) AS transferred, k.recording_seconds AS recorded
        FROM conversations_call k CROSS JOIN LATERAL (
            SELECT t.lane_id FROM (
                SELECT m.lane_id, m.accepted_at FROM conversations_message m
                WHERE m.address_id = k.address_id AND m.number_id = k.number_id AND m.kind = 'campaign'
                  AND m.accepted_at BETWEEN k.created_at - %(window)s AND k.created_at
                UNION ALL
                SELECT p.lane_id, o.accepted_at FROM conversations_call o
                JOIN conversations_plannedcall p ON p.id = o.planned_id
                WHERE o.address_id = k.address_id AND o.number_id = k.number_id
                  AND o.accepted_at BETWEEN k.created_at - %(window)s AND k.created_at) t
            ORDER BY t.accepted_at DESC LIMIT 1) touch
        WHERE k.account_id = %(account)s AND k.direction = 'in' AND k.ended_at IS NOT NULL
          AND k.created_at >= %(since)s AND touch.lane_id = %(lane)s)
    SELECT (SELECT coalesce(sum(segments) FILTER (WHERE NOT pictures), 0) FROM answers),
        (SELECT count(*) FILTER (WHERE pictures) FROM answers), made.*, came.*
    FROM (SELECT count(*), count(*) FILTER (WHERE answered AND NOT by_agent),
            coalesce(sum({_minutes("customers")}), 0)
            + coalesce(sum({_minutes("agents")}) FILTER (WHERE by_agent), 0)
            + coalesce(sum({_minutes("transferred")}) FILTER (WHERE NOT by_agent), 0),
            coalesce(sum({_minutes("recorded")}), 0) FROM made) AS made,
        (SELECT coalesce(sum({_minutes("lasted")}), 0), coalesce(sum({_minutes("transferred")}), 0),
            coalesce(sum({_minutes("recorded")}), 0) FROM came) AS came
"""


@dataclass(frozen=True)
class Spent:
    """Dollars in all, and of them those of calls; of how many messages the provider itself named the price,
    and how many calls are over."""

    amount: Decimal
    messages: int
    priced: int
    calls: int = 0
    on_calls: Decimal = Decimal(0)

    @property
    def money(self) -> str:
        """“$12.40”."""
        return rates.money(self.amount)

    @property
    def calls_money(self) -> str:
        """What of it calls cost, as money."""
        return rates.money(self.on_calls)

    @property
    def note(self) -> str:
        """Whose prices these are."""
        if not self.messages and not self.calls:
            return "nothing sent yet"
        if self.priced == self.messages and not self.on_calls:
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
    amount, messages, priced = _messages(campaign, table)
    ((segments, pictures, calls, checks, out, recorded, into, put_through, recorded_in),) = sql.rows(
        _MORE,
        {
            "lane": campaign.lane_id, "account": campaign.account_id, "window": CREDIT_WINDOW,
            "since": campaign.launched_at or campaign.created_at,
        },
    )  # fmt: skip
    on_calls = rates.calls(
        table, out=int(out + put_through), into=int(into), checks=checks, recorded=int(recorded + recorded_in)
    )
    amount += on_calls + rates.received(table, int(segments), pictures)
    return Spent(amount, messages, priced, calls, on_calls)


def _messages(campaign: Campaign, table: RateTable) -> tuple[Decimal, int, int]:
    """Dollars of what it sent, how many that were, and of how many the provider named the price."""
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
    return amount, messages, priced
