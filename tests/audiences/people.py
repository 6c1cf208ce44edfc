"""Rows for the tests of this folder: one account, people with phones, jobs and tags."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from accounts.models import Account, BusinessUnit
from audiences import hours, suppression
from audiences.models import Address, Contact, ContactAddress, Household, Job, JobType, Tag

NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
"""A Tuesday, noon in New York, no holiday."""
_numbers = count(1)


def account(slug: str = "demo", **fields: Any) -> Account:
    return Account.objects.create(name=slug.title(), slug=slug, **fields)


def contact(of: Account, **fields: Any) -> Contact:
    """Somebody in Albany, New York, alone in their household."""
    number = next(_numbers)
    fields.setdefault("servicetitan_customer_id", number)
    fields.setdefault("name", f"Person {number}")
    fields.setdefault("household", Household.objects.create(account=of, key=f"c:{number}"))
    if "zone_set" not in fields:
        fields["zone_set"] = hours.zone_set_for(state="NY", zip_code="12201")
    return Contact.objects.create(account=of, **fields)


def phone(
    of: Contact, position: int = 0, *, do_not_text: bool = False, value: str = "", **fields: Any
) -> Address:
    value = value or f"+1518555{next(_numbers):04}"
    row, _ = Address.objects.get_or_create(account=of.account, channel="phone", value=value, defaults=fields)
    ContactAddress.objects.create(contact=of, address=row, position=position, do_not_text=do_not_text)
    return row


def job(of: Contact, unit: BusinessUnit | None = None, kind: JobType | None = None, **fields: Any) -> Job:
    return Job.objects.create(
        account=of.account,
        servicetitan_id=next(_numbers),
        servicetitan_customer_id=of.servicetitan_customer_id,
        business_unit=unit,
        job_type=kind,
        status=fields.pop("status", "Completed"),
        **fields,
    )


def unit(of: Account, name: str = "HVAC") -> BusinessUnit:
    return BusinessUnit.objects.create(account=of, servicetitan_id=next(_numbers), name=name)


def job_type(of: Account, name: str = "Tune-up") -> JobType:
    return JobType.objects.create(account=of, servicetitan_id=next(_numbers), name=name)


def tag(of: Account, name: str = "VIP", **fields: Any) -> Tag:
    return Tag.objects.create(account=of, servicetitan_id=next(_numbers), name=name, **fields)


def reach(of: Contact, address: Address, **fields: Any) -> suppression.Reach:
    values: dict[str, Any] = {
        "key": next(_numbers),
        "account_id": of.account_id,
        "contact_id": of.pk,
        "address_id": address.pk,
        "household_id": of.household_id,
        "zone_set_id": of.zone_set_id,
        "window_id": None,
        "medium": "text",
        "automated": True,
    }
    return suppression.Reach(**(values | fields))
