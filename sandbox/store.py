"""Durable state: one SQLite file in WAL mode, written by one process, committed in groups.

A write lands in the open transaction at once and the commit follows a few milliseconds later, shared by
everybody who wrote meanwhile. Handlers answer after `await store.committed()`, so whatever a client was
told survives `kill -9` (WAL without fsync per commit survives the death of the process, not of the machine).
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COMMIT_DELAY_SECONDS = 0.003

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    n INTEGER PRIMARY KEY AUTOINCREMENT, prefix TEXT NOT NULL, direction TEXT NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
    error INTEGER, segments INTEGER NOT NULL, callback TEXT NOT NULL DEFAULT '', service TEXT,
    created REAL NOT NULL, updated REAL NOT NULL, sent REAL, intent TEXT, plan TEXT);
CREATE INDEX IF NOT EXISTS messages_recipient ON messages (recipient, n);
CREATE INDEX IF NOT EXISTS messages_sender ON messages (sender, n);
CREATE INDEX IF NOT EXISTS messages_unfinished ON messages (n) WHERE plan IS NOT NULL;
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, wall REAL NOT NULL, kind TEXT NOT NULL,
    data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ledger_kind ON ledger (kind, id);
CREATE INDEX IF NOT EXISTS ledger_calls ON ledger (json_extract(data, '$.sid')) WHERE kind IN
    ('heard','digits','gathered','bridge','voicemail','call_error','call_status','detected','recording','dtmf');
CREATE TABLE IF NOT EXISTS optouts (sender TEXT, phone TEXT, at REAL, PRIMARY KEY (sender, phone));
CREATE TABLE IF NOT EXISTS customers (phone TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (
    contact_id INTEGER PRIMARY KEY, phone TEXT, name TEXT, city TEXT, customer_id INTEGER);
CREATE INDEX IF NOT EXISTS people_phone ON people (phone);
CREATE TABLE IF NOT EXISTS st_rows (
    entity TEXT, id INTEGER, seq INTEGER NOT NULL, changed_at REAL NOT NULL, modified TEXT NOT NULL,
    active INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS st_rows_seq ON st_rows (entity, seq);
CREATE INDEX IF NOT EXISTS st_rows_customer ON st_rows (entity, json_extract(data, '$.customerId'));
CREATE INDEX IF NOT EXISTS st_rows_booking ON st_rows (entity, json_extract(data, '$.bookingId'));
CREATE INDEX IF NOT EXISTS st_rows_external ON st_rows (entity, json_extract(data, '$.externalId'));
CREATE INDEX IF NOT EXISTS st_rows_job ON st_rows (entity, json_extract(data, '$.jobId'));
CREATE INDEX IF NOT EXISTS st_rows_open_visits ON st_rows (json_extract(data, '$.end'))
    WHERE entity = 'appointments' AND active = 1 AND json_extract(data, '$.status') = 'Scheduled';
CREATE TABLE IF NOT EXISTS media (
    n INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL, tries INTEGER NOT NULL,
    PRIMARY KEY (n, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    n INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER, direction TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, started REAL,
    answered REAL, ended REAL, seconds INTEGER, answered_by TEXT, queue_ms INTEGER, sequence INTEGER NOT NULL
    DEFAULT 0, wish TEXT NOT NULL, live INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS calls_recipient ON calls (recipient, n);
CREATE INDEX IF NOT EXISTS calls_live ON calls (n) WHERE live = 1;
CREATE INDEX IF NOT EXISTS calls_parent ON calls (parent) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS recordings (
    n INTEGER PRIMARY KEY AUTOINCREMENT, call INTEGER NOT NULL, source TEXT NOT NULL,
    channels INTEGER NOT NULL, status TEXT NOT NULL, started REAL NOT NULL, seconds INTEGER,
    callback TEXT NOT NULL, method TEXT NOT NULL, events TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS recordings_call ON recordings (call);
CREATE TABLE IF NOT EXISTS phones (phone TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mails (id TEXT PRIMARY KEY, wall REAL NOT NULL, data TEXT NOT NULL);
"""


# One encoder for all rows: json.dumps with separators builds a new one at every call.
compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Store:
    """The sandbox's only database handle; used from the event loop's thread alone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self.db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536", "temp_store=MEMORY"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(SCHEMA)
        self._commit_done: asyncio.Future[None] | None = None
        self._in_transaction = False

    def write(self, sql: str, params: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run one statement in the open transaction, whose commit follows within a few milliseconds.

        Outside an event loop (start-up) the transaction stays open until `commit()`.
        """
        if not self._in_transaction:
            self.db.execute("BEGIN IMMEDIATE")
            self._in_transaction = True
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                pass
            else:
                self._commit_done = loop.create_future()
                loop.call_later(COMMIT_DELAY_SECONDS, self.commit)
        return self.db.execute(sql, tuple(params))

    def read(self, sql: str, params: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query; sees what was written but not yet committed."""
        return self.db.execute(sql, tuple(params)).fetchall()

    async def committed(self) -> None:
        """Return once everything written so far is on disk."""
        if self._in_transaction and self._commit_done is not None:
            await asyncio.shield(self._commit_done)

    def commit(self) -> None:
        """Commit the open transaction now and wake its waiters."""
        if not self._in_transaction:
            return
        self.db.execute("COMMIT")
        self._in_transaction = False
        done, self._commit_done = self._commit_done, None
        if done is not None and not done.done():
            done.set_result(None)

    def get(self, key: str, default: Any = None) -> Any:
        """A JSON value kept under `key`."""
        rows = self.read("SELECT value FROM meta WHERE key = ?", (key,))
        return json.loads(rows[0]["value"]) if rows else default

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value under `key`."""
        self.write("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, json.dumps(value)))

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self.db.close()
