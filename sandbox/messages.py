"""A stored message as Twilio's Message resource."""

import sqlite3
from typing import TYPE_CHECKING, Any

from sandbox.clock import rfc2822

if TYPE_CHECKING:
    from sandbox.world import World

API = "/2010-04-01/Accounts"
PRICE_PER_SEGMENT = 0.0079
PRICE_PER_MMS = 0.02


def price(world: "World", row: sqlite3.Row) -> str:
    """What a message cost, as Twilio writes it: by segment, or once where something goes with it."""
    cost = PRICE_PER_MMS if world.media.counts.get(row["n"]) else PRICE_PER_SEGMENT * row["segments"]
    return f"-{cost:.5f}"


def resource(world: "World", row: sqlite3.Row) -> dict[str, Any]:
    """The JSON of one message; numbers that Twilio prints as strings are strings here."""
    account = world.credentials["account_sid"]
    sid = world.traffic.sid(row["n"])
    uri = f"{API}/{account}/Messages/{sid}.json"
    pooled = row["service"] is not None and row["status"] == "accepted"
    final = row["status"] in ("sent", "delivered", "undelivered", "received", "read")
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": row["body"],
        "date_created": rfc2822(row["created"]),
        "date_sent": rfc2822(row["sent"]),
        "date_updated": rfc2822(row["updated"]),
        "direction": row["direction"],
        "error_code": row["error"],
        "error_message": None,
        "from": None if pooled else row["sender"],
        "messaging_service_sid": row["service"],
        "num_media": str(world.media.counts.get(row["n"], 0)),
        "num_segments": "0" if pooled else str(row["segments"]),
        "price": price(world, row) if final else None,
        "price_unit": "USD",
        "sid": sid,
        "status": row["status"],
        "subresource_uris": {"media": f"{API}/{account}/Messages/{sid}/Media.json"},
        "to": row["recipient"],
        "uri": uri,
    }
