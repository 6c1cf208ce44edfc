"""ServiceTitan's resources as rows: every field that the specification requires, with plausible defaults."""

from typing import Any

TECHNICIANS = ("Luis Ortega", "Dana Whitlock", "Marcus Bell", "Priya Nair", "Tom Kowalk")
LONG_AGO = "2020-01-01T00:00:00.000000Z"
Row = dict[str, Any]

# Fields that exports have and other answers of the same entity have not.
EXPORT_ONLY: dict[str, tuple[str, ...]] = {
    "jobs": ("active",),
    "contacts": ("active",),
    "bookings": ("active",),
}


def shown(entity: str, row: Row | None) -> Row:
    """A row as every answer but an export shows it."""
    return {key: value for key, value in (row or {}).items() if key not in EXPORT_ONLY.get(entity, ())}


BOOKING_FIELDS = (
    "source",
    "name",
    "address",
    "customerType",
    "campaignId",
    "businessUnitId",
    "isFirstTimeClient",
    "isSendConfirmationEmail",
    "externalId",
    "priority",
    "jobTypeId",
    "summary",
)


def customer_row(row_id: int, name: str, address: Row, kind: str, **more: Any) -> Row:
    """A customer resource; `more` overrides."""
    return {
        "id": row_id,
        "active": True,
        "name": name,
        "type": kind,
        "address": {"unit": None, "country": "USA", "latitude": None, "longitude": None, **address},
        "customFields": [],
        "balance": 0.0,
        "taxExempt": False,
        "tagTypeIds": [],
        "doNotMail": False,
        "doNotService": False,
        "nationalAccount": False,
        "createdOn": LONG_AGO,
        "createdById": 31,
        "modifiedOn": LONG_AGO,
        "mergedToId": None,
        "paymentTermId": None,
        "creditLimit": None,
        "creditLimitBalance": None,
        "externalData": [],
        **more,
    }


def location_row(row_id: int, customer: Row, **more: Any) -> Row:
    """A location at the customer's own address unless `more` says otherwise."""
    return {
        "id": row_id,
        "customerId": customer["id"],
        "active": True,
        "name": customer["name"],
        "address": customer["address"],
        "customFields": [],
        "createdOn": customer["createdOn"],
        "createdById": 31,
        "modifiedOn": customer["modifiedOn"],
        "mergedToId": None,
        "zoneId": None,
        "taxZoneId": None,
        "taxExempt": False,
        "tagTypeIds": [],
        "externalData": [],
        **more,
    }


def contact_row(
    row_id: int, customer_id: int, kind: str, value: str, *, no_text: bool = False, **more: Any
) -> Row:
    """A contact method; `phoneSettings` is an object for mailboxes too, as the specification demands."""
    digits = "".join(c for c in value if c.isdigit())[-10:]
    phone = f"+1{digits}" if kind in ("Phone", "MobilePhone", "Fax") and len(digits) == 10 else ""
    return {
        "id": row_id,
        "customerId": customer_id,
        "type": kind,
        "value": value,
        "memo": None,
        "active": True,
        "phoneSettings": {"phoneNumber": phone, "doNotText": no_text},
        "preferences": None,
        "createdOn": LONG_AGO,
        "modifiedOn": LONG_AGO,
        **more,
    }


def job_row(row_id: int, wish: Row, created: str, appointment_ids: list[int]) -> Row:
    """A job resource, Scheduled, from the fields of a job-create request."""
    return {
        "id": row_id,
        "jobNumber": str(row_id),
        "projectId": None,
        "customerId": wish["customerId"],
        "locationId": wish["locationId"],
        "jobStatus": wish.get("jobStatus", "Scheduled"),
        "completedOn": wish.get("completedOn"),
        "businessUnitId": wish["businessUnitId"],
        "jobTypeId": wish["jobTypeId"],
        "priority": wish.get("priority") or "Normal",
        "campaignId": wish.get("campaignId") or 1,
        "appointmentCount": len(appointment_ids),
        "firstAppointmentId": appointment_ids[0] if appointment_ids else 0,
        "lastAppointmentId": appointment_ids[-1] if appointment_ids else 0,
        "recallForId": wish.get("recallForId"),
        "warrantyId": None,
        "jobGeneratedLeadSource": None,
        "noCharge": bool(wish.get("noCharge")),
        "notificationsEnabled": True,
        "createdOn": created,
        "createdById": 31,
        "modifiedOn": created,
        "tagTypeIds": wish.get("tagTypeIds") or [],
        "leadCallId": wish.get("leadCallId"),
        "partnerLeadCallId": None,
        "bookingId": wish.get("bookingId"),
        "soldById": None,
        "customerPo": "",
        "invoiceId": wish.get("invoiceId") or 0,
        "membershipId": wish.get("membershipId"),
        "total": wish.get("total"),
        "createdFromEstimateId": None,
        "estimateIds": [],
        "equipmentIds": [],
        "isAutoDispatched": False,
        "summary": wish.get("summary"),
        "summaryOfWork": None,
        "customFields": [],
        "externalData": [],
        "active": True,
    }


def appointment_row(row_id: int, job_id: int, customer_id: int, slot: Row, number: int) -> Row:
    """An appointment resource, Scheduled."""
    return {
        "id": row_id,
        "jobId": job_id,
        "appointmentNumber": f"{job_id}-{number}",
        "start": slot["start"],
        "end": slot["end"],
        "arrivalWindowStart": slot.get("arrivalWindowStart") or slot["start"],
        "arrivalWindowEnd": slot.get("arrivalWindowEnd") or slot["end"],
        "status": slot.get("status", "Scheduled"),
        "specialInstructions": slot.get("specialInstructions"),
        "createdOn": LONG_AGO,
        "modifiedOn": LONG_AGO,
        "customerId": customer_id,
        "unused": False,
        "createdById": 31,
        "isConfirmed": False,
        "active": True,
        "appointmentSummaries": [],
    }


def assignment_row(row_id: int, appointment: Row, stamp: str) -> Row:
    """A technician on an appointment: whose turn it is, by the appointment's id."""
    turn = appointment["id"] % len(TECHNICIANS)
    return {
        "id": row_id,
        "technicianId": 801 + turn,
        "technicianName": TECHNICIANS[turn],
        "assignedById": 31,
        "assignedOn": stamp,
        "status": "Scheduled",
        "isPaused": False,
        "jobId": appointment["jobId"],
        "appointmentId": appointment["id"],
        "createdOn": stamp,
        "modifiedOn": stamp,
        "active": True,
    }
