"""ServiceTitan's capacity: which arrival windows a business unit still has technicians for.

Windows of two hours, Monday to Friday from 8 to 18 and Saturday until 14, in the company's zone; every visit
on the board takes its hours off the window it lies in. One technician more than the demo's appointments need
works per unit, so that windows fill up and some are full.
"""

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from sandbox.clock import instant, iso
from sandbox.servicetitan_api import problem
from sandbox.servicetitan_writes import body_of
from sandbox.world import World

WINDOW = timedelta(hours=2)
TECHNICIANS = 2
LONGEST = timedelta(days=31)
ZONE = ZoneInfo("America/Chicago")


class Capacity:
    """Handler of `POST /dispatch/v2/tenant/{tenant}/capacity`, which reads although it is posted."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def availabilities(self, request: web.Request) -> web.StreamResponse:
        """Availabilities inside the asked time frame."""
        wish = await body_of(request)
        try:
            first, last = instant(wish["startsOnOrAfter"]), instant(wish["endsOnOrBefore"])
        except (KeyError, ValueError, AttributeError, TypeError):
            errors = {"startsOnOrAfter": ["startsOnOrAfter and endsOnOrBefore are required dates."]}
            return problem(400, "One or more validation errors occurred.", errors)
        if not isinstance(wish.get("skillBasedAvailability"), bool) or last - first > LONGEST or last < first:
            errors = {"endsOnOrBefore": ["The time frame or skillBasedAvailability is not valid."]}
            return problem(400, "One or more validation errors occurred.", errors)
        units = [unit for unit in wish.get("businessUnitIds") or [] if isinstance(unit, int)]
        busy = self._busy(units, first, last)
        rows = [self._row(begins, busy, units) for begins in windows(first, last)]
        return web.json_response({"timeStamp": iso(self.world.clock.now()), "availabilities": rows})

    def _busy(self, units: list[int], first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
        """Visits on the board in the time frame, of these units' jobs or of all."""
        found = self.world.store.read(
            "SELECT a.data AS visit, j.data AS job FROM st_rows a"
            " JOIN st_rows j ON j.entity = 'jobs' AND j.id = json_extract(a.data, '$.jobId')"
            " WHERE a.entity = 'appointments' AND a.active = 1"
            " AND json_extract(a.data, '$.status') = 'Scheduled'"
            " AND json_extract(a.data, '$.start') < ? AND json_extract(a.data, '$.end') > ?",
            (iso(last), iso(first)),
        )
        visits = [(json.loads(row["visit"]), json.loads(row["job"])) for row in found]
        return [
            (instant(visit["start"]), instant(visit["end"]))
            for visit, job in visits
            if not units or job.get("businessUnitId") in units
        ]

    def _row(
        self, begins: datetime, busy: list[tuple[datetime, datetime]], units: list[int]
    ) -> dict[str, Any]:
        ends = begins + WINDOW
        taken = sum(
            max((min(ends, until) - max(begins, since)).total_seconds(), 0) / 3600 for since, until in busy
        )
        total = TECHNICIANS * WINDOW.total_seconds() / 3600
        left = max(total - taken, 0.0)
        return {
            "start": begins.astimezone(ZONE).replace(tzinfo=None).isoformat()
            + "Z",  # company time, as theirs
            "end": ends.astimezone(ZONE).replace(tzinfo=None).isoformat() + "Z",
            "startUtc": iso(begins),
            "endUtc": iso(ends),
            "businessUnitIds": units,
            "totalAvailability": total,
            "openAvailability": left,
            "technicians": [],
            "isAvailable": left >= 1.0,
            "isExceedingIdealBookingPercentage": left < total / 4,
        }


def windows(first: datetime, last: datetime) -> list[datetime]:
    """The beginnings of the windows that lie wholly between two instants."""
    found, day = [], first.astimezone(ZONE).date()
    while day <= last.astimezone(ZONE).date():
        closes = {5: 14, 6: 0}.get(day.weekday(), 18)
        for hour in range(8, closes, 2):
            begins = datetime.combine(day, time(hour), tzinfo=ZONE)
            if first <= begins and begins + WINDOW <= last:
                found.append(begins)
        day += timedelta(days=1)
    return found
