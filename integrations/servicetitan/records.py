"""The ServiceTitan records the product uses, and only the fields it uses.

Tolerant on purpose: unknown fields are ignored, enumerations are kept as words whatever they are, money
may be a number or a string, text a number, a blank is nothing, and a null switch has its default. Required
are an id and what a row cannot be kept without: the customer of a job, location or contact, the job and
start of an appointment. Numbers and dates that no database holds make a row unreadable, never a page.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

_SMALLEST_ID, _LARGEST_ID = -(2**63), 2**63 - 1
_OLDEST_YEAR, _LATEST_YEAR = 1900, 9000  # .NET writes an unset date as year 1


def _text(value: Any) -> Any:
    """Text that a database takes: no NUL, no half of a surrogate pair."""
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "ignore").decode()


def _word(value: Any) -> str:
    return "" if value is None else _text(str(value))


def _zip(value: Any) -> Any:
    """A number has lost the zeros that New England begins with."""
    return _text(f"{value:05d}" if isinstance(value, int) else value)


def _or_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _utc(value: datetime) -> datetime:
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not _OLDEST_YEAR <= value.year <= _LATEST_YEAR:
        raise ValueError("a year that is none")
    return value


def _utc_or_none(value: datetime | None) -> datetime | None:
    real = value is not None and _OLDEST_YEAR <= value.year <= _LATEST_YEAR
    return _utc(value) if value is not None and real else None


def _ids(value: Any) -> Any:
    return [one for one in value if one is not None] if isinstance(value, list) else value or []


def _on(value: Any) -> Any:
    return True if value is None else value


def _off(value: Any) -> Any:
    return False if value is None else value


Instant = Annotated[datetime, AfterValidator(_utc)]  # ServiceTitan's times are UTC, zone written or not
MaybeInstant = Annotated[datetime | None, BeforeValidator(_or_none), AfterValidator(_utc_or_none)]
Id = Annotated[int, Field(ge=_SMALLEST_ID, le=_LARGEST_ID)]
MaybeId = Annotated[Id | None, BeforeValidator(_or_none)]
Ids = Annotated[list[Id], BeforeValidator(_ids)]
Word = Annotated[str, BeforeValidator(_word)]  # enumerations sometimes arrive as numbers
Text = Annotated[str | None, BeforeValidator(_text)]
Zip = Annotated[str | None, BeforeValidator(_zip)]
Money = Annotated[
    Annotated[Decimal, Field(gt=Decimal("-1e10"), lt=Decimal("1e10"))] | None, BeforeValidator(_or_none)
]
On = Annotated[bool, BeforeValidator(_on)]  # a null is on
Off = Annotated[bool, BeforeValidator(_off)]  # a null is off


class Part(BaseModel):
    """Something inside a row of ServiceTitan's; attributes in snake case, as everywhere here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Record(Part):
    """One row of ServiceTitan's."""

    id: Id
    active: On = True
    modified_on: MaybeInstant = None


class Address(Part):
    """A postal address; any part may be empty."""

    street: Text = None
    unit: Text = None
    city: Text = None
    state: Text = None
    zip: Zip = None
    country: Text = None


class Customer(Record):
    """A household or firm; its phones and mailboxes are CustomerContacts."""

    name: Text = None
    type: Word = "Residential"
    address: Address | None = None
    tag_type_ids: Ids = []
    do_not_mail: Off = False
    do_not_service: Off = False
    balance: Money = None
    created_on: MaybeInstant = None
    merged_to_id: MaybeId = None


class PhoneSettings(Part):
    """What ServiceTitan says about a phone; `do_not_text` is read-only there."""

    do_not_text: Off = False


class CustomerContact(Record):
    """One phone, mailbox or fax of a customer."""

    customer_id: Id
    type: Word = ""
    value: Text = None
    memo: Text = None
    phone_settings: PhoneSettings | None = None


class Location(Record):
    """A service address of a customer."""

    customer_id: Id
    name: Text = None
    address: Address | None = None
    tag_type_ids: Ids = []
    merged_to_id: MaybeId = None


class ExternalDatum(Part):
    """One thing that an application keeps on a row of ServiceTitan's."""

    key: Word = ""
    value: Word = ""


