"""The register: every opt-out as a line, for documents, CSV files and the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audiences.models import OptOut
from common.phone import display_phone

DOORS = {
    "text": "Text from the customer",
    "provider": "Found at the carrier",
    "agent": "Recorded by a person",
    "imported": "Imported list",
    "email": "Answer to an email",
    "phone": "9 pressed on a call",
    "page": "Link in an email",
}
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One opt-out, in words."""

    pk: int
    at: datetime
    address: str
    contact: str
    words: str
    door: str
    detector: str
    provider_id: str
    by: str
    lifted_at: datetime | None
    lifted_words: str
    lifted_by: str

    @property
    def phone(self) -> str:
        """The phone as people write it, or the mailbox."""
        return self.address if "@" in self.address else display_phone(self.address)


def door(source: str) -> str:
    """How an opt-out came in, for people."""
    return DOORS.get(source, source.replace("_", " ").capitalize())


def lines(wishes: QuerySet[OptOut]) -> Iterator[Line]:
    """The opt-outs in the queryset's order, 500 in memory at a time."""
    for wish in wishes.select_related("address", "contact", "by", "lifted_by").iterator(chunk_size=_AT_ONCE):
        yield line(wish)


def line(wish: OptOut) -> Line:
    """One opt-out in words; its address, contact and people should be there already."""
    return Line(
        pk=wish.pk,
        at=wish.at,
        address=wish.address.value,
        contact=wish.contact.name if wish.contact else "",
        words=wish.evidence,
        door=door(wish.source),
        detector=wish.detector,
        provider_id=wish.provider_id,
        by=str(wish.by or ""),
        lifted_at=wish.lifted_at,
        lifted_words=wish.lifted_evidence,
        lifted_by=str(wish.lifted_by or ""),
    )
