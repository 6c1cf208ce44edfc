"""The ServiceTitan tenant's state: rows with a change sequence, and an office that works on bookings.

Every change gives its row the next sequence number of the tenant, so an export token (a sequence number)
stays valid for ever and no row is lost between pages while rows change: it only moves further down.
"""

import json
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.clock import instant, iso
from sandbox.office import Office
from sandbox.servicetitan_rows import (
    BOOKING_FIELDS,
    Row,
    appointment_row,
    assignment_row,
    contact_row,
    customer_row,
    job_row,
    location_row,
)
from sandbox.store import compact

if TYPE_CHECKING:
    from sandbox.world import World

ACCEPT_SECONDS = 90.0
CONVERT_SECONDS = 150.0
FIRST_IDS = {
    "customers": 7_000_001,
    "locations": 7_500_001,
    "contacts": 8_000_001,
    "jobs": 9_000_001,
    "appointments": 9_500_001,
    "appointment-assignments": 9_600_001,
    "bookings": 6_000_001,
    "invoices": 9_800_001,
    "estimates": 5_000_001,
    "memberships": 5_500_001,
    "calls": 4_000_001,
}


NEVER_MODIFIED = {"job-canceled-logs"}  # written once; its description has no modifiedOn


class ServiceTitan:
    """Reads and writes the tenant. All instants of rows are the wall clock's."""

    def __init__(self, world: "World") -> None:
        self.world = world
        row = world.store.read("SELECT COALESCE(MAX(seq), 0) AS seq FROM st_rows")[0]
        self._seq: int = row["seq"]
        self._next: dict[str, int] = {}
        world.schedule.handlers["booking"] = self._booking_moves
        self.office = Office(self)
        self.office.open()

    def new_id(self, entity: str) -> int:
        """The next id of an entity."""
        if entity not in self._next:
            row = self.world.store.read("SELECT MAX(id) AS top FROM st_rows WHERE entity = ?", (entity,))[0]
            self._next[entity] = (row["top"] or FIRST_IDS.get(entity, 1_001) - 1) + 1
        self._next[entity] += 1
        return self._next[entity] - 1

    def put(self, entity: str, row: Row, *, settled: bool = False) -> Row:
        """Insert or replace a row. `settled` (seeding) keeps its modifiedOn and is no recent change."""
        self._seq += 1
        if not settled and entity not in NEVER_MODIFIED:
            row["modifiedOn"] = iso(self.world.clock.now())
        self.world.store.write(
            "INSERT OR REPLACE INTO st_rows (entity, id, seq, changed_at, modified, active, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                entity,
                row["id"],
                self._seq,
                0.0 if settled else self.world.clock.real(),
                row.get("modifiedOn", ""),
                int(row.get("active", True)),
                compact(row),
            ),
        )
        if entity == "contacts":
            self._know(row)
        if not settled:
            self.world.hints.tell(entity, row)
        return row

    def _know(self, contact: Row) -> None:
        customer = self.get("customers", contact["customerId"])
        phone = contact["phoneSettings"]["phoneNumber"]
        if not customer or not phone:
            return
        # People answer to the memo's name ("Dana, spouse") where there is one, else to the customer's.
        name = (contact.get("memo") or "").split(",")[0].strip() or customer["name"]
        self.world.store.write(
            "INSERT OR REPLACE INTO people (contact_id, phone, name, city, customer_id)"
            " VALUES (?, ?, ?, ?, ?)",
            (contact["id"], phone, name, customer["address"]["city"], customer["id"]),
        )

    def get(self, entity: str, row_id: int) -> Row | None:
        """One row, inactive ones included."""
        rows = self.world.store.read("SELECT data FROM st_rows WHERE entity = ? AND id = ?", (entity, row_id))
        return json.loads(rows[0]["data"]) if rows else None

    def find(self, entity: str, field: str, value: Any) -> list[Row]:
        """Rows whose top-level field equals a value."""
        rows = self.world.store.read(
            f"SELECT data FROM st_rows WHERE entity = ? AND json_extract(data, '$.{field}') = ? ORDER BY id",
            (entity, value),
        )
        return [json.loads(row["data"]) for row in rows]

    # --- bookings --------------------------------------------------------------------------------

    def book(self, provider: int, wish: Row) -> Row:
        """Store a booking as New; the office takes it up soon."""
        now = iso(self.world.clock.now())
        kept = {key: wish.get(key) for key in BOOKING_FIELDS}
        booking: Row = {
            "id": self.new_id("bookings"),
            **kept,
            "start": wish.get("start") or now,
            "uploadedImages": wish.get("uploadedImages") or [],
            "status": "New",
            "dismissingReasonId": None,
            "jobId": None,
            "bookingProviderId": provider,
            "createdOn": now,
            "modifiedOn": now,
            "active": True,
        }
        self.put("bookings", booking)
        self.world.store.put(f"booking_wish:{booking['id']}", wish)
        self.world.ledger.append(
            "booking", booking=booking["id"], external_id=booking["externalId"], status="New"
        )
        self._later(booking["id"], "Accepted", ACCEPT_SECONDS)
        return booking

    def _later(self, booking_id: int, status: str, seconds: float) -> None:
        due = self.world.clock.real() + seconds / self.world.speed
        self.world.schedule.add(due, "booking", {"id": booking_id, "status": status})

    def _booking_moves(self, timer_id: int, data: dict[str, Any]) -> None:
        self.world.schedule.done(timer_id)
        booking = self.get("bookings", data["id"])
        if booking is None or booking["status"] in ("Converted", "Dismissed"):
            return
        rng = random.Random(f"{self.world.seed}:booking:{booking['externalId']}")
        status = data["status"]
        if status == "Converted" and rng.random() < self.world.faults.now["servicetitan"]["dismiss"]:
            status = "Dismissed"
            booking["dismissingReasonId"] = 1001
        booking["status"] = status
        if status == "Accepted":
            self._later(booking["id"], "Converted", CONVERT_SECONDS)
        if status == "Converted":
            booking["jobId"] = self._job_of(booking)["id"]
        self.put("bookings", booking)
        self.world.ledger.append(
            "booking",
            booking=booking["id"],
            external_id=booking["externalId"],
            status=status,
            job=booking["jobId"],
        )

    def _job_of(self, booking: Row) -> Row:
        wish: Row = self.world.store.get(f"booking_wish:{booking['id']}", {})
        customer = self._customer_of(booking, wish.get("contacts") or [])
        locations = self.find("locations", "customerId", customer["id"])
        start = instant(wish["start"]) if wish.get("start") else self._next_morning()
        types = self.world.store.read("SELECT id FROM st_rows WHERE entity = 'job-types' ORDER BY id LIMIT 1")
        job_type = booking["jobTypeId"] or (types[0]["id"] if types else 1)
        units = self.world.store.read(
            "SELECT id FROM st_rows WHERE entity = 'business-units' ORDER BY id LIMIT 1"
        )
        # The office enters what brought a booking in; the demo company's last source is “Outreach”.
        sources = self.world.store.read(
            "SELECT id FROM st_rows WHERE entity = 'campaigns' ORDER BY id DESC LIMIT 1"
        )
        return self.create_job(
            {
                "customerId": customer["id"],
                "locationId": locations[0]["id"] if locations else 0,
                "businessUnitId": booking["businessUnitId"] or (units[0]["id"] if units else 1),
                "jobTypeId": job_type,
                "priority": booking["priority"] or "Normal",
                "campaignId": booking["campaignId"] or (sources[0]["id"] if sources else 1),
                "summary": booking["summary"],
                "bookingId": booking["id"],
                "appointments": [{"start": iso(start), "end": iso(start + timedelta(hours=2))}],
            }
        )

    def _customer_of(self, booking: Row, contacts: list[Row]) -> Row:
        for contact in contacts:
            digits = "".join(c for c in str(contact.get("value", "")) if c.isdigit())[-10:]
            people = self.world.store.read("SELECT customer_id FROM people WHERE phone = ?", (f"+1{digits}",))
            if len(digits) == 10 and people:
                known = self.get("customers", people[0]["customer_id"])
                if known:
                    return known
        blank = {"street": "", "unit": None, "city": "", "state": "IL", "zip": "", "country": "USA"}
        address = booking["address"] or blank
        customer = self.put(
            "customers", customer_row(self.new_id("customers"), booking["name"], address, "Residential")
        )
        self.put("locations", location_row(self.new_id("locations"), customer))
        for contact in contacts:
            self.put(
                "contacts",
                contact_row(self.new_id("contacts"), customer["id"], contact["type"], contact["value"]),
            )
        return customer

    def _next_morning(self) -> datetime:
        day = self.world.clock.now() + timedelta(days=1)
        while day.weekday() > 4:
            day += timedelta(days=1)
        return day.replace(hour=15, minute=0, second=0, microsecond=0)

    def create_job(self, wish: Row, *, settled: bool = False) -> Row:
        """A job with its appointments, as the office or `POST jobs` makes it."""
        job_id, now = self.new_id("jobs"), iso(self.world.clock.now())
        appointments = []
        for number, slot in enumerate(wish.get("appointments") or [], start=1):
            appointments.append(
                appointment_row(self.new_id("appointments"), job_id, wish["customerId"], slot, number)
            )
        job = job_row(job_id, wish, now, [a["id"] for a in appointments])
        self.put("jobs", job, settled=settled)
        for appointment in appointments:
            appointment["createdOn"] = appointment["modifiedOn"] = now
            self.put("appointments", appointment, settled=settled)
            self.assign(appointment, now, settled=settled)
        if appointments and not settled:
            self.office.expect(job, appointments[-1]["start"])
        return job

    def assign(self, appointment: Row, stamp: str, *, settled: bool = False) -> Row:
        """Put a technician on a visit."""
        row = assignment_row(self.new_id("appointment-assignments"), appointment, stamp)
        return self.put("appointment-assignments", row, settled=settled)

    def keep_external(self, job_id: int, wish: Row) -> list[Row]:
        """Keep an application's data on a job, to be found again by application, key and value."""
        kept: list[Row] = [
            {"key": datum["key"], "value": datum["value"]} for datum in wish.get("externalData") or []
        ]
        for datum in kept:
            known = self.jobs_of_external(wish["applicationGuid"], datum["key"], [datum["value"]])
            name = f"external:{wish['applicationGuid']}:{datum['key']}:{datum['value']}"
            self.world.store.put(name, [*known, job_id])
        job = self.get("jobs", job_id)
        if kept and job is not None:
            self.put("jobs", {**job, "externalData": kept})
        return kept

    def jobs_of_external(self, guid: str, key: str, values: list[str]) -> list[int]:
        """Ids of the jobs on which this application keeps one of these values under this key."""
        names = [f"external:{guid}:{key}:{value}" for value in values]
        return [job_id for name in names for job_id in self.world.store.get(name, [])]
