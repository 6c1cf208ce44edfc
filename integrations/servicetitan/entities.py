"""Where ServiceTitan's API has each kind of rows, and how they are read."""

from typing import Any

from integrations.servicetitan import records

# Export name -> path below its module, and the record of its rows.
EXPORTS: dict[str, tuple[str, str, type[records.Record]]] = {
    "customers": ("crm", "export/customers", records.Customer),
    "contacts": ("crm", "export/customers/contacts", records.CustomerContact),
    "locations": ("crm", "export/locations", records.Location),
    "bookings": ("crm", "export/bookings", records.Booking),
    "jobs": ("jpm", "export/jobs", records.Job),
    "appointments": ("jpm", "export/appointments", records.Appointment),
    "appointment-assignments": (
        "dispatch",
        "export/appointment-assignments",
        records.AppointmentAssignment,
    ),
    "recurring-service-events": (
        "memberships",
        "export/recurring-service-events",
        records.RecurringServiceEvent,
    ),
    "memberships": ("memberships", "export/memberships", records.CustomerMembership),
    "membership-types": ("memberships", "export/membership-types", records.MembershipType),
    "invoices": ("accounting", "export/invoices", records.Invoice),
    "estimates": ("sales", "export/estimates", records.Estimate),
    "calls": ("telecom", "export/calls", records.Call),
    "business-units": ("settings", "export/business-units", records.BusinessUnit),
    "tag-types": ("settings", "export/tag-types", records.TagType),
}
# Export name -> list of the same rows, which can count them. Big ones only; calls are listed elsewhere.
COUNTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "customers": ("crm", "customers", {"active": "Any"}),
    "contacts": ("crm", "customers/contacts", {}),
    "locations": ("crm", "locations", {"active": "Any"}),
    "jobs": ("jpm", "jobs", {}),
    "appointments": ("jpm", "appointments", {"active": "Any"}),
    "memberships": ("memberships", "memberships", {"active": "Any"}),
    "invoices": ("accounting", "invoices", {}),
    "estimates": ("sales", "estimates", {"active": "Any"}),
    "bookings": ("crm", "bookings", {}),
}
# The same rows as lists: (module, path, what names some of them, query for those that are inactive, too).
LISTED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "customers": ("crm", "customers", "ids", {"active": "Any"}),
    "contacts": ("crm", "customers/contacts", "customerIds", {}),
    "locations": ("crm", "locations", "ids", {"active": "Any"}),
    "bookings": ("crm", "bookings", "ids", {}),
    "jobs": ("jpm", "jobs", "ids", {}),
    "appointments": ("jpm", "appointments", "ids", {"active": "Any"}),
    "memberships": ("memberships", "memberships", "ids", {"active": "Any"}),
    "invoices": ("accounting", "invoices", "ids", {}),
    "estimates": ("sales", "estimates", "ids", {"active": "Any"}),
}
