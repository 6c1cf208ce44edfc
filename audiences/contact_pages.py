"""Contacts page by page: whoever was sought, best first, or all, by their last job; inactive ones last."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import Account
from audiences import contact_search, segments
from audiences.models import Contact, ContactAddress, OptOut

PER_PAGE = 50


@dataclass(frozen=True)
class Row:
    """A contact, and the number by which it was found, where its line does not show that."""

    contact: Contact
    by: str = ""


@dataclass(frozen=True)
class Page:
    """One page of all. `total` counts them; with `more` there are others, whom no page shows.

    `late`: it took too long, so nobody is listed. `following` is the cursor of the next page, blank on the
    last; `meant` and `direct` are those of `Found`.
    """

    rows: list[Row]
    total: int
    following: str = ""
    more: bool = False
    meant: list[str] = field(default_factory=list)
    direct: int | None = None
    late: bool = False


def page(
    contacts: QuerySet[Contact], account: Account, words: str, after: str, *,
    rules: segments.Rules | None = None, among: QuerySet[Any, Any] | None = None, total: int | None = None,
) -> Page:  # fmt: skip
    """The rows behind the cursor `after` (blank: the first), of `contacts`, which are the account's: those
    who match `rules` where given, or whose ids `among` gives. `total`: how many these are, where somebody
    keeps count of them.

    A constant number of queries. Raises InvalidRules.
    """
    contacts = contacts.prefetch_related(Prefetch("contact_addresses", queryset=links()))
    if words:
        return _sought(contacts, contact_search.find(account, words, rules=rules, among=among), after)
    if rules is not None:
        among = segments.contacts(account, rules).values("pk")
    if among is not None:
        contacts = contacts.filter(pk__in=among)
    found = _latest(contacts, after)
    rows = [Row(contact) for contact in found[:PER_PAGE]]
    following = _cursor(rows[-1].contact) if len(found) > PER_PAGE else ""
    return Page(rows, contacts.count() if total is None else total, following)


def links() -> QuerySet[ContactAddress]:
    """Phones and mailboxes in their order, each with its opt-outs in force."""
    in_force = Prefetch(
        "address__opt_outs",
        queryset=OptOut.objects.filter(lifted_at=None).select_related("by"),
        to_attr="in_force",
    )
    found = ContactAddress.objects.select_related("address").order_by("position", "pk")
    return found.prefetch_related(in_force)


def _sought(contacts: QuerySet[Contact], found: contact_search.Found, after: str) -> Page:
    """The hits behind the contact `after`; from the first where that one is no hit any more."""
    ids = [str(hit.contact_id) for hit in found.hits]
    begin = ids.index(after) + 1 if after in ids else 0
    shown = found.hits[begin : begin + PER_PAGE]
    people = contacts.in_bulk([hit.contact_id for hit in shown])
    rows = [Row(people[hit.contact_id], hit.by) for hit in shown if hit.contact_id in people]
    following = str(shown[-1].contact_id) if begin + PER_PAGE < len(ids) else ""
    return Page(rows, len(ids), following, found.more, found.meant, found.direct)


def _latest(contacts: QuerySet[Contact], after: str) -> list[Contact]:
    """A page and one more: active ones by their last job, which an index holds, then everybody else."""
    at, pk = _read(after)
    found: list[Contact] = []
    if at or not pk:
        dated = contacts.filter(active=True, last_job_at__isnull=False).order_by("-last_job_at", "-pk")
        if at:
            dated = dated.filter(last_job_at__lte=at).filter(Q(last_job_at__lt=at) | Q(pk__lt=pk))
            pk = 0
        found = list(dated[: PER_PAGE + 1])
    if len(found) <= PER_PAGE:
        others = contacts.filter(Q(last_job_at=None) | Q(active=False), pk__gt=pk).order_by("pk")
        found += others[: PER_PAGE + 1 - len(found)]
    return found


def _cursor(contact: Contact) -> str:
    at = contact.last_job_at if contact.active else None
    return f"{at.isoformat() if at else ''}_{contact.pk}"


def _read(after: str) -> tuple[datetime | None, int]:
    """What a cursor says; nonsense is the beginning."""
    at, _, pk = after.partition("_")
    try:
        moment: Any = datetime.fromisoformat(at) if at else None
        return (moment if moment is None or moment.tzinfo else None), int(pk)
    except ValueError:
        return None, 0