class Job(Record):
    """The contractor's job. `total` is a number here, unlike on invoices."""

    job_number: Word = ""
    customer_id: Id
    location_id: MaybeId = None
    job_status: Word = ""
    business_unit_id: MaybeId = None
    job_type_id: MaybeId = None
    campaign_id: MaybeId = None
    booking_id: MaybeId = None
    lead_call_id: MaybeId = None
    recall_for_id: MaybeId = None
    first_appointment_id: MaybeId = None
    last_appointment_id: MaybeId = None
    invoice_id: MaybeId = None
    tag_type_ids: Ids = []
    total: Money = None
    no_charge: Off = False
    created_on: MaybeInstant = None
    completed_on: MaybeInstant = None
    external_data: list[ExternalDatum] | None = None

    def is_ours(self, key: str, value: str) -> bool:
        """Whether this is kept on it: a list that did not filter is never taken for an answer."""
        return any((datum.key, datum.value) == (key, value) for datum in self.external_data or [])


class Appointment(Record):
    """One visit of a job."""

    job_id: Id
    customer_id: MaybeId = None
    start: Instant
    end: MaybeInstant = None
    arrival_window_start: MaybeInstant = None
    arrival_window_end: MaybeInstant = None
    status: Word = ""


class AppointmentAssignment(Record):
    """A technician on a visit."""

    appointment_id: Id
    technician_name: Text = None


class RecurringServiceEvent(Record):
    """A visit due under a recurring service; `job_id` once a job was made for it."""

    job_id: MaybeId = None


class TagType(Record):
    """A tag customers, locations and jobs may carry."""

    name: Text = None


class BusinessUnit(Record):
    """A division of the contractor."""

    name: Text = None


class JobType(Record):
    """A kind of job."""

    name: Text = None
    business_unit_ids: Ids = []


class Booking(Record):
    """Our request to book. `job_id` comes with status Converted."""

    status: Word = ""  # New, Accepted, Converted, Dismissed
    external_id: Text = None
    job_id: MaybeId = None
    start: MaybeInstant = None
    created_on: MaybeInstant = None
    source: Text = None


class Reference(Part):
    """A reference whose other fields are not used."""

    id: MaybeId = None


class Status(Part):
    """A word with a number."""

    name: Word = ""


class MembershipType(Record):
    """A kind of service agreement."""

    name: Text = None


class CustomerMembership(Record):
    """A service agreement of a customer."""

    customer_id: Id
    location_id: MaybeId = None
    membership_type_id: MaybeId = None
    business_unit_id: MaybeId = None
    status: Word = ""
    from_: MaybeInstant = Field(None, alias="from")
    to: MaybeInstant = None
    next_scheduled_bill_date: MaybeInstant = None
    cancellation_date: MaybeInstant = None


class InvoiceItem(Part):
    """One line of an invoice; price modifiers may be negative."""

    sku_name: Text = None
    description: Text = None
    quantity: Money = None
    total: Money = None


class Invoice(Record):
    """An invoice. Its money is text, and negative where money is taken back."""

    reference_number: Text = None
    adjustment_to_id: MaybeId = None
    items: list[InvoiceItem] | None = None
    customer: Reference | None = None
    job: Reference | None = None
    business_unit: Reference | None = None
    total: Money = None
    balance: Money = None
    invoice_date: MaybeInstant = None
    due_date: MaybeInstant = None
    paid_on: MaybeInstant = None


class Estimate(Record):
    """An offer to a customer."""

    customer_id: MaybeId = None
    job_id: MaybeId = None
    location_id: MaybeId = None
    business_unit_id: MaybeId = None
    name: Text = None
    status: Status | None = None
    subtotal: Money = None
    created_on: MaybeInstant = None
    sold_on: MaybeInstant = None


class Call(Record):
    """A phone call; `from_` and `to` are phones as somebody dialled them."""

    direction: Word = ""
    type: Word = ""
    from_: Text = Field(None, alias="from")
    to: Text = None
    customer: Reference | None = None
    job: Reference | None = None
    created_on: MaybeInstant = None


class LeadSource(Record):
    """What ServiceTitan calls a campaign: where a job came from."""

    name: Text = None


class Availability(Part):
    """An arrival window, and whether a technician is left for it."""

    start_utc: Instant
    end_utc: Instant
    is_available: bool = False
    open_availability: Money = None
