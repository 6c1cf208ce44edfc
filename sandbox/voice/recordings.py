"""Recordings: rows, silence of the right length as media, and the news that they are ready."""

import io
import sqlite3
import wave
from typing import TYPE_CHECKING, Any

from sandbox.clock import rfc2822
from sandbox.messages import API
from sandbox.voice.leg import Leg

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange

RATE = 8000
MOST_SECONDS = 120  # of media; the row may name more
_MP3_FRAME = b"\xff\xfb\x10\xc4" + b"\0" * 100  # 26 ms of nothing: MPEG-1 layer III, 32 kbit/s, 44.1 kHz
_MP3_FRAME_SECONDS = 1152 / 44_100
EVENTS = ("in-progress", "completed", "absent")


class Recordings:
    """What was recorded, by call."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange

    def sid(self, n: int) -> str:
        """The public id of recording `n`."""
        return self.exchange.world.traffic.sid(n, "RE")

    def begin(
        self, leg: Leg, source: str, *, callback: str, method: str, events: list[str], channels: int
    ) -> int:
        """Start one; it ends with `finish`, at the latest with the leg."""
        world = self.exchange.world
        n = world.store.write(
            "INSERT INTO recordings (call, source, channels, status, started, callback, method, events)"
            " VALUES (?, ?, ?, 'in-progress', ?, ?, ?, ?)",
            (
                leg.n,
                source,
                channels,
                world.clock.wall(),
                callback,
                method,
                " ".join(events or ["completed"]),
            ),
        ).lastrowid
        assert n is not None
        leg.recordings[n] = leg.seconds
        self._tell(leg, n, "in-progress")
        return n

    def finish(self, leg: Leg, n: int) -> None:
        """End one, if it still goes on."""
        began = leg.recordings.pop(n, None)
        if began is None:
            return
        whole = max(1, round(leg.seconds - began))
        self.exchange.world.store.write(
            "UPDATE recordings SET status = 'completed', seconds = ? WHERE n = ?", (whole, n)
        )
        facts = {"recording": self.sid(n), "source": self.row(n)["source"], "seconds": whole}
        self.exchange.note("recording", leg, **facts)
        self._tell(leg, n, "completed")

    def _tell(self, leg: Leg, n: int, event: str) -> None:
        row = self.row(n)
        if not row["callback"] or event not in row["events"].split():
            return
        fields = [
            ("AccountSid", self.exchange.world.credentials["account_sid"]),
            ("CallSid", leg.sid),
            ("RecordingSid", self.sid(n)),
            ("RecordingUrl", self.url(n)),
            ("RecordingStatus", event),
            ("RecordingDuration", str(row["seconds"] or 0)),
            ("RecordingChannels", str(row["channels"])),
            ("RecordingStartTime", str(rfc2822(row["started"]))),
            ("RecordingSource", row["source"]),
            ("RecordingTrack", "both"),
        ]
        facts = {"sid": leg.sid, "to": leg.to, "phone": leg.phone, "status": f"recording {event}"}
        self.exchange.news.plan(row["callback"], fields, facts, method=row["method"], event="recording")

    def url(self, n: int) -> str:
        """Where its media is, without an ending."""
        world = self.exchange.world
        return f"{world.base_url}{API}/{world.credentials['account_sid']}/Recordings/{self.sid(n)}"

    def fields(self, n: int) -> list[tuple[str, str]]:
        """How a request about a call names a finished recording."""
        row = self.row(n)
        return [
            ("RecordingUrl", self.url(n)),
            ("RecordingSid", self.sid(n)),
            ("RecordingDuration", str(row["seconds"] or 0)),
        ]

    def of_call(self, leg: Leg) -> list[tuple[str, str]]:
        """The same for the recording that `Record=true` made of a whole call."""
        rows = self.exchange.world.store.read(
            "SELECT n FROM recordings WHERE call = ? AND source = 'OutboundAPI'", (leg.n,)
        )
        return self.fields(rows[-1]["n"]) if rows else []

    # --- reading ---------------------------------------------------------------------------------

    def row(self, n: int) -> sqlite3.Row:
        """The stored recording."""
        return self.exchange.world.store.read("SELECT * FROM recordings WHERE n = ?", (n,))[0]

    def find(self, sid: str) -> sqlite3.Row | None:
        """The stored recording of an id."""
        world = self.exchange.world
        if sid[:18] != f"RE{world.traffic.prefix}":
            return None
        try:
            rows = world.store.read("SELECT * FROM recordings WHERE n = ?", (int(sid[18:], 16),))
        except ValueError:
            return None
        return rows[0] if rows else None

    def delete(self, n: int) -> None:
        """Forget one."""
        self.exchange.world.store.write("DELETE FROM recordings WHERE n = ?", (n,))

    def resource(self, row: sqlite3.Row) -> dict[str, Any]:
        """A recording as Twilio's Recording resource."""
        account, sid = self.exchange.world.credentials["account_sid"], self.sid(row["n"])
        call = self.exchange.sid(row["call"])
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "call_sid": call,
            "channels": row["channels"],
            "conference_sid": None,
            "date_created": rfc2822(row["started"]),
            "date_updated": rfc2822(row["started"]),
            "duration": None if row["seconds"] is None else str(row["seconds"]),
            "encryption_details": None,
            "error_code": None,
            "price": None,
            "price_unit": "USD",
            "sid": sid,
            "source": row["source"],
            "start_time": rfc2822(row["started"]),
            "status": row["status"],
            "track": "both",
            "uri": f"{API}/{account}/Calls/{call}/Recordings/{sid}.json",
        }


def wav(seconds: int) -> bytes:
    """Silence, 8 kHz mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"\0\0" * RATE * min(seconds, MOST_SECONDS))
    return file.getvalue()


def mp3(seconds: int) -> bytes:
    """Silence in frames of 26 ms."""
    return _MP3_FRAME * max(1, round(min(seconds, MOST_SECONDS) / _MP3_FRAME_SECONDS))
