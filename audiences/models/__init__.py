from audiences.models.account_hours import AccountHours
from audiences.models.address import Address
from audiences.models.appointment import Appointment
from audiences.models.appointment_assignment import AppointmentAssignment
from audiences.models.audience import Audience
from audiences.models.booking_at_source import BookingAtSource
from audiences.models.business_day import BusinessDay
from audiences.models.call_at_source import CallAtSource
from audiences.models.closed_day import ClosedDay
from audiences.models.consent import Consent
from audiences.models.consent_basis import ConsentBasis
from audiences.models.contact import Contact
from audiences.models.contact_address import ContactAddress
from audiences.models.contact_import import ContactImport
from audiences.models.contact_import_part import ContactImportPart
from audiences.models.contact_import_row import ContactImportRow
from audiences.models.contact_method import ContactMethod
from audiences.models.contact_tag import ContactTag
from audiences.models.contact_tally import ContactTally
from audiences.models.customer_membership import CustomerMembership
from audiences.models.do_not_call_entry import DoNotCallEntry
from audiences.models.do_not_call_list import DoNotCallList
from audiences.models.do_not_call_part import DoNotCallPart
from audiences.models.estimate import Estimate
from audiences.models.hint_tally import HintTally
from audiences.models.household import Household
from audiences.models.imported_contact import ImportedContact
from audiences.models.invoice import Invoice
from audiences.models.job import Job
from audiences.models.job_tag import JobTag
from audiences.models.job_type import JobType
from audiences.models.lead_source import LeadSource
from audiences.models.location import Location
from audiences.models.location_tag import LocationTag
from audiences.models.membership_type import MembershipType
from audiences.models.opening import Opening
from audiences.models.opt_out import OptOut
from audiences.models.opt_out_import import OptOutImport
from audiences.models.own_id import OwnId
from audiences.models.reach_limits import ReachLimits
from audiences.models.recurring_visit import RecurringVisit
from audiences.models.send_window import SendWindow
from audiences.models.source_freshness import SourceFreshness
from audiences.models.sync_cursor import SyncCursor
from audiences.models.sync_stop import SyncStop
from audiences.models.tag import Tag
from audiences.models.zone_set import ZoneSet

__all__ = [
    "AccountHours",
    "Address",
    "Appointment",
    "AppointmentAssignment",
    "Audience",
    "BookingAtSource",
    "BusinessDay",
    "CallAtSource",
    "ClosedDay",
    "Consent",
    "ConsentBasis",
    "Contact",
    "ContactAddress",
    "ContactImport",
    "ContactImportPart",
    "ContactImportRow",
    "ContactMethod",
    "ContactTag",
    "ContactTally",
    "CustomerMembership",
    "DoNotCallEntry",
    "DoNotCallList",
    "DoNotCallPart",
    "Estimate",
    "HintTally",
    "Household",
    "ImportedContact",
    "Invoice",
    "Job",
    "JobTag",
    "JobType",
    "LeadSource",
    "Location",
    "LocationTag",
    "MembershipType",
    "Opening",
    "OptOut",
    "OptOutImport",
    "OwnId",
    "ReachLimits",
    "RecurringVisit",
    "SendWindow",
    "SourceFreshness",
    "SyncCursor",
    "SyncStop",
    "Tag",
    "ZoneSet",
]
