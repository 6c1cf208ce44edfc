"""What the contact page shows of conversations."""

from typing import Any

from audiences import suppression
from audiences.contact_sections import Section
from audiences.models import Contact, ContactAddress
from conversations import own_calls
from conversations.models import Thread

LATEST = 10


def load(contact: Contact) -> dict[str, Any]:
    """The contact's threads, latest first, each with whether its address has opted out; and whether one of
    its addresses is open to us still; and the phone that an agent may call."""
    threads = Thread.objects.filter(contact=contact).select_related("address", "assigned_to")
    found = list(threads.order_by("-last_message_at", "-pk")[:LATEST])
    closed_to_us = suppression.in_force([thread.address_id for thread in found])
    addresses = set(ContactAddress.objects.filter(contact=contact).values_list("address", flat=True))
    callable_phone = own_calls.callable_phone(contact)
    return {
        "callable": callable_phone,
        "no_calls": own_calls.lacking(contact) if callable_phone else "",
        "may_opt_out": bool(addresses - suppression.in_force(addresses)),
        "threads": [(thread, thread.address_id in closed_to_us) for thread in found],
    }


SECTION = Section("conversations/contact_section.html", load, "conversations/contact_action.html")
