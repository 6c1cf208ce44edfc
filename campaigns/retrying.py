"""Trying again what failed: another pass of the same node, so that one message per step stays the rule.

Only messages that the provider refused, or whose tries ran out before anybody took them. Never one whose end
is unknown, nor one that was taken and not delivered: those may have arrived. Nobody goes back in the passage:
the new pass leads nowhere (`Retry`), and the passage goes on, or is over, as it was.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts import audit
from accounts.models import User
from campaigns import enrolling, passages, version_moves
from campaigns.lifecycle import NotPossible
from campaigns.models import Campaign, Node
from campaigns.words import number_of
from common import sql
from common.transactions import atomic_with_retry

SENDS = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL)
MOST = 5_000  # in one act: who ends an enrollment meanwhile waits no longer than for these
# Of a step `s` and its enrollment `e`: failed for good, nobody took the message, no later try.
_SAFE = """
    s.state = 'failed' AND split_part(s.reason, ':', 1) IN ('failed', 'rejected', 'blocked')
    AND EXISTS (SELECT 1 FROM conversations_message m WHERE m.id = s.message_id AND m.accepted_at IS NULL
        AND m.state IN ('failed', 'rejected', 'blocked'))
    AND NOT EXISTS (SELECT 1 FROM campaigns_step p WHERE p.enrollment_id = s.enrollment_id
        AND p.node_id = s.node_id AND p.pass_number > s.pass_number)"""
_OPEN_TO_IT = f"""
    n.version_id = e.version_id
    AND n.version_id = (SELECT c.version_id FROM campaigns_campaign c WHERE c.id = e.campaign_id)
    AND (e.state = 'active' OR e.ended_reason = '{passages.FINISHED}' AND NOT EXISTS (
        SELECT 1 FROM campaigns_enrollment o WHERE o.campaign_id = e.campaign_id AND o.state = 'active'
        AND (o.contact_id = e.contact_id OR o.address_id = e.address_id)))"""


@dataclass(frozen=True, slots=True)
class Failed:
    """What failed at one node for one reason, and how many of those can be tried again."""

    key: str
    name: str
    reason: str
    steps: int
    possible: int


def failed(campaign: Campaign) -> list[Failed]:
    """Everything that failed and was not tried again, by node and reason, most first."""
    found = sql.rows(
        f"""
        SELECT n.key, max(n.name), s.reason, count(*),
            count(*) FILTER (WHERE n.kind = ANY(%(sends)s) AND {_SAFE} AND {_OPEN_TO_IT})
        FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        WHERE s.campaign_id = %(campaign)s AND s.reason <> '' AND s.state = 'failed'
          AND NOT EXISTS (SELECT 1 FROM campaigns_step p WHERE p.enrollment_id = s.enrollment_id
            AND p.node_id = s.node_id AND p.pass_number > s.pass_number)
        GROUP BY 1, 3 ORDER BY 4 DESC, 1, 3
        """,
        {"campaign": campaign.pk, "sends": list(SENDS)},
    )
    return [Failed(*row) for row in found]


def why_not(campaign: Campaign) -> str:
    """Why nothing of this campaign can be tried again; empty where it can."""
    if campaign.stopped_at is not None:
        return "This campaign was stopped: nothing of it is sent again."
    if campaign.status == Campaign.Status.CREATED:
        return "This campaign was never launched."
    if any(move.campaign_id == campaign.pk for move in version_moves.under_way()):
        return "People are being moved to another version. Wait until that is over."
    return ""


@atomic_with_retry
def retry(campaign: Campaign, key: str, reason: str, *, by: User, now: datetime) -> int:
    """Try again what failed at a node for this reason, at most `MOST` at once; how many.

    A completed campaign is active again for that. Raises NotPossible.
    """
    enrolling.alone(campaign)
    locked = (
        Campaign.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account")
        .get(pk=campaign.pk)
    )
    if refusal := why_not(locked):
        raise NotPossible(refusal)
    again = _reopen(locked.pk, key, reason)
    if not again:
        raise NotPossible("Nothing of it can be tried again: it was already, or might have arrived.")
    made = _insert(locked, again, now)
    if locked.status == Campaign.Status.COMPLETED:
        locked.status, locked.completed_at = Campaign.Status.ACTIVE, None
        locked.save(update_fields=["status", "completed_at"])
    name = (
        Node.objects.filter(version=locked.version_id, key=key).values_list("name", flat=True).first() or key
    )
    audit.record(
        account=locked.account, by=by, verb="retried_failed", on=locked,
        summary=f"Tried {number_of(made, 'failed message')} of {locked.name} again, at “{name}”",
        detail={"reason": reason, "node": key},
    )  # fmt: skip
    return made


def _reopen(campaign_id: int, key: str, reason: str) -> list[int]:
    """The steps to be tried again: their enrollments are locked first, and live afterwards."""
    wanted = f"""
        FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        WHERE s.campaign_id = %(campaign)s AND s.reason <> '' AND s.reason = %(reason)s AND n.key = %(key)s
          AND n.kind = ANY(%(sends)s) AND {_SAFE} AND {_OPEN_TO_IT}"""
    params = {
        "campaign": campaign_id, "reason": reason, "key": key, "sends": list(SENDS), "most": MOST,
    }  # fmt: skip
    enrollments = sql.column(f"SELECT DISTINCT e.id {wanted} ORDER BY e.id LIMIT %(most)s", params)
    if not enrollments:
        return []
    sql.run(
        "SELECT 1 FROM campaigns_enrollment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [enrollments]
    )
    # A later statement sees what those we waited for have ended. Of two passages of one person one goes on.
    params["enrollments"] = enrollments
    steps = sql.column(
        f"""
        SELECT q.id FROM (
            SELECT DISTINCT ON (o.contact_id) o.id FROM (
                SELECT DISTINCT ON (e.address_id) s.id, e.contact_id, e.state, e.id AS enrollment
                {wanted} AND e.id = ANY(%(enrollments)s)
                ORDER BY e.address_id, e.state, e.id DESC, s.id DESC) o
            ORDER BY o.contact_id, o.state, o.enrollment DESC) q
        ORDER BY q.id
        """,
        params,
    )
    sql.run(
        "UPDATE campaigns_enrollment e SET state = 'active', ended_at = NULL, ended_reason = ''"
        " FROM campaigns_step s WHERE s.id = ANY(%s) AND e.id = s.enrollment_id AND e.state = 'ended'",
        [steps],
    )
    return steps


def _insert(campaign: Campaign, step_ids: list[int], now: datetime) -> int:
    """The new passes, due at once."""
    send_by = passages.send_by(campaign.pk, Node.Kind.SEND_SMS, now)
    return sql.run(
        """
        WITH made AS (
            INSERT INTO campaigns_step
                (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at,
                 send_by)
            SELECT s.campaign_id, s.enrollment_id, s.node_id, s.pass_number + 1, 'scheduled', %(now)s,
                %(now)s, %(now)s, %(send_by)s
            FROM campaigns_step s WHERE s.id = ANY(%(steps)s) RETURNING id)
        INSERT INTO campaigns_retry (step_id) SELECT id FROM made
        """,
        {"steps": step_ids, "now": now, "send_by": send_by},
    )
