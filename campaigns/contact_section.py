"""What the contact page shows of campaigns."""

from typing import Any

from audiences.contact_sections import Section
from audiences.models import Contact
from campaigns import words
from campaigns.models import Enrollment

LATEST = 20


def load(contact: Contact) -> dict[str, Any]:
    """The contact's enrollments, latest first, each with why it ended."""
    found = Enrollment.objects.filter(contact=contact).select_related("campaign")
    latest = found.order_by("-entered_at", "-pk")[:LATEST]
    return {"enrollments": [(each, words.sentence(each.ended_reason)) for each in latest]}


SECTION = Section("campaigns/contact_section.html", load)
