"""What a claim decides: leased messages, read with all that deciding and wording them needs."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from common import sql
from conversations import listening, pausing, safety
from conversations.automatic_lane import CONFIRMS
from conversations.emails.shells import Shell
from conversations.models import Message
from integrations.messaging import IN_PARTS


@dataclass(frozen=True, slots=True)
class EmailPart:
    """What an email has beside its claim. Those of one shell and one sender leave in one request."""

    shell: Shell | None  # none: plain, and `body` is all of it
    slots: Mapping[str, str]
    to_name: str
    reply_to: str
    unsubscribe_url: str
    divisions: int  # how often its request was refused for somebody else's sake: it goes with fewer then
    in_reply_to: str = ""  # Message-ID of the customer's email that it answers


@dataclass(frozen=True, slots=True)
class Claim:
    """One message in state `calling`, ready to be handed over."""

    message_id: int
    attempt_id: uuid.UUID
    connection_id: int
    number_id: int | None  # of a text
    to: str
    from_: str
    body: str
    validity_seconds: int
    mailbox_id: int | None = None  # of an email
    from_name: str = ""
    subject: str | None = None
    media: tuple[str, ...] = ()  # addresses of what goes with a text
    email: EmailPart | None = None

    @property
    def is_email(self) -> bool:
        """Whether it goes to a mailbox."""
        return self.mailbox_id is not None


class Candidate(NamedTuple):
    """A leased message with all that deciding it needs."""

    id: int
    kind: str
    origin: str | None
    account_id: int
    lane_id: int
    contact_id: int
    address_id: int
    household_id: int
    zone_set_id: int
    window_id: int | None
    number_id: int | None
    connection_id: int
    to: str
    from_: str
    template: str | None
    variables: str | None  # JSON
    body: str | None
    send_by: datetime | None
    tries: int
    language: str
    answers_at: datetime | None  # of an automatic answer: when the customer wrote what it answers
    mailbox_id: int | None
    from_name: str
    subject: str
    unless_booked_since: datetime | None
    content: str | None  # JSON, of the template: what its words have beside body and subject
    without_media: bool  # a second try, because the pictures were what failed
    to_name: str
    reply_to: str
    divisions: int
    in_reply_to: str
    carries_link: bool  # as queued: whether the claim's own words hold one is seen when they are written

    @property
    def confirms(self) -> int:
        """The opt-out that this text confirms, or 0."""
        named = (self.origin or "").removeprefix(CONFIRMS)
        is_one = self.answers_at is not None and named != self.origin and named.isdecimal()
        return int(named) if is_one else 0

    @property
    def is_email(self) -> bool:
        """Whether it goes to a mailbox."""
        return self.mailbox_id is not None

    @property
    def automated(self) -> bool:
        """Whether no person wrote it by hand."""
        return self.kind != Message.Kind.AGENT

    @property
    def introduces(self) -> bool:
        """Whether it says how to opt out where that was not said: not what confirms an opt-out. An email
        always does."""
        return self.automated and not self.confirms and not self.is_email


_RESTS = safety.IN_FORCE.format("r")


def still_queued(message_ids: Sequence[int], now: datetime) -> list[Candidate]:
    """The leased messages that are still ours to decide, read after the locks were won."""
    found = sql.rows(
        f"""
        SELECT m.id, m.kind, m.origin, m.account_id, m.lane_id, m.contact_id, m.address_id, c.household_id,
            c.zone_set_id, l.window_id, m.number_id, coalesce(n.connection_id, x.connection_id), a.value,
            coalesce(n.e164, x.email), t.body,
            m.variables::text, m.body, m.send_by,
            tried.times, c.language,
            (SELECT i.created_at FROM conversations_message i
             WHERE i.id = m.replies_to_id AND i.kind = 'inbound' AND i.address_id = m.address_id
               AND m.kind = 'automatic' AND l.kind = 'automatic'),
            x.id, coalesce(x.name, ''), coalesce(m.subject, t.subject, ''),
            m.unless_booked_since, nullif(t.content, '{{}}'::jsonb)::text,
            CASE WHEN t.content ? 'media' THEN EXISTS (
                SELECT 1 FROM conversations_secondtry s WHERE s.message_id = m.id AND s.without_media)
            ELSE false END, c.name, coalesce(x.reply_to, ''), tried.divided,
            coalesce((SELECT r.internet_id FROM conversations_receivedemail r
                WHERE r.message_id = m.replies_to_id), ''), m.carries_link
        FROM conversations_message m
        JOIN conversations_lane l ON l.id = m.lane_id
        JOIN audiences_contact c ON c.id = m.contact_id
        JOIN audiences_address a ON a.id = m.address_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS times, count(*) FILTER (WHERE p.code = '{IN_PARTS}') AS divided
            FROM conversations_attempt p WHERE p.message_id = m.id) tried
        LEFT JOIN integrations_sendingnumber n ON n.id = m.number_id
        LEFT JOIN integrations_sendingmailbox x ON x.id = m.mailbox_id
        LEFT JOIN conversations_messagetemplate t ON t.id = m.template_id
        WHERE m.id = ANY(%(ids)s::bigint[]) AND m.state = 'queued' AND NOT l.paused AND NOT EXISTS (
            SELECT 1 FROM conversations_sendingpause p WHERE p.account_id = m.account_id AND {pausing.HELD})
          AND (l.kind <> 'campaign' OR NOT EXISTS (
            SELECT 1 FROM conversations_listening h WHERE h.account_id = m.account_id AND {listening.DEAF}))
          AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause r WHERE r.account_id = m.account_id AND {_RESTS}
            AND (r.lane_id = m.lane_id OR r.mailbox_id = m.mailbox_id
                OR r.number_id = m.number_id AND {safety.HOLDS.format("r")}))
        ORDER BY c.household_id, m.due_at, m.id
        """,
        {"ids": sql.array(message_ids), "now": now},
        often=True,
    )
    return [Candidate(*row) for row in found]
