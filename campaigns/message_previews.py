"""Looking at a workflow's messages with the eyes of an audience: one contact after the other, and how many
of them a message would pass over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from liquid.exceptions import LiquidError

from accounts.models import Account
from audiences import counting, segments
from audiences.models import Audience, Contact
from campaigns import calls_foreseen, lacking, said, said_calls, units
from campaigns.messages import Message
from campaigns.models import Node
from campaigns.nodes.call import CallSettings
from common import sql
from common.spoken import LANGUAGES
from integrations.models import SendingMailbox

SOUGHT_SECONDS = 0.08  # whom an index finds is found in a few thousandths; others are not waited for


@dataclass(frozen=True)
class Looker:
    """Whose eyes: a contact of an audience, with the ones before and after. None where it is empty.

    `late` where the audience's rules took too long, `broken` where they mean nothing any more.
    """

    audience: Audience | None = None
    contact: Contact | None = None
    before: int | None = None
    after: int | None = None
    late: bool = False
    broken: bool = False

    @property
    def sender(self) -> SendingMailbox | None:
        """What emails to the audience leave from; None where there is no audience or nothing is set up."""
        return units.mailbox(self.audience.account_id, self.audience.rules) if self.audience else None

    @property
    def language(self) -> str:
        """What the contact is written in, for people."""
        return LANGUAGES.get(self.contact.language, "English") if self.contact else ""


def looker(account: Account, audience: Audience | None, contact: str, *, now: datetime) -> Looker:
    """The contact of that id, or the audience's first; each query may take `SOUGHT_SECONDS`."""
    if audience is None:
        return Looker()
    try:
        query, params = segments.compile_ids(account, audience.rules, {}, now=now, sliced=True)
        with counting.within(SOUGHT_SECONDS):
            chosen = int(contact) if contact.isdecimal() and len(contact) < 18 else 0
            found = _first(query, [*params, chosen], "c.id >= %s ORDER BY c.id") or _first(
                query, [*params, 0], "c.id > %s ORDER BY c.id"
            )
            if found is None:
                return Looker(audience)
            before = _first(query, [*params, found], "c.id < %s ORDER BY c.id DESC")
            after = _first(query, [*params, found], "c.id > %s ORDER BY c.id")
    except segments.InvalidRules:
        return Looker(audience, broken=True)
    except counting.TakesLonger:
        return Looker(audience, late=True)
    person = Contact.objects.get(pk=found)
    return Looker(audience, person, before, after)


def _first(query: str, params: Sequence[Any], which: str) -> int | None:
    found: int | None = sql.value(f"{query} AND {which} LIMIT 1", params)
    return found


def call(
    account: Account, message: Message, seen_by: Looker, *, now: datetime
) -> said_calls.CallSample | None:
    """The call as this contact would have it; None where nobody is there or the words are unreadable."""
    person = seen_by.contact
    if person is None or message.problems:
        return None
    return said_calls.sample(account, message.settings, person, now=now)


def sample(account: Account, message: Message, seen_by: Looker, *, now: datetime) -> said.Sample | None:
    """The message as this contact would get it from whom this audience gets its mail; None where nobody is
    there or the words are unreadable."""
    person = seen_by.contact
    if person is None or message.problems:
        return None
    settings, chosen = message.settings, [person.pk]
    if message.node.kind == Node.Kind.SEND_EMAIL:
        found = said.emails(account, settings, chosen, now=now, sender=seen_by.sender)
    else:
        found = said.texts(account, settings, chosen, now=now)
    if found:
        return found[0]
    return said.Sample(person.name, contact_id=person.pk, missing="They have no email address")


def counts(
    account: Account, messages: Sequence[Message], audience: Audience, *, now: datetime
) -> list[tuple[Message, lacking.Lacking]]:
    """Whom each message would pass over, of everybody in the audience; messages that miss nobody are left
    out. Raises InvalidRules and, inside `counting.within`, TakesLonger."""
    query, params = segments.compile_ids(account, audience.rules, {}, now=now)
    found = []
    for message in messages:
        try:
            needed = lacking.needs(_wordings(message))
        except LiquidError:
            continue  # the form says so
        found.append((message, lacking.count(query, params, [needed], now=now, fit=False)))
    return [(message, missed) for message, missed in found if missed.people]


def _wordings(message: Message) -> dict[str, said.Wording]:
    """What has to be known for it. What a person reads needs nothing: they see what is missing."""
    if message.node.kind != Node.Kind.CALL:
        return said.wordings(message.settings)
    if message.problems:
        return {}
    plan = CallSettings.model_validate(message.settings).plan
    return calls_foreseen.script_words(plan) if plan.mode == "script" else {}
