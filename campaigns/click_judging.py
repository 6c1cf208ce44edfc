"""Whose click it was: decided some seconds later, when what came beside it is known, and never changed after.

A person's first click on a message counts the message; what a machine followed is counted apart. What a
request says of itself was noted as it came (`campaigns/link_bots.py`).
"""

from datetime import datetime, timedelta

from campaigns.models import Click
from common import sql
from common.transactions import atomic_with_retry
from conversations.locks import lock_messages

WAIT = timedelta(seconds=4)  # longer than what is looked at before and after a click
BATCH = 2_000

_TAKE = """
    SELECT id FROM campaigns_click WHERE judged_at IS NULL AND at <= %s {only}
    ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
# The first reason that applies. Nobody reads a message and follows its link within two seconds of its
# sending, nor two links of it within two; and nobody sees a trap.
_JUDGE = """
    UPDATE campaigns_click k SET judged_at = %(now)s, kind = j.kind, reason = j.reason, again = j.again
    FROM (
        SELECT t.id, CASE WHEN t.kind = '' AND why.reason = '' THEN 'human'
                WHEN t.kind = '' THEN 'machine' ELSE t.kind END AS kind,
            CASE WHEN t.kind = '' THEN why.reason ELSE t.reason END AS reason,
            EXISTS (SELECT FROM campaigns_click p WHERE p.code_id = t.code_id AND p.id < t.id
                AND p.client = t.client AND p.user_agent = t.user_agent AND p.at > t.at - interval '10 s')
                AS again
        FROM campaigns_click t
        JOIN campaigns_linkcode c ON c.id = t.code_id
        JOIN campaigns_trackedlink l ON l.id = c.link_id
        LEFT JOIN campaigns_step s ON s.id = c.step_id
        LEFT JOIN conversations_message m ON m.id = s.message_id
        CROSS JOIN LATERAL (SELECT CASE
            WHEN l.trap THEN 'trap'
            WHEN t.at < m.accepted_at + interval '2 s' THEN 'too_soon'
            WHEN m.mailbox_id IS NOT NULL AND m.state = 'delivered'
                AND t.at >= m.state_at AND t.at < m.state_at + interval '2 s' THEN 'too_soon'
            WHEN EXISTS (
                SELECT FROM campaigns_linkcode oc JOIN campaigns_click o ON o.code_id = oc.id
                JOIN campaigns_trackedlink ol ON ol.id = oc.link_id
                WHERE oc.step_id = c.step_id AND ol.trap AND t.client <> '' AND o.client = t.client
                  AND o.at > t.at - interval '10 min' AND o.at < t.at + interval '2 s') THEN 'trap'
            WHEN EXISTS (
                SELECT FROM campaigns_linkcode oc JOIN campaigns_click o ON o.code_id = oc.id
                WHERE oc.step_id = c.step_id AND oc.link_id <> c.link_id
                  AND o.at > t.at - interval '2 s' AND o.at < t.at + interval '2 s') THEN 'many_links'
            ELSE '' END AS reason) why
        WHERE t.id = ANY(%(clicks)s::bigint[])
    ) j WHERE k.id = j.id
"""
_FOLLOWED = """
    SELECT c.id, s.message_id, min(k.at) FILTER (WHERE k.kind = 'human'),
        min(k.at) FILTER (WHERE k.kind <> 'human')
    FROM campaigns_click k JOIN campaigns_linkcode c ON c.id = k.code_id
    LEFT JOIN campaigns_step s ON s.id = c.step_id
    WHERE k.id = ANY(%s::bigint[]) GROUP BY c.id, s.message_id ORDER BY c.id
"""
# Once set, an instant stays: what has been counted is not counted elsewhere.
_MESSAGES = """
    UPDATE conversations_message m SET clicked_at = n.at
    FROM (SELECT id, min(at) AS at FROM unnest(%s::bigint[], %s::timestamptz[]) AS q (id, at) GROUP BY id) n
    WHERE m.id = n.id AND m.clicked_at IS NULL
"""
_CODES = """
    UPDATE campaigns_linkcode c SET clicked_at = coalesce(c.clicked_at, n.person),
        machine_at = coalesce(c.machine_at, n.machine)
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS n (id, person, machine)
    WHERE c.id = n.id
      AND (c.clicked_at IS NULL AND n.person IS NOT NULL OR c.machine_at IS NULL AND n.machine IS NOT NULL)
"""


@atomic_with_retry
def judge(*, now: datetime, limit: int = BATCH, among: list[int] | None = None) -> int:
    """Judge the oldest clicks that are old enough, of `among` alone where given; how many. Messages are
    locked before their codes."""
    only = "" if among is None else "AND id = ANY(%s)"
    named = [] if among is None else [among]
    clicks = sql.column(_TAKE.format(only=only), [now - WAIT, *named, limit])
    if not clicks:
        return 0
    sql.run(_JUDGE, {"now": now, "clicks": sql.array(clicks)})
    followed = sql.rows(_FOLLOWED, [sql.array(clicks)])
    people = [(message, person) for _, message, person, _ in followed if message and person]
    if people:
        lock_messages(sorted({message for message, _ in people}))
        sql.run(_MESSAGES, sql.arrays(people))
    sql.run(_CODES, sql.arrays([(code, person, machine) for code, _, person, machine in followed]))
    return len(clicks)


def waiting() -> int:
    """Clicks that nobody has judged yet."""
    return Click.objects.filter(judged_at=None).count()
