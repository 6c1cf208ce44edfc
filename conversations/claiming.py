"""The claim: under household, address and message locks the gate is asked, the words are rendered and stored,
an Attempt is written and the message becomes `calling`.

The second of two commits before any byte leaves; the first is the lease (`conversations/leasing.py`).
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from audiences import suppression
from common import sql
from common.segments import count_segments
from common.transactions import atomic_with_retry
from conversations import footers, leasing, listening, pausing, rendering, touches
from conversations.automatic_lane import CONFIRMS
from conversations.delivery import Change, Deferral
from conversations.locks import lock_messages
from conversations.models import Message
from conversations.signals import message_deferred, message_status_changed

State = Message.State
MAX_VALIDITY = timedelta(hours=10)
EMAIL_VALIDITY = timedelta(hours=1)
"""How long news of an email whose call was lost is waited for: the provider tells of what it took by then."""
MIN_VALIDITY_SECONDS = 6
HOLD_LOOK = timedelta(minutes=15)


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

    @property
    def is_email(self) -> bool:
        """Whether it goes to a mailbox."""
        return self.mailbox_id is not None


@dataclass(frozen=True, slots=True)
class _Candidate:
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
    postal_address: str
    subject: str
    unless_booked_since: datetime | None

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


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A candidate that will never be sent."""

    candidate: _Candidate
    state: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A claim with what is stored beside it."""

    claim: Claim
    lane_id: int
    segments: int
    valid_until: datetime
    try_number: int
    tells_opt_out: bool


@atomic_with_retry
def claim(message_ids: Sequence[int], *, now: datetime) -> list[Claim]:
    """Decide leased messages under their locks; returns those now `calling`.

    The others were deferred (window, cap, hold), refused for good (opt-out and the like), found too
    late, or could not be rendered; the layers above are told of each. What a pause of everything holds
    stays queued, and so do campaigns of an account that has become deaf since the lease (`listening`).
    """
    if not message_ids:
        return []
    leased, uncalled = _lock(message_ids)
    candidates = _still_queued(message_ids)
    refused = [_too_late(c) for c in candidates if _is_late(c, now)]
    ready = [c for c in candidates if not _is_late(c, now)]
    verdicts = suppression.may_reach(_reaches(ready, now), now=now)
    deferred: list[tuple[_Candidate, suppression.Verdict]] = []
    rendered: list[_Rendered] = []
    lines = footers.wordings(c.account_id for c in ready)
    untold = footers.untold((c.address_id for c in ready if c.introduces), now)
    for candidate in ready:
        verdict = verdicts[candidate.id]
        if verdict.allowed:
            try:
                line = lines[candidate.account_id].line(candidate.language)
                owed = candidate.address_id in untold and candidate.introduces
                if candidate.is_email:
                    rendered.append(_render_email(candidate, now))
                else:
                    rendered.append(_render(candidate, verdict, line if owed else "", now))
                untold -= {candidate.address_id} if owed else set()
            except rendering.MergeFieldMissing as error:
                refused.append(_Refusal(candidate, State.CANCELLED, "merge_field_missing", str(error)))
        elif verdict.until is None:
            words = "Not sent: " + verdict.reason.replace("_", " ")
            refused.append(_Refusal(candidate, State.CANCELLED, verdict.reason, words))
        else:
            deferred.append((candidate, verdict))
    _finish(refused, now)
    _defer(deferred, now)
    _call(rendered, now)
    if len(candidates) < len(message_ids):
        _release(set(message_ids) - {c.id for c in candidates})
    for made in rendered:
        if made.claim.number_id is not None:
            leased[made.claim.number_id] -= made.segments
            uncalled[made.lane_id] -= 1
    leasing.settle({number_id: -size for number_id, size in leased.items()}, +uncalled, now)
    return [made.claim for made in rendered]


def _is_late(candidate: _Candidate, now: datetime) -> bool:
    return candidate.send_by is not None and candidate.send_by <= now


def _too_late(candidate: _Candidate) -> _Refusal:
    return _Refusal(candidate, State.EXPIRED, "too_late", "Its time to send was over")


def _lock(message_ids: Sequence[int]) -> tuple[Counter[int], Counter[int]]:
    """Households, then addresses, then the messages themselves; then pauses of everything are held off.

    Returns the segments that were leased, by number, and the texts, by lane.
    """
    found = sql.rows(
        "SELECT m.address_id, c.household_id, m.account_id, m.number_id, m.segments, m.lane_id"
        " FROM conversations_message m LEFT JOIN audiences_contact c ON c.id = m.contact_id"
        " WHERE m.id = ANY(%s)",
        [sql.array(message_ids)],
    )
    suppression.lock_households({household for _, household, *_ in found if household is not None})
    suppression.lock_addresses({address for address, *_ in found})
    lock_messages(message_ids)
    pausing.share(account for _, _, account, *_ in found)
    leased, texts = Counter[int](), Counter[int]()
    for *_, number_id, segments, lane_id in found:
        if number_id is not None:
            leased[number_id] += segments
            texts[lane_id] += 1
    return leased, texts


def _still_queued(message_ids: Sequence[int]) -> list[_Candidate]:
    """The leased messages that are still ours to decide, read after the locks were won."""
    found = sql.rows(
        f"""
        SELECT m.id, m.kind, m.origin, m.account_id, m.lane_id, m.contact_id, m.address_id, c.household_id,
            c.zone_set_id, l.window_id, m.number_id, coalesce(n.connection_id, x.connection_id), a.value,
            coalesce(n.e164, x.email), t.body,
            m.variables::text, m.body, m.send_by,
            (SELECT count(*) FROM conversations_attempt x WHERE x.message_id = m.id), c.language,
            (SELECT i.created_at FROM conversations_message i
             WHERE i.id = m.replies_to_id AND i.kind = 'inbound' AND i.address_id = m.address_id
               AND m.kind = 'automatic' AND l.kind = 'automatic'),
            x.id, coalesce(x.name, ''), coalesce(x.postal_address, ''), coalesce(m.subject, t.subject, ''),
            m.unless_booked_since
        FROM conversations_message m
        JOIN conversations_lane l ON l.id = m.lane_id
        JOIN audiences_contact c ON c.id = m.contact_id
        JOIN audiences_address a ON a.id = m.address_id
        LEFT JOIN integrations_sendingnumber n ON n.id = m.number_id
        LEFT JOIN integrations_sendingmailbox x ON x.id = m.mailbox_id
        LEFT JOIN conversations_messagetemplate t ON t.id = m.template_id
        WHERE m.id = ANY(%s) AND m.state = 'queued' AND NOT l.paused AND NOT EXISTS (
            SELECT 1 FROM conversations_sendingpause p WHERE p.account_id = m.account_id AND {pausing.HELD})
          AND (l.kind <> 'campaign' OR NOT EXISTS (
            SELECT 1 FROM conversations_listening h WHERE h.account_id = m.account_id AND {listening.DEAF}))
        ORDER BY c.household_id, m.due_at, m.id
        """,
        [sql.array(message_ids)],
    )
    return [_Candidate(*row) for row in found]


def _reaches(candidates: list[_Candidate], now: datetime) -> list[suppression.Reach]:
    """The candidates as questions to the gate, with what has touched their addresses and homes."""
    addresses = touches.count_by_address({c.address_id for c in candidates}, now)
    homes = touches.count_by_household({c.household_id for c in candidates}, now)
    limits = suppression.household_limits({c.account_id for c in candidates})
    holds = touches.holds([(c.contact_id, c.lane_id) for c in candidates], now)
    answered = touches.answered([c.id for c in candidates if not c.is_email], now)
    answered |= touches.answered_by_email([c.id for c in candidates if c.is_email], now)
    reaches = []
    for c in candidates:
        address = addresses.get(c.address_id, touches.NONE)
        home = homes.get(c.household_id, touches.NONE)
        reaches.append(
            suppression.Reach(
                key=c.id,
                account_id=c.account_id,
                contact_id=c.contact_id,
                address_id=c.address_id,
                household_id=c.household_id,
                zone_set_id=c.zone_set_id,
                window_id=c.window_id,
                medium=suppression.EMAIL if c.is_email else suppression.TEXT,
                automated=c.automated,
                address_touches_24h=address.of_day,
                address_frees_at=touches.address_frees(address),
                household_touches_24h=home.of_day,
                household_touches_7d=home.of_week,
                household_frees_at=touches.household_frees(home, weekly=limits[c.account_id][1]),
                held_until=holds.get((c.contact_id, c.lane_id)),
                answers_message_at=c.answers_at or answered.get(c.id),
                answer=c.answers_at is not None,
                unless_booked_since=c.unless_booked_since,
                confirms=c.confirms,
            )
        )
    return reaches


def _render(c: _Candidate, verdict: suppression.Verdict, footer: str, now: datetime) -> _Rendered:
    """What will be called, with `footer` where one is owed, and how long. Raises MergeFieldMissing."""
    variables = json.loads(c.variables or "null") or {}
    body = c.body if c.body is not None else rendering.render(c.template or "", variables)
    body = footers.with_footer(body, footer) if footer else body
    until = min(verdict.closes_at or now + MAX_VALIDITY, now + MAX_VALIDITY)
    if c.answers_at is not None and c.send_by is not None:
        until = min(c.send_by, now + MAX_VALIDITY)  # an answer outside the hours, and only while it is one
    validity = max(int((until - now).total_seconds()), MIN_VALIDITY_SECONDS)
    claim = Claim(c.id, uuid.uuid4(), c.connection_id, c.number_id, c.to, c.from_, body, validity)
    tells = bool(footer) or (c.automated and footers.tells_opt_out(body))
    return _Rendered(
        claim, c.lane_id, count_segments(body).count, until, try_number=c.tries + 1, tells_opt_out=tells
    )


def _render_email(c: _Candidate, now: datetime) -> _Rendered:
    """As `_render`: an email of a campaign, with what stands below every one. Raises MergeFieldMissing."""
    subject, body = c.subject, c.body
    if body is None:  # else an earlier try has written both
        variables = json.loads(c.variables or "null") or {}
        subject = rendering.render_line(c.subject, variables)
        words = rendering.render(c.template or "", variables)
        body = footers.with_email_footer(words, c.language, c.postal_address)
    until = now + EMAIL_VALIDITY
    claim = Claim(
        c.id, uuid.uuid4(), c.connection_id, None, c.to, c.from_, body, int(EMAIL_VALIDITY.total_seconds()),
        c.mailbox_id, c.from_name, subject,
    )  # fmt: skip
    return _Rendered(claim, c.lane_id, 1, until, try_number=c.tries + 1, tells_opt_out=True)


def _finish(refused: list[_Refusal], now: datetime) -> None:
    """Take messages out of the queue for good and tell the layers above."""
    if not refused:
        return
    sql.run(
        """
        UPDATE conversations_message m SET state = n.state, state_at = %s, due_at = NULL, leased_until = NULL,
            code = n.code, reason = n.reason
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS n(id, state, code, reason)
        WHERE m.id = n.id
        """,
        [now, *sql.arrays([(r.candidate.id, r.state, r.code, r.reason) for r in refused])],
    )
    changes = [Change(r.candidate.id, r.candidate.origin, r.state, r.code, r.reason, False) for r in refused]
    message_status_changed.send(Message, changes=changes, now=now)


def _defer(deferred: list[tuple[_Candidate, suppression.Verdict]], now: datetime) -> None:
    """Leave messages queued for later and tell the layers above."""
    if not deferred:
        return
    deferrals = [Deferral(c.id, c.origin, _ask_again(v, now), v.reason) for c, v in deferred]
    sql.run(
        """
        UPDATE conversations_message m SET due_at = n.until, leased_until = NULL
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE m.id = n.id
        """,
        [[d.message_id for d in deferrals], [d.until for d in deferrals]],
    )
    message_deferred.send(Message, deferrals=deferrals, now=now)


def _ask_again(verdict: suppression.Verdict, now: datetime) -> datetime:
    """When a put-off text is decided anew; a hold may be resolved at any time, so it is asked after often."""
    until = verdict.until or now
    return min(until, now + HOLD_LOOK) if verdict.reason == "hold" else until


def _release(undecided: Collection[int]) -> None:
    """End the lease of what a pause has overtaken, so that it need not run out after the pause has ended."""
    sql.run(
        "UPDATE conversations_message SET leased_until = NULL WHERE id = ANY(%s) AND state = 'queued'",
        [sql.array(undecided)],
    )


def _call(rendered: list[_Rendered], now: datetime) -> None:
    """Store words and attempts: from this commit on the messages are being called."""
    if not rendered:
        return
    ids, bodies, subjects, segments, valid, tells, attempts, tries = sql.arrays(
        [
            (r.claim.message_id, r.claim.body, r.claim.subject, r.segments, r.valid_until, r.tells_opt_out,
             r.claim.attempt_id, r.try_number)
            for r in rendered
        ]
    )  # fmt: skip
    sql.run(
        """
        UPDATE conversations_message m SET state = 'calling', state_at = %s, due_at = NULL,
            leased_until = NULL, claimed_at = clock_timestamp(), variables = NULL,
            body = n.body, subject = n.subject, segments = n.segments, valid_until = n.valid_until,
            tells_opt_out = n.tells
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::bool[])
            AS n(id, body, subject, segments, valid_until, tells) WHERE m.id = n.id
        """,
        [now, ids, bodies, subjects, segments, valid, tells],
    )
    sql.run(
        "INSERT INTO conversations_attempt (id, message_id, try_number, state, started_at, code)"
        " SELECT *, 'calling', %s, '' FROM unnest(%s::uuid[], %s::bigint[], %s::int[])",
        [now, attempts, ids, tries],
    )
