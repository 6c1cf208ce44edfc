"""One automatic text a night to whoever writes while the office is closed and waits for a person.

A night lasts from closing to the next opening (`audiences.business_hours`). The text goes through the
account's lane for automatic answers and the same gate as everything else: never to a phone that opted out,
outside the law's hours only within half an hour of the customer's own text, and not where a colleague was
faster.
"""

from datetime import datetime, timedelta

from accounts.models import Account
from audiences import business_hours, suppression
from audiences.models import AccountHours
from conversations import automatic_lane, outbound, reading, rendering
from conversations.models import Message, Reading, Thread

ORIGIN = "after-hours:"
"""So begins the origin of such a text; its thread and the end of its night follow."""
WORDS = (
    "Thanks for your message! {{ company }} is closed right now. We open {{ opens }} and will get back to "
    "you then."
)
MERGE_FIELDS = {"company", "opens"}
TALKING = timedelta(minutes=30)
"""So long after a colleague wrote they are at it, closed or not, and nothing else speaks."""
ANSWERED = "answered_by_person"  # why one was taken back
_NEVER_TO = frozenset({"optout", "wrong_number"})
"""Labels of doubt about being left alone: a person decides, and no machine writes before."""


def answer(message: Message, thread: Thread, read: Reading, *, now: datetime) -> Message | None:
    """Answer a customer's text that waits for a person, where the office is closed; else None.

    In the transaction that stored the text, which holds the lock of its address. Of two texts in one night
    the first is answered.
    """
    if read.label in _NEVER_TO or reading.wants_back(message.body or ""):
        return None
    account = message.account
    chosen = AccountHours.objects.filter(account=account).first()
    if chosen is None or not chosen.answers:
        return None
    night = business_hours.night(account, now)
    if night is None or _spoken(message, since=night.closed_at, now=now) or _refused(message):
        return None
    body = words(account, chosen.answer_words, opens_at=night.opens_at, now=now)
    return automatic_lane.answer(
        message, body, origin=f"{ORIGIN}{thread.pk}:{night.opens_at:%Y-%m-%dT%H:%M}", now=now,
        send_by=now + suppression.ANSWER_WITHOUT_HOURS,
    )  # fmt: skip


def words(account: Account, chosen: str, *, opens_at: datetime, now: datetime) -> str:
    """The text as the customer gets it. Ours where the chosen one is blank or cannot be filled."""
    fields = {
        "company": account.name,
        "opens": business_hours.opening_words(opens_at, now=now, zone=account.zone),
    }
    try:
        return rendering.render(chosen or WORDS, fields)
    except rendering.MergeFieldMissing:  # it was checked as it was saved: never a hole, never silence
        return rendering.render(WORDS, fields)


def problems(chosen: str) -> list[str]:
    """What is wrong with chosen words, for the person who writes them; blank ones are ours."""
    return rendering.problems(chosen, MERGE_FIELDS) if chosen.strip() else []


def _spoken(message: Message, *, since: datetime, now: datetime) -> bool:
    """Whether such a text was made since closing, whatever became of it, or somebody else is answering."""
    said = Message.objects.filter(contact=message.contact, address=message.address)
    by_itself = said.filter(kind=Message.Kind.AUTOMATIC, created_at__gte=since)
    by_itself = by_itself.filter(origin__startswith=ORIGIN) | by_itself.filter(replies_to=message)
    by_hand = said.filter(kind=Message.Kind.AGENT, created_at__gt=now - TALKING)
    return (by_itself | by_hand.exclude(state=Message.State.CANCELLED)).exists()


def _refused(message: Message) -> bool:
    return message.address_id in suppression.in_force([message.address_id])


def withdraw(thread: Thread, *, now: datetime) -> None:
    """Take back an answer that has not left: a person answers. The caller holds the address's lock."""
    waiting = Message.objects.filter(
        address=thread.address_id, contact=thread.contact_id, state=Message.State.QUEUED,
        kind=Message.Kind.AUTOMATIC, origin__startswith=ORIGIN,
    )  # fmt: skip
    outbound.cancel(list(waiting.order_by("pk").values_list("pk", flat=True)), reason=ANSWERED, now=now)
