"""What stands beside a thread: who the customer is, what hour it is for them, and what their reply holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.utils import timezone

from audiences import do_not_call, hours, suppression
from audiences.models import Consent, Contact, ContactAddress, DoNotCallList, Job, ZoneSet
from audiences.templatetags.addresses import shown
from common.phone import display_phone
from common.stamps import stamped, stamped_values
from conversations import timeline_sources
from conversations.message_states import hour
from conversations.models import ContactHold, Thread
from conversations.timeline_sources import Fact

HOUSEHOLD = 5  # others of the household that are named


@dataclass(frozen=True)
class Phone:
    """One phone or mailbox of the contact, with what hinders texting it."""

    value: str
    note: str
    here: bool
    wrong_since: datetime | None = None


@dataclass(frozen=True)
class LastJob:
    """The customer's latest job."""

    name: str
    at: datetime
    status: str


@dataclass(frozen=True)
class Facts:
    """All of it, in plain values."""

    contact_id: int
    name: str
    kind: str
    customer_id: int
    ours: str  # our number or mailbox
    street: str
    town: str
    addresses: tuple[Phone, ...]
    household: tuple[tuple[int, str], ...]
    tags: tuple[str, ...]
    last_job: LastJob | None
    marks: tuple[str, ...]
    more: tuple[Fact, ...]

    @property
    def here(self) -> Phone | None:
        """The thread's own phone, while it is one of the contact's."""
        return next((phone for phone in self.addresses if phone.here), None)


def of(thread: Thread) -> Facts:
    """The facts of the thread's contact. A handful of queries."""
    contact = thread.contact
    return Facts(
        contact_id=contact.pk,
        name=contact.name,
        kind=contact.get_kind_display(),
        customer_id=contact.servicetitan_customer_id,
        ours=display_phone(thread.number.e164) if thread.number else str(thread.mailbox),
        street=contact.street,
        town=" ".join(f"{contact.city}, {contact.state} {contact.zip}".split()).strip(" ,"),
        addresses=tuple(_phone(link, thread) for link in _links(thread)),
        household=tuple(_others(thread).values_list("pk", "name")),
        tags=tuple(contact.tags.order_by("name").values_list("name", flat=True)),
        last_job=_last_job(thread),
        marks=tuple(_marks(thread)),
        more=tuple(timeline_sources.facts(thread)),
    )


def stamps(thread: Thread, now: datetime) -> list[QuerySet[Any]]:
    """Whatever changes what this module says of a thread changes these, or the thread's own rows."""
    address = ("address__value", "address__channel", "address__line_type", "address__unreachable_since")
    closed = ZoneSet.objects.filter(pk=thread.contact.zone_set_id).exclude(
        Exists(hours.open_now(thread.account_id, suppression.TEXT, now).filter(zone_set=OuterRef("pk")))
    )
    return [
        stamped(_links(thread), *address),
        stamped_values(_others(thread), "pk", "name"),
        stamped_values(thread.contact.tags.all(), "pk", "name"),
        stamped(_jobs(thread)[:1], "job_type__name"),
        stamped(_holds(thread, now)),
        stamped(
            DoNotCallList.objects.in_force().filter(
                account=thread.account_id, entries__phone=thread.address.value
            )
        ),
        stamped(Consent.objects.in_force().filter(address=thread.address_id)),
        stamped_values(closed, Value(f"{now:%Y-%m-%d %H:%M}")),  # the warning names the hour
        *timeline_sources.stamps(thread),
    ]


def zone(thread: Thread, now: datetime) -> ZoneInfo | None:
    """The customer's time zone; None where we do not know it, or candidates differ on the hour."""
    zones = [ZoneInfo(name) for name in thread.contact.zone_set.zones]
    return zones[0] if len({now.astimezone(zone).utcoffset() for zone in zones}) == 1 else None


def elsewhere(thread: Thread, now: datetime) -> ZoneInfo | None:
    """The customer's zone where its clock shows another hour than the account's; None where it does not."""
    theirs = zone(thread, now)
    differs = theirs and now.astimezone(theirs).utcoffset() != timezone.localtime(now).utcoffset()
    return theirs if differs else None


