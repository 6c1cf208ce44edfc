"""An agent's own call, from a thread's or a contact's page."""

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from audiences import suppression
from audiences.models import Address, Contact, ContactAddress
from conversations import call_queue, planned_calls
from conversations.models import PlannedCall, Thread
from integrations.models import SendingNumber

NO_NUMBER = "there is no active number yet that customers would see. An admin adds one in Settings, Numbers."


class NotCallable(Exception):
    """No call can be opened; the words say why."""


def phones(contact: Contact) -> QuerySet[ContactAddress]:
    """The contact's phones that are theirs, the first of them first."""
    links = ContactAddress.objects.filter(
        contact=contact, address__channel=Address.Channel.PHONE, wrong_number_at=None
    )
    return links.select_related("address").order_by("position", "pk")


def callable_phone(contact: Contact) -> Address | None:
    """The first phone of theirs that nobody closed to us."""
    links = [link.address for link in phones(contact)]
    closed = suppression.in_force([address.pk for address in links])
    return next((address for address in links if address.pk not in closed), None)


def plan(contact: Contact, chosen: str, *, by: User, token: str, now: datetime) -> PlannedCall:
    """Open a call for this agent, once per token; what they had open goes back. Raises NotCallable.

    From the number the customer knows us by: their thread's, else the account's first.
    """
    address = _chosen(contact, chosen)
    thread = Thread.objects.filter(contact=contact, address=address, number__active=True).first()
    ours = thread.number if thread else _first(contact)
    if ours is None:
        raise NotCallable(f"Nobody can be called: {NO_NUMBER}")
    call_queue.let_go(contact.account, by=by, now=now)
    return planned_calls.plan_agent_call(contact, address, ours, by=by, now=now, token=token)


def _chosen(contact: Contact, chosen: str) -> Address:
    links = [link.address for link in phones(contact)]
    named = [address for address in links if str(address.pk) == chosen] if chosen else links
    if not named:
        raise NotCallable(f"{contact} has no phone that could be called.")
    open_ = [address for address in named if address.pk not in suppression.in_force([a.pk for a in named])]
    if not open_:
        raise NotCallable(f"{contact} has opted out: this phone is not called.")
    return open_[0]


def lacking(contact: Contact) -> str:
    """Why nobody can call this contact, whom nothing else keeps from it; empty where somebody can."""
    return "" if _first(contact) else NO_NUMBER


def _first(contact: Contact) -> SendingNumber | None:
    numbers = SendingNumber.objects.filter(account=contact.account_id, active=True)
    return numbers.order_by("pk").first()
