"""The append-only ledger: what the sandbox really accepted, refused, delivered and was told.

It is the judge of fault tests: it never trusts the product. `python -m sandbox.ledger DIR` prints a summary.
Kinds: message, refusal, dropped, callback, inbound, provider_reply, twiml, mail, mail_fates, mail_news,
mail_inbound, mail_act, token, st_refusal, booking, st_write, optout, job, invoice; of calls: call,
call_refusal, call_dropped, call_update, leg, call_status, call_callback, call_twiml, call_error, heard,
digits, gathered, dtmf, bridge, detected, recording, voicemail.
"""

import argparse
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Store, compact

DATABASE_NAME = "sandbox.sqlite3"
PAGE_LIMIT = 10_000


class Ledger:
    """Appends and reads entries; an entry is committed together with the fact that it records."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def append(self, kind: str, **fields: Any) -> None:
        """Add one entry. `at` is real time (never stepping back), `wall` the shared movable clock."""
        self._store.write(
            "INSERT INTO ledger (at, wall, kind, data) VALUES (?, ?, ?, ?)",
            (self._clock.real(), self._clock.wall(), kind, compact(fields)),
        )

    def page(
        self, kind: str = "", after: int = 0, limit: int = PAGE_LIMIT, to: str = ""
    ) -> list[dict[str, Any]]:
        """Up to `limit` entries with an id above `after`, oldest first, of one kind or of all."""
        where, params = ["id > ?"], [after]
        if kind:
            where.append("kind = ?")
            params.append(kind)  # type: ignore[arg-type]
        if to:
            where.append("json_extract(data, '$.to') = ?")
            params.append(to)  # type: ignore[arg-type]
        rows = self._store.read(
            f"SELECT * FROM ledger WHERE {' AND '.join(where)} ORDER BY id LIMIT ?",
            (*params, min(limit, PAGE_LIMIT)),
        )
        return [_entry(row) for row in rows]

    def newest(self, limit: int = 100, kind: str = "") -> list[dict[str, Any]]:
        """The latest entries, newest first."""
        rows = self._store.read(
            "SELECT * FROM ledger WHERE ? IN ('', kind) ORDER BY id DESC LIMIT ?", (kind, limit)
        )
        return [_entry(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many entries each kind has."""
        return dict(self._store.read("SELECT kind, COUNT(*) FROM ledger GROUP BY kind ORDER BY kind"))  # type: ignore[arg-type]


def _entry(row: sqlite3.Row) -> dict[str, Any]:
    fields = json.loads(row["data"])
    return {"id": row["id"], "at": row["at"], "wall": row["wall"], "kind": row["kind"], **fields}


def summary(path: Path) -> dict[str, Any]:
    """Counts per kind, and the facts a fault test asks for first, read from a data folder."""
    db = sqlite3.connect(f"file:{path / DATABASE_NAME}?mode=ro", uri=True)
    kinds = dict(db.execute("SELECT kind, COUNT(*) FROM ledger GROUP BY kind"))
    rows = [json.loads(data) for (data,) in db.execute("SELECT data FROM ledger WHERE kind = 'message'")]
    attempts = Counter(row["attempt"] for row in rows if row["attempt"])
    pairs = Counter((row["to"], row["body"]) for row in rows)
    refusals = db.execute(
        "SELECT json_extract(data, '$.code'), COUNT(*) FROM ledger WHERE kind = 'refusal' GROUP BY 1"
    )
    intents = db.execute(
        "SELECT json_extract(data, '$.intent'), COUNT(*) FROM ledger WHERE kind = 'inbound' GROUP BY 1"
    )
    calls = db.execute("SELECT json_extract(data, '$.attempt') FROM ledger WHERE kind = 'call'")
    call_attempts = Counter(attempt for (attempt,) in calls if attempt)
    return {
        "kinds": kinds,
        "calls_with_a_repeated_attempt": sum(n - 1 for n in call_attempts.values() if n > 1),
        "messages_with_a_repeated_attempt": sum(n - 1 for n in attempts.values() if n > 1),
        "messages_with_the_same_recipient_and_body": sum(n - 1 for n in pairs.values() if n > 1),
        "refusals": {str(code): n for code, n in refusals},
        "intents": {str(intent): n for intent, n in intents},
    }


def main() -> None:
    """Print the summary of a data folder as JSON."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.ledger", description=main.__doc__)
    parser.add_argument("data", type=Path, help="the sandbox's data folder")
    print(json.dumps(summary(parser.parse_args().data), indent=2))


if __name__ == "__main__":
    main()
