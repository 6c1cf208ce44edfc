"""What happened on a call, put together from the ledger: for judges and for the pages."""

import json
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange

# As in the index `ledger_calls` of the store.
KINDS = (
    "'heard','digits','gathered','bridge','voicemail','call_error',"
    "'call_status','detected','recording','dtmf'"
)
SHOWN = ("by", "words", "digits", "status", "seconds", "answered_by", "tape", "whole", "change", "phones",
         "other", "code", "message", "url", "recording", "source")  # fmt: skip


def told(exchange: "Exchange", row: sqlite3.Row) -> dict[str, Any]:
    """One leg: who, when, what was said to it (`heard`), keys, bridges, errors, in order."""
    sid = exchange.sid(row["n"])
    entries = exchange.world.store.read(
        f"SELECT at, wall, kind, data FROM ledger WHERE kind IN ({KINDS})"
        " AND json_extract(data, '$.sid') = ? ORDER BY id",
        (sid,),
    )
    events = []
    for entry in entries:
        data = json.loads(entry["data"])
        facts = {key: data[key] for key in SHOWN if key in data}
        events.append({"kind": entry["kind"], "at": entry["at"], "wall": entry["wall"], **facts})
    leg = exchange.live.get(sid)
    return {
        "sid": sid,
        "parent": exchange.sid(row["parent"]) if row["parent"] else "",
        "direction": row["direction"],
        "from": row["sender"],
        "to": row["recipient"],
        "status": row["status"],
        "answered_by": row["answered_by"] or "",
        "created": row["created"],
        "answered": row["answered"],
        "ended": row["ended"],
        "seconds": row["seconds"],
        "live": leg is not None,
        "by_hand": leg is not None and leg.conduct.by_hand,
        "heard": [one["words"] for one in events if one["kind"] == "heard"],
        "digits": "".join(one["digits"] for one in events if one["kind"] == "digits"),
        "events": events,
    }


def calls(exchange: "Exchange", phone: str = "", after: int = 0, limit: int = 200) -> list[sqlite3.Row]:
    """The newest legs, of one phone or of all, newest first."""
    return exchange.world.store.read(
        "SELECT * FROM calls WHERE n > ? AND (? = '' OR recipient = ? OR sender = ?) ORDER BY n DESC LIMIT ?",
        (after, phone, phone, phone, limit),
    )
