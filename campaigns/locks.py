"""Locking enrollments and their steps: after messages, enrollments first, each in id order."""

from collections.abc import Iterable
from typing import NamedTuple

from campaigns.models import Step
from common import sql

OPEN = [state.value for state in Step.OPEN]


class OpenStep(NamedTuple):
    """An open step of a live enrollment, both locked."""

    step_id: int
    enrollment_id: int
    campaign_id: int
    version_id: int
    node_id: int
    has_reply: bool  # one that no step of its enrollment awaited


def lock_enrollments(enrollment_ids: Iterable[int]) -> None:
    """Lock these enrollments until the caller's transaction ends."""
    sql.run(
        "SELECT count(*) FROM (SELECT FROM campaigns_enrollment WHERE id = ANY(%s::bigint[])"
        " ORDER BY id FOR NO KEY UPDATE) held",
        [sql.array(sorted(enrollment_ids))],
        often=True,
    )


def lock_open_steps(step_ids: Iterable[int]) -> list[OpenStep]:
    """Lock those of these steps that are open, and first their enrollments; what is live and open then.

    Call it once for all that a transaction concerns: two rounds would break the order of ids.
    """
    ordered = sorted(step_ids)
    if not ordered:
        return []
    wanted = sql.array(ordered)
    # A step that has ended never opens again, so only open ones are worth a lock.
    lock_enrollments(
        sql.column(
            "SELECT DISTINCT enrollment_id FROM campaigns_step"
            " WHERE id = ANY(%s::bigint[]) AND state = ANY(%s::text[])",
            [wanted, OPEN],
            often=True,
        )
    )
    # A later statement, so that its snapshot has what was written by whom we waited for.
    found = sql.rows(
        """
        SELECT s.id, s.enrollment_id, s.campaign_id, e.version_id, s.node_id, e.reply_id IS NOT NULL
        FROM campaigns_step s JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        WHERE s.id = ANY(%s::bigint[]) AND s.state = ANY(%s::text[]) AND e.state = 'active'
        ORDER BY s.id FOR NO KEY UPDATE OF s
        """,
        [wanted, OPEN],
        often=True,
    )
    return [OpenStep(*row) for row in found]
