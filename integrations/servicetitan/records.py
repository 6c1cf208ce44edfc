"""The ServiceTitan records the product uses, and only the fields it uses.

Tolerant on purpose: unknown fields are ignored, enumerations are kept as words whatever they are, money
may be a number or a string, and nearly everything may be missing. Only an id is required.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _ids(value: Any) -> list[Any]:
    return value or []


Instant = Annotated[datetime, AfterValidator(_utc)]  # ServiceTitan's times are UTC, zone written or not
Word = Annotated[str, BeforeValidator(str)]  # enumerations sometimes arrive as numbers
Ids = Annotated[list[int], BeforeValidator(_ids)]


class Record(BaseModel):
    """One row of ServiceTitan's; attributes in snake case, as everywhere here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    id: int
    active: bool = True
    modified_on: Instant | None = None


class Address(BaseModel):
    """A postal address; any part may be empty."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    street: str | None = None
    unit: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class Customer(Record):
    """A household or firm; its phones and mailboxes are CustomerContacts."""

    name: str | None = None
    type: Word = "Residential"
    address: Address | None = None
    tag_type_ids: Ids = []
    do_not_mail: bool | None = False
    do_not_service: bool | None = False
    merged_to_id: int | None = None


class PhoneSettings(BaseModel):
    """What ServiceTitan says about a phone; `do_not_text` is read-only there."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    do_not_text: bool | None = False


class CustomerContact(Record):
    """One phone, mailbox or fax of a customer."""

    customer_id: int
    type: Word = ""
    value: str | None = None
    memo: str | None = None
    phone_settings: PhoneSettings | None = None


class Location(Record):
    """A service address of a customer."""

    customer_id: int
    name: str | None = None
    address: Address | None = None
    tag_type_ids: Ids = []
    merged_to_id: int | None = None


class Job(Record):
    """The contractor's job. `total` is a number here, unlike on invoices."""

    job_number: Word | None = None
    customer_id: int
    location_id: int | None = None
    job_status: Word = ""
    business_unit_id: int | None = None
    job_type_id: int | None = None
    campaign_id: int | None = None
    booking_id: int | None = None
    lead_call_id: int | None = None
    recall_for_id: int | None = None
    first_appointment_id: int | None = None
    last_appointment_id: int | None = None
    invoice_id: int | None = None
    tag_type_ids: Ids = []
    total: Decimal | None = None
    no_charge: bool = False
    created_on: Instant | None = None
    completed_on: Instant | None = None


class Appointment(Record):
    """One visit of a job."""

    job_id: int
    customer_id: int | None = None
    start: Instant
    end: Instant
    arrival_window_start: Instant | None = None
    arrival_window_end: Instant | None = None
    status: Word = ""


class TagType(Record):
    """A tag customers, locations and jobs may carry."""

    name: str | None = None


class BusinessUnit(Record):
    """A division of the contractor."""

    name: str | None = None


class JobType(Record):
    """A kind of job."""

    name: str | None = None
    business_unit_ids: Ids = []


class Booking(Record):
    """Our request to book. `job_id` comes with status Converted."""

    status: Word = ""  # New, Accepted, Converted, Dismissed
    external_id: str | None = None
    job_id: int | None = None
    start: Instant | None = None
    created_on: Instant | None = None
