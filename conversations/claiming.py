"""The claim: under household, address and message locks the gate is asked, the words are rendered and stored,
an Attempt is written and the message becomes `calling`.

The second of two commits before any byte leaves; the first is the lease (`conversations/leasing.py`).
"""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError

from audiences import suppression
from common import clock, sql
from common.transactions import atomic_with_retry
from conversations import delivery, footers, leasing, media, pausing, rendering, touches
from conversations.candidates import Candidate, Claim, still_queued
from conversations.claim_words import Rendered, render_email, render_text
from conversations.delivery import Change, Deferral
from conversations.emails import identity
from conversations.locks import lock_messages
from conversations.models import Message
from conversations.signals import message_deferred, message_status_changed

log = logging.getLogger(__name__)
State = Message.State
CLAIM_VALID_SECONDS = 3.0
"""From before the claim, on a monotonic clock: no call begins later."""
HOLD_LOOK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A candidate that will never be sent."""

    candidate: Candidate
    state: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What a claim made of messages. What it left alone is in none of these."""

    claims: list[Claim]
    deferrals: list[Deferral]


@atomic_with_retry
def claim(message_ids: Sequence[int], *, now: datetime) -> list[Claim]:
    """Decide leased messages under their locks; returns those now `calling`.

    The others were deferred (window, cap, hold), refused for good (opt-out and the like), found too
    late, or could not be rendered; the layers above are told of each. What a pause of everything holds
    stays queued, and so do campaigns of an account that has become deaf since the lease (`listening`).
    """
    return _decide(message_ids, now, leased=True).claims if message_ids else []


@atomic_with_retry
def decide(message_ids: Sequence[int], *, now: datetime) -> Decided:
    """As `claim`, of messages that nobody has leased: no number's pace is touched. For who sends none."""
    return _decide(message_ids, now, leased=False) if message_ids else Decided([], [])


def _decide(message_ids: Sequence[int], now: datetime, *, leased: bool) -> Decided:
    sizes, uncalled = _lock(message_ids)
    candidates = still_queued(message_ids, now)
    refused = [_too_late(c) for c in candidates if _is_late(c, now)]
    ready = [c for c in candidates if not _is_late(c, now)]
    verdicts = suppression.may_reach(_reaches(ready, now), now=now)
    deferred: list[tuple[Candidate, suppression.Verdict]] = []
    rendered: list[Rendered] = []
    lines = footers.wordings(c.account_id for c in ready)
    untold = footers.untold((c.address_id for c in ready if c.introduces), now)
    pictures = media.of_claims(ready)
    mailboxes = {c.mailbox_id for c in ready if c.mailbox_id is not None}
    identities = identity.of_mailboxes(mailboxes) if mailboxes else {}
    for candidate in ready:
        verdict = verdicts[candidate.id]
        if verdict.allowed:
            try:
                line = lines[candidate.account_id].line(candidate.language)
                owed = candidate.address_id in untold and candidate.introduces
                if candidate.mailbox_id is not None:
                    rendered.append(render_email(candidate, identities[candidate.mailbox_id], now))
                else:
                    rendered.append(
                        render_text(
                            candidate, verdict, line if owed else "", pictures.get(candidate.id, ()), now
                        )
                    )
                untold -= {candidate.address_id} if owed else set()
            except rendering.MergeFieldMissing as error:
                refused.append(_Refusal(candidate, State.CANCELLED, "merge_field_missing", str(error)))
        elif verdict.until is None:
            words = "Not sent: " + verdict.reason.replace("_", " ")
            refused.append(_Refusal(candidate, State.CANCELLED, verdict.reason, words))
        else:
            deferred.append((candidate, verdict))
    _finish(refused, now)
    deferrals = _defer(deferred, now)
    _call(rendered, now)
    if len(candidates) < len(message_ids):
        _release(set(message_ids) - {c.id for c in candidates})
    if leased:
        for made in rendered:
            if made.claim.number_id is not None:
                sizes[made.claim.number_id] -= made.segments
                uncalled[made.lane_id] -= 1
        leasing.settle({number_id: -size for number_id, size in sizes.items()}, +uncalled, now)
    return Decided([made.claim for made in rendered], deferrals)


