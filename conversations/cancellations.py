"""“CANCEL” from somebody who has an appointment: opted out, and a person is told what may be meant."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from audiences.models import Address, Appointment, Contact, ContactAddress, Job
from conversations.models import Thread
from conversations.reader.wording import canonical, mended, normalise

_CALLED_OFF = ("Canceled", "Done")  # ServiceTitan's words for an appointment that will not take place (again)
_CANCEL = re.compile(r"\bcancel(ar|e|en|o|la|ed|led|ing)?\b")


def asked(body: str) -> bool:
    """Whether a text that ends everything speaks of cancelling, so that an appointment may be meant."""
    return any(_CANCEL.fullmatch(mended(word)) for word in canonical(normalise(body)).split())


def next_appointment(address: Address, contact: Contact | None, now: datetime) -> Appointment | None:
    """The next visit of anybody who has this phone, as the mirror knows it."""
    links = ContactAddress.objects.filter(address=address).values("contact__servicetitan_customer_id")
    customers = {link["contact__servicetitan_customer_id"] for link in links}
    if contact is not None:
        customers.add(contact.servicetitan_customer_id)
    jobs = Job.objects.filter(
        account=address.account_id, servicetitan_customer_id__in=customers - {0}, active=True
    )
    return (
        Appointment.objects.filter(
            account=address.account_id,
            servicetitan_job_id__in=jobs.exclude(status="Canceled").values("servicetitan_id"),
            starts_at__gt=now,
        )
        .exclude(status__in=_CALLED_OFF)
        .order_by("starts_at", "pk")
        .first()
    )


def flag(address: Address, contact: Contact, now: datetime) -> bool:
    """Escalate the closed thread where a visit is ahead: “May want to cancel the job of 12/3”."""
    ahead = next_appointment(address, contact, now)
    if ahead is None:
        return False
    day = ahead.starts_at.astimezone(ZoneInfo(address.account.timezone))
    return bool(
        Thread.objects.filter(address=address, contact=contact).update(
            escalated_reason=f"May want to cancel the job of {day.month}/{day.day}", needs_reply=True
        )
    )
