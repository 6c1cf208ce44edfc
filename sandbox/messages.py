"""A stored message as Twilio's Message resource."""

import sqlite3
from typing import TYPE_CHECKING, Any

from sandbox.clock import rfc2822

if TYPE_CHECKING:
    from sandbox.world import World

API = "/2010-04-01/Accounts"
PRICE_PER_SEGMENT = 0.0079


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
        "num_media": "0",
        "num_segments": "0" if pooled else str(row["segments"]),
        "price": f"-{PRICE_PER_SEGMENT * row['segments']:.5f}" if final else None,
        "price_unit": "USD",
        "sid": sid,
        "status": row["status"],
        "subresource_uris": {"media": f"{API}/{account}/Messages/{sid}/Media.json"},
        "to": row["recipient"],
        "uri": uri,
    }