def claim_apart(message_ids: Sequence[int]) -> list[Claim]:
    """Claim a batch; where one message breaks it, claim each alone and park the broken one as failed.

    An unreachable database is no message's fault and is raised.
    """
    try:
        return claim(message_ids, now=clock.now())
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a batch of %s could not be claimed", len(message_ids))
        if len(message_ids) == 1:
            _park(message_ids[0])
            return []
        return [made for message_id in message_ids for made in claim_apart([message_id])]


@atomic_with_retry
def _park(message_id: int) -> None:
    words = "Not sent: something in it cannot be handled"
    delivery.advance([delivery.Move(message_id, State.FAILED, None, "broken", words, 0)], now=clock.now())


def _is_late(candidate: Candidate, now: datetime) -> bool:
    return candidate.send_by is not None and candidate.send_by <= now


def _too_late(candidate: Candidate) -> _Refusal:
    return _Refusal(candidate, State.EXPIRED, "too_late", "Its time to send was over")


def _lock(message_ids: Sequence[int]) -> tuple[Counter[int], Counter[int]]:
    """Households, then addresses, then the messages themselves; then pauses of everything are held off.

    Returns the segments that were leased, by number, and the texts, by lane.
    """
    found = sql.rows(
        "SELECT m.address_id, c.household_id, m.account_id, m.number_id, m.segments, m.lane_id"
        " FROM conversations_message m LEFT JOIN audiences_contact c ON c.id = m.contact_id"
        " WHERE m.id = ANY(%s::bigint[])",
        [sql.array(message_ids)],
        often=True,
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


def _reaches(candidates: list[Candidate], now: datetime) -> list[suppression.Reach]:
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


def _defer(deferred: list[tuple[Candidate, suppression.Verdict]], now: datetime) -> list[Deferral]:
    """Leave messages queued for later and tell the layers above; what those are told."""
    if not deferred:
        return []
    deferrals = [Deferral(c.id, c.origin, _ask_again(v, now), v.reason) for c, v in deferred]
    sql.run(
        """
        UPDATE conversations_message m SET due_at = n.until, leased_until = NULL
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE m.id = n.id
        """,
        [[d.message_id for d in deferrals], [d.until for d in deferrals]],
    )
    message_deferred.send(Message, deferrals=deferrals, now=now)
    return deferrals


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


def _call(rendered: list[Rendered], now: datetime) -> None:
    """Store words and attempts: from this commit on the messages are being called."""
    if not rendered:
        return
    ids, bodies, subjects, segments, valid, tells, linked, attempts, tries = sql.arrays(
        [
            (r.claim.message_id, r.claim.body, r.claim.subject, r.segments, r.valid_until, r.tells_opt_out,
             r.carries_link, r.claim.attempt_id, r.try_number)
            for r in rendered
        ]
    )  # fmt: skip
    sql.run(
        """
        UPDATE conversations_message m SET state = 'calling', state_at = %s, due_at = NULL,
            leased_until = NULL, claimed_at = clock_timestamp(),
            variables = CASE WHEN m.mailbox_id IS NOT NULL THEN m.variables END,
            body = n.body, subject = n.subject, segments = n.segments, valid_until = n.valid_until,
            tells_opt_out = n.tells, carries_link = n.linked
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::bool[],
            %s::bool[])
            AS n(id, body, subject, segments, valid_until, tells, linked) WHERE m.id = n.id
        """,
        [now, ids, bodies, subjects, segments, valid, tells, linked],
        often=True,
    )
    sql.run(
        "INSERT INTO conversations_attempt (id, message_id, try_number, state, started_at, code)"
        " SELECT *, 'calling', %s::timestamptz, '' FROM unnest(%s::uuid[], %s::bigint[], %s::int[])",
        [now, attempts, ids, tries],
        often=True,
    )
