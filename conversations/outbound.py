"""Putting texts and emails into a lane's queue, and taking them out again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.models import Account
from common import sql
from common.transactions import digest_to_insert
from conversations.automatic_lane import CONFIRMS
from conversations.delivery import Change
from conversations.locks import lock_messages
from conversations.models import Message, MessageTemplate
from conversations.number_choice import Pool
from conversations.signals import message_status_changed

_QUEUE_SQL = """
    INSERT INTO conversations_message
        (account_id, lane_id, contact_id, address_id, number_id, mailbox_id, provider, kind, origin,
         template_id, variables, segments, state, state_at, created_at, due_at, send_by, unless_booked_since,
         carries_link)
    SELECT %(account_id)s, %(lane_id)s, q.contact_id, q.address_id, {sender},
        'campaign', q.origin, %(template_id)s, q.variables, %(segments)s, 'queued', %(now)s, %(now)s,
        %(now)s, q.send_by, q.unless_booked_since, %(carries_link)s
    FROM ({source}) q {threads}
    RETURNING id, origin
"""
_OF_WHOM = ("q.contact_id", "q.address_id")
_FROM_MAILBOX = "NULL::bigint, %(mailbox_id)s, 'sendgrid'"


def template(
    account: Account, body: str, subject: str = "", content: Mapping[str, Any] | None = None
) -> MessageTemplate:
    """The stored words of a text, or of an email with its subject; the same words give the same row.

    `content` is what they have beside those (`MessageTemplate.content`).
    """
    words = f"{subject}\0{body}" if subject else body
    if content:
        words = f"{words}\0{json.dumps(content, sort_keys=True)}"
    digest = hashlib.sha256(words.encode()).hexdigest()
    rows = MessageTemplate.objects
    return (
        rows.filter(account=account, sha256=digest).first()
        or rows.get_or_create(
            account=account, sha256=digest_to_insert(digest),
            defaults={"subject": subject, "body": body, "content": content or {}},
        )[0]
    )  # fmt: skip


def queueing(
    source: sql.Query,
    *,
    account_id: int,
    lane_id: int,
    pool: Pool,
    template_id: int,
    segments: int,
    now: datetime,
    carries_link: bool = False,
) -> sql.Query:
    """The statement that puts one text per row of `source` into a lane, giving (id, origin) of each.

    For a WITH of the caller, who notes in that same statement which message is whose. `source` gives origin,
    contact_id, address_id, variables, send_by and unless_booked_since, of origins that have no message yet:
    one message per origin for ever. Which number of the `pool` each leaves from `number_choice` says.
    `segments` is the estimate that paces the number until the text is rendered; `carries_link`, whether a
    short link of ours is among the words.
    """
    params = {
        **source.params,
        **pool.params,
        "account_id": account_id,
        "lane_id": lane_id,
        "template_id": template_id,
        "segments": segments,
        "now": now,
        "carries_link": carries_link,
    }
    sender = f"{pool.chosen(*_OF_WHOM)}, NULL::bigint, 'twilio'"
    statement = _QUEUE_SQL.format(source=source.text, sender=sender, threads=pool.joins(*_OF_WHOM))
    return sql.Query(statement, params)


def queueing_emails(
    source: sql.Query,
    *,
    account_id: int,
    lane_id: int,
    mailbox_id: int,
    template_id: int,
    now: datetime,
    carries_link: bool = False,
) -> sql.Query:
    """As `queueing`, one email per row of `source` from a mailbox of ours. An email counts as one segment."""
    params = {
        **source.params,
        "account_id": account_id,
        "lane_id": lane_id,
        "mailbox_id": mailbox_id,
        "template_id": template_id,
        "segments": 1,
        "now": now,
        "carries_link": carries_link,
    }
    return sql.Query(_QUEUE_SQL.format(source=source.text, sender=_FROM_MAILBOX, threads=""), params)


def release(message_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Let messages that were put off leave now; those of them that are still queued."""
    return set(
        sql.column(
            "UPDATE conversations_message SET due_at = %s WHERE id = ANY(%s) AND state = 'queued'"
            " RETURNING id",
            [now, list(message_ids)],
        )
    )


def waiting(lane_id: int, at_most: int, *, now: datetime) -> tuple[int, int]:
    """Texts that a lane could send now and their segments, counted up to `at_most` rows; what was put off
    does not count."""
    return _waiting("mailbox_id IS NULL", lane_id, at_most, now)


def waiting_emails(lane_id: int, at_most: int, *, now: datetime) -> int:
    """Emails that a lane could send now, up to `at_most`; what was put off does not count."""
    return _waiting("mailbox_id IS NOT NULL", lane_id, at_most, now)[0]


def _waiting(of_channel: str, lane_id: int, at_most: int, now: datetime) -> tuple[int, int]:
    ((messages, segments),) = sql.rows(
        f"""
        SELECT count(*), coalesce(sum(segments), 0) FROM (
            SELECT segments FROM conversations_message
            WHERE lane_id = %s AND state = 'queued' AND due_at <= %s AND {of_channel} LIMIT %s) q
        """,
        [lane_id, now, at_most],
    )
    return messages, int(segments)


def cancel(message_ids: Sequence[int], *, reason: str, now: datetime, tell: bool = True) -> list[Change]:
    """Take queued messages out of their lanes; those already called are left. Returns what was taken.

    Locks the rows in id order. `tell=False` is for callers that close the steps themselves.
    """
    if not message_ids:
        return []
    lock_messages(message_ids)
    found = sql.rows(
        """
        UPDATE conversations_message SET state = 'cancelled', state_at = %s, due_at = NULL,
            leased_until = NULL, code = %s
        WHERE id = ANY(%s) AND state = 'queued' RETURNING id, origin, state, code, reason, false
        """,
        [now, reason, list(message_ids)],
    )
    changes = [Change(*row) for row in found]
    if changes and tell:
        message_status_changed.send(Message, changes=changes, now=now)
    return changes


def queued_to(address_ids: Sequence[int]) -> list[int]:
    """Ids of messages waiting to go to these addresses, agents' included, but for confirmed opt-outs."""
    return sql.column(
        "SELECT id FROM conversations_message WHERE address_id = ANY(%s) AND state = 'queued'"
        " AND (origin IS NULL OR NOT starts_with(origin, %s)) ORDER BY id",
        [list(address_ids), CONFIRMS],
    )
