"""How asking the provider for calls ended: taken, refused, or not known, which is looked up, never repeated.

What becomes of a call that was taken: `conversations/call_progress.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common import sql
from conversations import planned_calls
from conversations.call_candidates import CallClaim
from conversations.call_progress import CODE_LENGTH, FINAL, REASON_LENGTH, News, advance, give_to_agents
from conversations.locks import lock_planned_calls
from conversations.models import PlannedCall
from conversations.planned_calls import CallChange, CallDeferral
from integrations.messaging import CallReceipt, CallReport, CallState, ProviderError

BUSY_PROVIDER = "provider_busy"
_ABANDONED = "abandoned"
_SHORTEST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class PlacingResult:
    """How asking the provider for one call ended: a receipt, or the error."""

    claim: CallClaim
    result: CallReceipt | ProviderError


def record(results: Sequence[PlacingResult], *, now: datetime) -> None:
    """Store how asking for calls ended, inside the caller's transaction.

    Acceptance and final refusals settle them, passing refusals put the planned calls back, but where one of
    ours has ended the call meanwhile, and calls whose answer was lost are unknown: looked up, never repeated.
    Recording the same ends again changes nothing.
    """
    lock_planned_calls(each.claim.planned_id for each in results)
    errors = [(each.claim, each.result) for each in results if isinstance(each.result, ProviderError)]
    news = [
        News(r.claim.call_id, CallReport(r.result.provider_id, r.result.status, CallState.ACCEPTED, 1))
        for r in results
        if isinstance(r.result, CallReceipt)
    ]
    wished_over = _still_open([claim.call_id for claim, _ in errors])
    errors = [(claim, error) for claim, error in errors if claim.call_id in wished_over]
    passing = list[tuple[CallClaim, ProviderError]]()
    for claim, error in errors:
        if error.accepted == "no" and error.permanent:
            state = CallState((error.state or CallState.FAILED).value)
            report = CallReport("", "", state, FINAL, code=error.code, meaning=error.message)
            news.append(News(claim.call_id, report))
        elif error.accepted == "no" and wished_over[claim.call_id]:
            news.append(News(claim.call_id, CallReport("", "", CallState.CANCELLED, FINAL)))
        elif error.accepted == "no":
            passing.append((claim, error))
    advance(news, now=now)
    _put_back(passing, now)
    mark_unknown([(c.call_id, e.code) for c, e in errors if e.accepted == "unknown"], now=now)


def _still_open(call_ids: Sequence[int]) -> dict[int, bool]:
    """Those of these calls whose end nobody knows yet, and whether one of ours wished a script's to end."""
    return dict(
        sql.rows(
            "SELECT id, hang_up_at IS NOT NULL AND agent_phone = '' FROM conversations_call"
            " WHERE id = ANY(%s::bigint[]) AND state IN ('calling', 'unknown') AND provider_id IS NULL",
            [sql.array(call_ids)],
        )
    )


def _put_back(refused: Sequence[tuple[CallClaim, ProviderError]], now: datetime) -> None:
    """Proven not taken: a script's call waits longer each time, an agent's is in the agent's hands again."""
    if not refused:
        return
    rows = [(c.call_id, e.code[:CODE_LENGTH], e.message[:REASON_LENGTH]) for c, e in refused]
    sql.run(
        """
        UPDATE conversations_call k SET state = 'refused', state_at = %s, ended_at = %s, code = n.code,
            reason = n.reason FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n(id, code, reason)
        WHERE k.id = n.id AND k.state IN ('calling', 'unknown')
        """,
        [now, now, *sql.arrays(rows)],
    )
    give_to_agents([c.planned_id for c, _ in refused if not c.listens_for_machines], now=now)
    scripted = [(c, e) for c, e in refused if c.listens_for_machines]
    times = dict(
        sql.rows(
            "SELECT planned_id, count(*) FROM conversations_call WHERE state = 'refused'"
            " AND planned_id = ANY(%s::bigint[]) GROUP BY planned_id",
            [sql.array(c.planned_id for c, _ in scripted)],
        )
    )
    origins = dict(
        PlannedCall.objects.filter(pk__in=list(times), state__in=("calling", "unknown")).values_list(
            "pk", "origin"
        )
    )
    waits = {c.planned_id: _wait(e.retry_after, times.get(c.planned_id, 1)) for c, e in scripted}
    planned_calls.defer(
        [CallDeferral(pk, origin, now + waits[pk], BUSY_PROVIDER) for pk, origin in sorted(origins.items())],
        now=now,
    )


def _wait(retry_after: float | None, times: int) -> timedelta:
    doubled = min(_LONGEST_RETRY_SECONDS, 2.0 ** min(times, 20) / 2)
    return timedelta(seconds=max(retry_after or 0.0, _SHORTEST_RETRY_SECONDS, doubled))


def mark_unknown(lost: Sequence[tuple[int, str]], *, now: datetime) -> int:
    """Nobody knows whether the provider took these calls: (call id, code), but one that was ended keeps its
    own. Their planned calls are locked by the caller. How many were being placed until now."""
    if not lost:
        return 0
    rows = sql.arrays([(call_id, code[:CODE_LENGTH]) for call_id, code in lost])
    planned = sql.column(
        f"""
        UPDATE conversations_call k SET state = 'unknown', state_at = %s,
            code = CASE WHEN k.code = '{planned_calls.HUNG_UP}' THEN k.code ELSE n.code END
        FROM unnest(%s::bigint[], %s::text[]) AS n(id, code) WHERE k.id = n.id AND k.state = 'calling'
        RETURNING k.planned_id
        """,
        [now, *rows],
    )
    found = sql.rows(
        """
        UPDATE conversations_plannedcall SET state = 'unknown', state_at = %s
        WHERE id = ANY(%s::bigint[]) AND state = 'calling'
        RETURNING id, origin, state, outcome, code, reason, false
        """,
        [now, sql.array(planned)],
    )
    planned_calls.tell_changed([CallChange(*row) for row in found], now)
    return len(planned)


def sweep_abandoned(*, older_than_seconds: float, now: datetime) -> int:
    """Calls that nobody recorded are unknown: whoever was placing them is dead. Inside the caller's
    transaction; how many."""
    found = sql.rows(
        """
        SELECT k.id, k.planned_id FROM conversations_call k
        WHERE k.state = 'calling' AND k.claimed_at < clock_timestamp() - %s * interval '1 second'
        ORDER BY k.id
        """,
        [older_than_seconds],
    )
    lock_planned_calls(planned_id for _, planned_id in found if planned_id is not None)
    return mark_unknown([(call_id, _ABANDONED) for call_id, _ in found], now=now)
