"""What a send node says: its words in each language, and to real contacts as they would read them now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import unescape
from typing import Any, NamedTuple

from accounts.models import Account
from audiences import fitness, merge_fields
from campaigns.models import Node
from campaigns.nodes.send_email import SendEmailSettings
from common import sql
from common.segments import count_segments
from common.spoken import ENGLISH
from common.text_size import TextSize, size_of
from conversations import footers, rendering
from conversations.emails import identity, shells
from conversations.emails import words as email_words
from conversations.variants import SPANISH
from integrations.models import SendingMailbox

EXAMPLE_WAY_OUT = "https://www.example.com/unsubscribe"
SENDS = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL)


class Wording(NamedTuple):
    """A message in one language; a text has no subject."""

    subject: str
    body: str
    more: tuple[str, ...] = ()  # what an email says besides: heading, preheader, button

    @property
    def all(self) -> tuple[str, ...]:
        """Everything that merge fields may stand in."""
        return tuple(filter(None, (self.subject, self.body, *self.more)))

    @property
    def fields(self) -> set[str]:
        """The merge fields it uses, with a fallback or without. Raises LiquidError where it is unreadable."""
        return {name for words in self.all for name in rendering.fields(words)}

    @property
    def required(self) -> set[str]:
        """Those without which a person is skipped. Raises LiquidError where it is unreadable."""
        return {name for words in self.all for name in rendering.required(words)}


def wordings(settings: Mapping[str, Any]) -> dict[str, Wording]:
    """A send node's words by language: English, and Spanish where there is any."""
    found = {ENGLISH: _wording(settings, settings.get("button_url"))}
    if spanish := settings.get("spanish"):
        found[SPANISH] = _wording(spanish, settings.get("button_url"))
    return found


def _wording(words: Mapping[str, Any], button_url: str | None) -> Wording:
    more = [words.get(name) or "" for name in ("heading", "preheader", "button_label")]
    more.append(button_url or "")
    return Wording(words.get("subject") or "", words.get("body") or "", tuple(more))


@dataclass(frozen=True)
class Sample:
    """A message as one real contact would get it; `missing` says why they would be skipped instead.

    `to` is the mailbox of an email; `segments` count of a text.
    """

    contact: str
    body: str = ""
    segments: int = 0
    missing: str = ""
    contact_id: int = 0
    language: str = ENGLISH
    to: str = ""
    subject: str = ""
    preheader: str = ""
    html: str = ""
    html_size: int = 0  # bytes
    known: Mapping[str, str] | None = None

    @property
    def size(self) -> TextSize:
        """Its segments, and what makes it long."""
        return replace(size_of(self.body), plain=None)


def texts(
    account: Account, settings: Mapping[str, Any], contact_ids: Sequence[int], *, now: datetime
) -> tuple[Sample, ...]:
    """Fill a text for these contacts with what is known now, as the next automated text to their phones: in
    their language, and with the opt-out line where it is owed. Constant queries."""
    words = wordings(settings)
    rows = sql.rows(
        f"""
        SELECT c.id, c.name, c.language, a.id FROM audiences_contact c
        LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
        WHERE c.id = ANY(%s::bigint[]) ORDER BY c.id
        """,
        [sql.array(contact_ids)],
    )
    known = merge_fields.known(contact_ids, _used(words), now=now)
    wording = footers.wording(account)
    untold = footers.untold((address_id for *_, address_id in rows if address_id is not None), now)
    found = []
    for contact_id, name, speaks, address_id in rows:
        language = speaks if speaks in words else ENGLISH
        footer = wording.line(speaks) if address_id in untold else ""
        who = {"contact": name, "contact_id": contact_id, "language": language}
        try:
            text = rendering.render(words[language].body, known[contact_id], language)
        except rendering.MergeFieldMissing as missing:
            found.append(Sample(**who, missing=str(missing)))
            continue
        text = footers.with_footer(text, footer) if footer else text
        found.append(Sample(**who, body=text, segments=count_segments(text).count))
    return tuple(found)


def emails(
    account: Account,
    settings: Mapping[str, Any],
    contact_ids: Sequence[int],
    *,
    now: datetime,
    sender: SendingMailbox | None = None,
) -> tuple[Sample, ...]:
    """As `texts`, of an email to those who have a mailbox: with what stands below every one of this sender's,
    without one the account's."""
    words = wordings(settings)
    content = SendEmailSettings.model_validate(settings).content()
    rows = sql.rows(
        f"""
        SELECT c.id, c.name, c.language, a.value FROM audiences_contact c
        CROSS JOIN LATERAL ({fitness.FIRST_MAILBOX_SQL}) a
        WHERE c.id = ANY(%s::bigint[]) ORDER BY c.id
        """,
        [sql.array(contact_ids)],
    )
    known = merge_fields.known(contact_ids, _used(words), now=now)
    whose = identity.of(sender) if sender else identity.of_account(account)
    found = []
    for contact_id, name, speaks, to in rows:
        language = speaks if speaks in words else ENGLISH
        who = {"contact": name, "contact_id": contact_id, "language": language, "to": to}
        said = email_words.of(settings["subject"], settings["body"], content, language)
        shell = shells.shell(said.design, language, whose, speaks)
        try:
            slots = shells.fill(shell, said, known[contact_id], unsubscribe_url=EXAMPLE_WAY_OUT)
        except rendering.MergeFieldMissing as missing:
            found.append(Sample(**who, missing=str(missing)))
            continue
        email = shells.whole(shell, slots)
        found.append(
            Sample(
                **who, subject=email.subject, preheader=unescape(slots["preheader"]), body=email.text,
                html=email.html, html_size=email.size, known=known[contact_id],
            )
        )  # fmt: skip
    return tuple(found)


def _used(words: Mapping[str, Wording]) -> set[str]:
    return {field for wording in words.values() for field in wording.fields}
