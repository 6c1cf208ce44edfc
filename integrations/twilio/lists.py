"""Twilio's lists of texts, read by the synchronous client: what became of ours, what came, what it cost."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrations.messaging import InboundText, ListedText
from integrations.twilio import webhooks
from integrations.twilio.client import TwilioAccess, asking, receipt_of, sdk_of


def list_texts(access: TwilioAccess, *, to: str, created_after: datetime) -> list[ListedText]:
    """Outbound texts to `to` created at or after `created_after`, newest first as Twilio lists them.

    For adopting sends whose answer was lost. Filters by `To` alone: the sender may be a pool's, and
    Twilio's date filter looks at the sent date, which hides what is still queued. Reads on until a
    whole page is older. Raises ProviderError.
    """
    found: list[ListedText] = []
    with asking() as http:
        page = sdk_of(access, http).messages.page(to=to, page_size=1000)
        while page is not None:
            rows = [row for row in page if str(row.direction).startswith("outbound")]
            recent = [row for row in rows if created_at(row) >= created_after]
            found += [_listed(row) for row in recent]
            page = page.next_page() if recent or not rows else None
    return found


def list_received(access: TwilioAccess, *, to: str, created_after: datetime) -> list[InboundText]:
    """Texts people sent to our number `to`, created at or after `created_after`, newest first.

    For what its webhook could not deliver. Reads on until a whole page is older. Raises ProviderError.
    """
    found: list[InboundText] = []
    with asking() as http:
        page = sdk_of(access, http).messages.page(to=to, page_size=1000)
        while page is not None:
            rows = [row for row in page if str(row.direction) == "inbound"]
            recent = [row for row in rows if created_at(row) >= created_after]
            found += [_received(row, _media_of(row, access)) for row in recent]
            page = page.next_page() if recent or not rows else None
    return found


@dataclass(frozen=True, slots=True)
class PricedText:
    """What a sent text cost: a negative amount is money spent, as Twilio writes it."""

    provider_id: str
    price: Decimal
    unit: str


def list_prices(
    access: TwilioAccess, *, from_: str, created_after: datetime, created_before: datetime
) -> list[PricedText]:
    """Prices of texts sent from a number of ours and created in that span, of those that have one yet.

    Twilio filters by the day of sending: pages are read until one is older. Raises ProviderError.
    """
    found: list[PricedText] = []
    with asking() as http:
        page = sdk_of(access, http).messages.page(
            from_=from_, page_size=1000, date_sent_after=created_after - timedelta(days=1),
            date_sent_before=created_before + timedelta(days=2),
        )  # fmt: skip
        while page is not None:
            rows = list(page)
            found += [
                PricedText(str(row.sid), Decimal(str(row.price)), str(row.price_unit or "USD").upper())
                for row in rows
                if row.price is not None and created_after <= created_at(row) < created_before
            ]
            older = bool(rows) and created_at(rows[-1]) < created_after
            page = page.next_page() if rows and not older else None
    return found


def _listed(row: Any) -> ListedText:
    return ListedText(
        receipt=receipt_of(row),
        to=str(row.to),
        from_=str(row.from_ or ""),
        body=str(row.body or ""),
        created_at=created_at(row),
        code=str(row.error_code or ""),
    )


def _received(row: Any, media: list[tuple[str, str]]) -> InboundText:
    sid, to, from_, body = str(row.sid), str(row.to), str(row.from_ or ""), str(row.body or "")
    raw = {"MessageSid": sid, "To": to, "From": from_, "Body": body}
    return InboundText(
        provider_id=sid, to=to, from_=from_, body=body, raw=raw,
        media=tuple(url for url, _ in media), media_types=tuple(kind for _, kind in media),
    )  # fmt: skip


def _media_of(row: Any, access: TwilioAccess) -> list[tuple[str, str]]:
    """(address, type) of what came with a listed text. One request more where something did."""
    if not int(row.num_media or 0):
        return []
    listed = row.media.list(limit=webhooks.MOST_MEDIA)
    return [
        (f"{access.base_url}{str(one.uri).removesuffix('.json')}", str(one.content_type)) for one in listed
    ]


def created_at(row: Any) -> datetime:
    """When the provider made what this row is of. Raises ValueError where it does not say."""
    created = row.date_created
    if not isinstance(created, datetime):
        raise ValueError(f"{row.sid} has no creation date")
    return created if created.tzinfo else created.replace(tzinfo=UTC)