def warning(thread: Thread, now: datetime) -> str:
    """What an agent should know before texting now: the phone's do-not-call lists, the customer's hour."""
    said = []
    if lists := _listed(thread, now):
        said.append(
            f"This phone is on a do-not-call list ({', '.join(lists)}), so nothing automatic reaches it. "
            "Answer what was asked, and offer nothing."
        )
    if outside_hours(thread, now):
        theirs = zone(thread, now)
        what = (
            f"It is {hour(now.astimezone(theirs))} for" if theirs else "This may be a late or early hour for"
        )
        said.append(f"{what} this customer. Agents may send; think whether it can wait.")
    return " ".join(said)


def _listed(thread: Thread, now: datetime) -> list[str]:
    """The do-not-call lists that count for this customer's phone, in words."""
    lists = do_not_call.lists_naming(thread.contact_id, [thread.address_id], now=now)
    return [one.words for one in lists.get(thread.address_id, []) if one.counts]


def outside_hours(thread: Thread, now: datetime) -> bool:
    """Whether an automated text would have to wait now. Agents may send all the same; emails keep no
    hours."""
    if thread.is_email:
        return False
    pair = _hours_of(thread)
    span = hours.current_or_next([pair], suppression.TEXT, now).get(pair)
    return span is None or span[0] > now


def keep_hours(thread: Thread, now: datetime) -> None:
    """Store the contact's openings if nobody did: `stamps` takes a missing one for closed."""
    hours.ensure_openings([_hours_of(thread)], suppression.TEXT, now)


def _hours_of(thread: Thread) -> hours.Pair:
    return thread.contact.zone_set_id, hours.window_of(thread.account_id).pk


def held_until(thread: Thread, now: datetime) -> datetime | None:
    """Until when a reply holds the contact's other campaigns; None where nothing is held."""
    return _holds(thread, now).order_by("-until").values_list("until", flat=True).first()


def _holds(thread: Thread, now: datetime) -> QuerySet[ContactHold]:
    return ContactHold.objects.filter(contact=thread.contact_id, resolved_at=None, until__gt=now)


def _others(thread: Thread) -> QuerySet[Contact]:
    """Who else lives there."""
    others = thread.contact.household.contacts.exclude(pk=thread.contact_id)
    return others.order_by("name", "pk")[:HOUSEHOLD]


def _links(thread: Thread) -> QuerySet[ContactAddress]:
    links = ContactAddress.objects.filter(contact=thread.contact_id).select_related("address")
    return links.order_by("position", "pk")


def _phone(link: ContactAddress, thread: Thread) -> Phone:
    notes = [link.label]
    if link.address.line_type != "unknown":
        notes.append(link.address.get_line_type_display())
    if link.wrong_number_at:
        notes.append("Wrong number")
    if link.do_not_text:
        notes.append("No texts")
    if link.address.unreachable_since:
        notes.append("Unreachable")
    note = " · ".join(filter(None, notes))
    here = link.address_id == thread.address_id
    return Phone(shown(link.address), note, here, link.wrong_number_at)


def _jobs(thread: Thread) -> QuerySet[Job]:
    """The customer's jobs, latest first."""
    customer = thread.contact.servicetitan_customer_id
    jobs = Job.objects.filter(account=thread.account_id, servicetitan_customer_id=customer)
    return jobs.select_related("job_type").order_by("-created_on", "-pk")


def _last_job(thread: Thread) -> LastJob | None:
    job = _jobs(thread).first()
    return (
        LastJob(str(job.job_type or f"Job {job}"), job.completed_on or job.created_on, job.status)
        if job
        else None
    )


def _marks(thread: Thread) -> list[str]:
    contact = thread.contact
    marks = {
        "Inactive in ServiceTitan": not contact.active,
        "Do not service": contact.do_not_service,
        "Do not mail": contact.do_not_mail,
    }
    return [words for words, true in marks.items() if true]
