"""A token of all that a thread's page shows, without reading it: an open thread asks every second.

It may change where nothing that is shown did, never the other way round. Writing the statement that asks for
it, and reading the thread it is about, cost several times what asking does. So both are kept for the minute
in which they are good, beside what the rows that they were made of looked like: one statement then says
whether these still look so, and what has become of all others.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from common import stamps
from conversations import facts, threads, timeline
from conversations.models import Thread

_MOST_KEPT = 500
# Of rows that change while nothing of them is shown, what is shown; of the others, their versions.
_ROWS = """
SELECT jsonb_build_array(
    thread.xmin::text, thread.ctid::text, contact.xmin::text, contact.ctid::text, zones.xmin::text,
    zones.ctid::text, address.value, number.e164, mailbox.name, mailbox.email, mailbox.business_unit_id,
    person.name, person.email)::text
FROM conversations_thread thread
JOIN audiences_contact contact ON contact.id = thread.contact_id
JOIN audiences_zoneset zones ON zones.id = contact.zone_set_id
JOIN audiences_address address ON address.id = thread.address_id
LEFT JOIN integrations_sendingnumber number ON number.id = thread.number_id
LEFT JOIN integrations_sendingmailbox mailbox ON mailbox.id = thread.mailbox_id
LEFT JOIN accounts_user person ON person.id = thread.assigned_to_id
WHERE thread.id = %s AND thread.account_id = %s
"""


@dataclass(frozen=True)
class Look:
    """Which thread of which account is looked at, in whose time, by what role, how many messages back."""

    thread: int
    account: int
    timezone: str
    role: str
    limit: int

    @property
    def rows(self) -> stamps.Statement:
        """What the rows look like that a token's statement is made of."""
        return _ROWS, [self.thread, self.account]


@dataclass(frozen=True)
class _Kept:
    rows: str
    minute: str
    statement: str  # for the rows, and for all else
    more: tuple[Any, ...]


_kept: OrderedDict[Look, _Kept] = OrderedDict()


def kept(look: Look, now: datetime) -> str | None:
    """The token as it is now, where the thread was read in this minute and is as it was. One query."""
    known = _kept.get(look)
    if known is None or known.minute != _minute(now):
        return None
    rows, *found = stamps.ask(known.statement)
    if rows != known.rows:
        _kept.pop(look, None)
        return None
    return stamps.token_of(tuple(found), known.more)


def rows_of(look: Look) -> str:
    """What to tell `of`, asked before the thread is read: what changes in between is then noticed."""
    found = stamps.ask(look.rows)
    return str(found[0]) if found else ""


def of(look: Look, thread: Thread, now: datetime, *, rows: str = "") -> str:
    """The token of a thread that was just read with all that its page names; with `rows` it is kept. One
    query."""
    minute = _minute(now)
    own = (stamps.fields_of(thread), stamps.fields_of(thread.contact))

    def sources() -> list[Any]:
        return [
            *timeline.stamps(thread, look.limit),
            *facts.stamps(thread, now),
            threads.colleagues_stamps(thread.account),
        ]

    # Of the clock the statement knows the minute: pages name no less.
    statement = stamps.compiled((*own, thread.address.value, look.limit, minute), sources)
    more = (
        *own,
        (thread.number.e164 if thread.number else str(thread.mailbox), str(thread.assigned_to or "")),
        (look.role, look.timezone),
        (timezone.localdate(now), str(facts.elsewhere(thread, now))),  # days are named; so is their hour
    )
    if rows:
        _kept[look] = _Kept(rows, minute, stamps.both(look.rows, statement), more)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return stamps.token_of(stamps.ask(statement), more)


def _minute(now: datetime) -> str:
    return f"{now:%Y-%m-%d %H:%M}"
