"""ServiceTitan's writing side: bookings, jobs, notes, tags, contacts. Not idempotent, like the original."""

import json
from typing import Any

from aiohttp import web

from sandbox.clock import instant, iso
from sandbox.office import ACTS
from sandbox.servicetitan import ServiceTitan
from sandbox.servicetitan_api import Handler, problem
from sandbox.servicetitan_rows import contact_row, shown
from sandbox.twilio_api import drop
from sandbox.world import World

PRIORITIES = ("Low", "Normal", "High", "Urgent")
CONTACT_TYPES = ("Phone", "Email", "Fax", "MobilePhone")


class ServiceTitanWrites:
    """Handlers of POST, PATCH, PUT and DELETE."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenant = world.servicetitan

    async def create_booking(self, request: web.Request) -> web.StreamResponse:
        """POST …/booking-provider/{provider}/bookings."""
        wish = await body_of(request)
        errors = booking_errors(wish)
        if errors:
            return problem(400, "One or more validation errors occurred.", errors)
        booking = self.tenant.book(int(request.match_info["provider"]), wish)
        await self.world.store.committed()
        if self.world.faults.hit(self.world.faults.now["servicetitan"]["accept_then_drop"]):
            return drop(request)
        return web.json_response(shown("bookings", booking))

    async def change_booking(self, request: web.Request) -> web.StreamResponse:
        """PATCH …/bookings/{id}."""
        booking = self.tenant.get("bookings", int(request.match_info["id"]))
        if booking is None:
            return problem(404, "Booking is not found.")
        patch = await body_of(request)
        self.tenant.put(
            "bookings", {**booking, **{k: v for k, v in patch.items() if k in booking and k != "id"}}
        )
        await self.world.store.committed()
        return web.json_response(shown("bookings", self.tenant.get("bookings", booking["id"])))

    async def dismiss_booking(self, request: web.Request) -> web.StreamResponse:
        """POST …/bookings/{id}/dismiss."""
        booking = self.tenant.get("bookings", int(request.match_info["id"]))
        if booking is None:
            return problem(404, "Booking is not found.")
        if booking["status"] == "Converted":
            return problem(409, "The booking is already converted.")
        self.tenant.put("bookings", {**booking, "status": "Dismissed", "dismissingReasonId": 1001})
        self.world.ledger.append(
            "booking", booking=booking["id"], external_id=booking["externalId"], status="Dismissed", job=None
        )
        await self.world.store.committed()
        return web.Response(status=200)

    async def create_job(self, request: web.Request) -> web.StreamResponse:
        """POST /jpm/…/jobs; without campaignId 422, as in the field."""
        wish = await body_of(request)
        needed = ("customerId", "locationId", "businessUnitId", "jobTypeId", "priority", "appointments")
        errors = {key: [f"The {key} field is required."] for key in needed if not wish.get(key)}
        if errors:
            return problem(400, "One or more validation errors occurred.", errors)
        if not wish.get("campaignId"):
            return problem(
                422, "Campaign is required.", {"campaignId": ["The campaignId field is required."]}
            )
        if self.tenant.get("customers", wish["customerId"]) is None:
            return problem(404, "Customer is not found.")
        if errors := job_errors(wish, self.tenant):
            return problem(400, "One or more validation errors occurred.", errors)
        job = self.tenant.create_job(wish)
        kept = self.tenant.keep_external(job["id"], wish.get("externalData") or {})
        self.world.ledger.append(
            "st_write",
            what="job",
            id=job["id"],
            customer=job["customerId"],
            external=[datum["value"] for datum in kept],
        )
        await self.world.store.committed()
        if self.world.faults.hit(self.world.faults.now["servicetitan"]["accept_then_drop"]):
            return drop(request)
        return web.json_response(shown("jobs", job))

    async def cancel_job(self, request: web.Request) -> web.StreamResponse:
        """PUT /jpm/…/jobs/{id}/cancel."""
        job = self.tenant.get("jobs", int(request.match_info["id"]))
        if job is None:
            return problem(404, "Job is not found.")
        wish = await body_of(request)
        self.tenant.office.act("cancel", job["id"])
        now = iso(self.world.clock.now())
        self.tenant.put(
            "job-canceled-logs",
            {
                "id": self.tenant.new_id("job-canceled-logs"),
                "jobId": job["id"],
                "reasonId": wish.get("reasonId") or 1001,
                "memo": wish.get("memo"),
                "createdOn": now,
                "createdById": 31,
                "active": True,
            },
        )
        await self.world.store.committed()
        return web.Response(status=200)

    async def reschedule(self, request: web.Request) -> web.StreamResponse:
        """PATCH /jpm/…/appointments/{id}/reschedule."""
        appointment = self.tenant.get("appointments", int(request.match_info["id"]))
        if appointment is None:
            return problem(404, "Appointment is not found.")
        patch = {k: v for k, v in (await body_of(request)).items() if k in appointment and v}
        try:
            patch = {key: iso(instant(value)) for key, value in patch.items()}
        except ValueError:
            return problem(400, "One or more validation errors occurred.", {"start": ["Invalid date."]})
        changed = self.tenant.put("appointments", {**appointment, **patch})
        await self.world.store.committed()
        return web.json_response(changed)

    def add_note(self, entity: str) -> Handler:
        """POST …/{entity}/{id}/notes."""

        async def run(request: web.Request) -> web.StreamResponse:
            row_id, wish = int(request.match_info["id"]), await body_of(request)
            if self.tenant.get(entity, row_id) is None:
                return problem(404, "Object is not found.")
            if not wish.get("text"):
                return problem(400, "One or more validation errors occurred.", {"text": ["Required."]})
            now = iso(self.world.clock.now())
            note = {
                "id": self.tenant.new_id("notes"),
                "text": wish["text"],
                "isPinned": bool(wish.get("pinToTop")),
                "createdById": 31,
                "createdOn": now,
                "modifiedOn": now,
            }
            self.tenant.put("notes", {**note, "of": f"{entity}:{row_id}"})
            self.world.ledger.append("st_write", what="note", of=f"{entity}:{row_id}", text=wish["text"])
            await self.world.store.committed()
            return web.json_response(note)

        return run

    async def tag_customer(self, request: web.Request) -> web.StreamResponse:
        """POST or DELETE /crm/…/customers/{id}/tags/{tag}."""
        customer = self.tenant.get("customers", int(request.match_info["id"]))
        tag = int(request.match_info["tag"])
        if customer is None or self.tenant.get("tag-types", tag) is None:
            return problem(404, "Customer or tag is not found.")
        tags = [kept for kept in customer["tagTypeIds"] if kept != tag]
        if request.method == "POST":
            tags.append(tag)
        self.tenant.put("customers", {**customer, "tagTypeIds": tags})
        self.world.ledger.append(
            "st_write", what="tag", customer=customer["id"], tag=tag, method=request.method
        )
        await self.world.store.committed()
        if request.method == "DELETE":
            return web.Response(status=200)
        return web.json_response({"customerId": customer["id"], "tagTypeIds": tags})

    async def change_customer(self, request: web.Request) -> web.StreamResponse:
        """PATCH /crm/…/customers/{id}: name, address, doNotMail, doNotService."""
        customer = self.tenant.get("customers", int(request.match_info["id"]))
        if customer is None:
            return problem(404, "Customer is not found.")
        patch = await body_of(request)
        allowed = {
            k: v for k, v in patch.items() if k in ("name", "address", "doNotMail", "doNotService", "active")
        }
        changed = self.tenant.put("customers", {**customer, **allowed})
        self.world.ledger.append("st_write", what="customer", customer=customer["id"], fields=sorted(allowed))
        await self.world.store.committed()
        return web.json_response(changed)

    async def add_contact(self, request: web.Request) -> web.StreamResponse:
        """POST /crm/…/customers/{id}/contacts."""
        customer = self.tenant.get("customers", int(request.match_info["id"]))
        wish = await body_of(request)
        if customer is None:
            return problem(404, "Customer is not found.")
        if wish.get("type") not in CONTACT_TYPES or not wish.get("value"):
            return problem(
                400, "One or more validation errors occurred.", {"type": ["type and value are required."]}
            )
        now = iso(self.world.clock.now())
        contact = contact_row(
            self.tenant.new_id("contacts"),
            customer["id"],
            wish["type"],
            wish["value"],
            memo=wish.get("memo"),
            createdOn=now,
        )
        self.tenant.put("contacts", contact)
        await self.world.store.committed()
        visible = shown("contacts", contact)
        del visible["customerId"]
        return web.json_response(visible)

    # --- the office's hand, for tests and the pages ----------------------------------------------

    async def put_row(self, request: web.Request) -> web.StreamResponse:
        """POST /servicetitan/{entity}: change a row by `id` (merged), or add one. Ours alone."""
        entity, patch = request.match_info["entity"], await body_of(request)
        known = self.tenant.get(entity, int(patch["id"])) if "id" in patch else None
        row = self.tenant.put(
            entity, {**(known or {"id": self.tenant.new_id(entity), "active": True}), **patch}
        )
        await self.world.store.committed()
        return web.json_response(row)

    async def office(self, request: web.Request) -> web.StreamResponse:
        """POST /office {"act", "job", "cents"?}: what the office does with jobs some day, now. Ours."""
        wish = await body_of(request)
        if wish.get("act") not in ACTS or not isinstance(wish.get("job", 0), int):
            return web.json_response({"error": f"act is one of {', '.join(ACTS)}; job an id"}, status=400)
        row = self.tenant.office.act(wish["act"], wish.get("job", 0), int(wish.get("cents", 0)))
        await self.world.store.committed()
        return web.json_response(row)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; anything else counts as empty."""
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def booking_errors(wish: dict[str, Any]) -> dict[str, list[str]]:
    """What ServiceTitan would refuse in a booking."""
    errors = {
        key: [f"The {key} field is required."]
        for key in ("source", "name", "summary", "externalId")
        if not isinstance(wish.get(key), str) or not wish[key]
    }
    if not isinstance(wish.get("isFirstTimeClient"), bool):
        errors["isFirstTimeClient"] = ["The isFirstTimeClient field is required."]
    contacts = wish.get("contacts") or []
    if any(c.get("type") not in CONTACT_TYPES or not c.get("value") for c in contacts):
        errors["contacts"] = ["type and value are required."]
    if not wish.get("address") and not contacts:
        errors["address"] = ["An address, or at least one contact, is required."]
    if wish.get("priority") is not None and wish["priority"] not in PRIORITIES:
        errors["priority"] = [f"One of {', '.join(PRIORITIES)}."]
    if wish.get("start"):
        try:
            instant(wish["start"])
        except (ValueError, AttributeError):
            errors["start"] = ["Not a date."]
    return errors


def job_errors(wish: dict[str, Any], tenant: ServiceTitan) -> dict[str, list[str]]:
    """What ServiceTitan would refuse in a job whose required fields are there."""
    errors = {}
    location = tenant.get("locations", wish["locationId"])
    if location is None or location["customerId"] != wish["customerId"]:
        errors["locationId"] = ["The location is none of the customer's."]
    for field, entity in (
        ("businessUnitId", "business-units"),
        ("jobTypeId", "job-types"),
        ("campaignId", "campaigns"),
    ):
        row = tenant.get(entity, wish[field])
        if row is None or not row["active"]:
            errors[field] = ["Not found, or not active."]
    if wish["priority"] not in PRIORITIES:
        errors["priority"] = [f"One of {', '.join(PRIORITIES)}."]
    for slot in wish["appointments"]:
        try:
            if instant(slot["start"]) >= instant(slot["end"]):
                errors["appointments"] = ["An appointment ends after it starts."]
        except (KeyError, ValueError, AttributeError):
            errors["appointments"] = ["start and end are required."]
    return errors
