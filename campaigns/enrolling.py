"""Entering a campaign: audience minus suppression, in slices that survive a crash at any instant.

Each slice is one transaction that inserts enrollments, snapshots, first steps and exclusions, and moves the
intake's cursor; a killed worker loses at most the slice it was in. A per-campaign advisory lock keeps two
workers from evaluating the same campaign at once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from audiences import fitness, segments
from audiences.locks import share_jobs
from campaigns import graph, passages, starts
from campaigns.models import Campaign, Canary, Intake
from campaigns.nodes import KINDS
from campaigns.snapshots import SNAPSHOT_JOINS, SNAPSHOT_SQL
from common import sql
from common.transactions import atomic_with_retry

SLICE = 20_000
_LOCK_CLASS = 7101  # advisory locks of this module, beside the campaign's id
_STEERED = ("version_id", "starts_at", "first_day", "first_minute")  # what changes while people enter
SAME_PHONE, ALREADY_IN = "same_phone", "already_in"
# Candidates are materialized, or what makes them unfit would be asked again by every mention.
# `picked` decides the reason once: unfit in itself, already here, or sharing a phone with somebody who is.
# Of several contacts with one phone the first by id enters.
_CANDIDATES_SQL = f"""
    SELECT c.id AS contact_id, a.id AS address_id, {fitness.entry_reason_sql()} AS unfit
    FROM audiences_contact c
    LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
"""
_SHARES_A_PHONE_SQL = "row_number() OVER (PARTITION BY q.address_id, q.unfit ORDER BY q.contact_id) > 1"


class NotLaunched(Exception):
    """The campaign may not take anybody in: its launch can still be undone, was, or waits for a second
    person."""


def _slice_sql(again: str, local: bool = False) -> str:
    """The statement that enters one slice; `local` where each zone has an instant of its own.

    `again` is empty where nobody can have been in the campaign before; else it says which earlier passages
    (`e`) keep a contact, or the phone they used, from entering once more. Whoever has been in this occurrence
    is admitted or excluded only once: that is what "matched" counts.
    """
    was_here = _WAS_HERE_SQL if again else "FALSE"
    known = _KNOWN_SQL if again else "FALSE"
    returning = _RETURNING_SQL if again else "FALSE"
    used = f"(e.state = 'active' OR {again})" if again else "e.state = 'active'"
    due, place = ("%(due)s, %(send_by)s", "") if not local else (_LOCAL_DUE, _LOCAL_SQL)
    phone_used = f"WHEN {_PHONE_USED_SQL} AND {again}) THEN '{SAME_PHONE}'" if again else ""
    return f"""
WITH {fitness.MOMENT_SQL.replace("%s", "%(now)s")},
candidates AS MATERIALIZED ({_CANDIDATES_SQL} WHERE c.id = ANY(%(ids)s::bigint[])),
picked AS (
    SELECT q.contact_id, q.address_id, CASE
        WHEN EXISTS (SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = %(campaign)s
            AND e.contact_id = q.contact_id AND {used}) THEN '{ALREADY_IN}'
        WHEN q.unfit <> '' THEN q.unfit
        WHEN EXISTS (SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = %(campaign)s
            AND e.address_id = q.address_id AND e.state = 'active') THEN '{SAME_PHONE}'
        {phone_used}
        WHEN {_SHARES_A_PHONE_SQL} THEN '{SAME_PHONE}'
        ELSE '' END AS reason
    FROM candidates q
), admitted AS (
    INSERT INTO campaigns_enrollment
        (campaign_id, version_id, occurrence, contact_id, address_id, entered_at, "returning")
    SELECT %(campaign)s, %(version)s, %(occurrence)s, contact_id, address_id, %(now)s,
        {returning}
    FROM picked WHERE reason = '' ORDER BY contact_id
    ON CONFLICT DO NOTHING
    RETURNING id, contact_id
), snapshots AS (
    INSERT INTO campaigns_enrollmentsnapshot (enrollment_id, data)
    SELECT n.id, {SNAPSHOT_SQL}
    FROM admitted n JOIN audiences_contact c ON c.id = n.contact_id
    JOIN accounts_account acc ON acc.id = c.account_id
    {SNAPSHOT_JOINS}
), steps AS (
    INSERT INTO campaigns_step
        (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at, send_by)
    SELECT %(campaign)s, n.id, %(node)s, %(state)s, %(now)s, %(now)s, {due}
    FROM admitted n {place} ORDER BY n.id
), excluded AS (
    INSERT INTO campaigns_exclusion (campaign_id, occurrence, contact_id, reason, at)
    SELECT %(campaign)s, %(occurrence)s, contact_id, reason, %(now)s
    FROM picked who WHERE reason NOT IN ('', '{ALREADY_IN}') AND NOT {was_here}
    ON CONFLICT DO NOTHING
){_READMITTED_SQL if again else ""}
SELECT
    (SELECT count(*) FROM picked who WHERE reason <> '{ALREADY_IN}' AND NOT {was_here} AND NOT {known}),
    (SELECT count(*) FROM admitted who WHERE NOT {was_here})
"""


_LOCAL_DUE = "coalesce(z.due, %(due)s), CASE WHEN z.due IS NULL THEN %(send_by)s ELSE z.send_by END"
_LOCAL_SQL = """JOIN audiences_contact p ON p.id = n.contact_id
    LEFT JOIN unnest(%(zones)s::bigint[], %(dues)s::timestamptz[], %(send_bys)s::timestamptz[])
        AS z(zone_set_id, due, send_by) ON z.zone_set_id = p.zone_set_id"""
# By the contacts of the phone: passages that have ended are not indexed by it.
_PHONE_USED_SQL = """EXISTS (
    SELECT 1 FROM audiences_contactaddress ca JOIN campaigns_enrollment e ON e.contact_id = ca.contact_id
    WHERE ca.address_id = q.address_id AND e.campaign_id = %(campaign)s AND e.address_id = q.address_id"""
_WAS_HERE_SQL = """EXISTS (
    SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = %(campaign)s
    AND e.contact_id = who.contact_id AND e.occurrence = %(occurrence)s)"""
_RETURNING_SQL = """EXISTS (SELECT 1 FROM campaigns_enrollment e
        WHERE e.campaign_id = %(campaign)s AND e.contact_id = picked.contact_id)"""
_KNOWN_SQL = """EXISTS (
    SELECT 1 FROM campaigns_exclusion x WHERE x.campaign_id = %(campaign)s
    AND x.contact_id = who.contact_id AND x.occurrence = %(occurrence)s)"""
_READMITTED_SQL = """, readmitted AS (
    DELETE FROM campaigns_exclusion x USING admitted n WHERE x.campaign_id = %(campaign)s
    AND x.occurrence = %(occurrence)s AND x.contact_id = n.contact_id
)"""
_KEEPS_OUT_SQL = {
    Campaign.Again.NEVER: "TRUE",
    Campaign.Again.AFTER_DAYS: "e.ended_at > %(now)s::timestamptz - %(again_days)s * interval '1 day'",
    Campaign.Again.EACH_OCCURRENCE: "e.occurrence = %(occurrence)s",
}
"""Which earlier passage of a campaign keeps somebody out, by its terms."""


def enroll(
    campaign: Campaign,
    *,
    now: datetime,
    occurrence: int = 1,
    go_on: Callable[[], bool] = lambda: True,
    most: int | None = None,
) -> Intake:
    """Evaluate a launched campaign's audience, from wherever an earlier run came to.

    Asks `go_on` before each slice and leaves the rest to a later run where it says no. Of more than `most`
    who would be admitted, the others are passed over. Where a few go first, it ends with them until the
    others' turn. Raises InvalidRules and NotLaunched.
    """
    from campaigns import canary  # which imports this module

    intake = _begin(campaign, occurrence, now)
    if canary.asked(campaign) and go_on() and canary.draw(campaign, intake.pk, now=now, most=most):
        return Intake.objects.get(pk=intake.pk)
    while intake.finished_at is None and go_on():
        intake = enroll_slice(campaign, intake.pk, now=now, most=most)
    return intake


@atomic_with_retry
def _begin(campaign: Campaign, occurrence: int, now: datetime) -> Intake:
    """The occurrence's row. Whoever undoes the launch holds the same lock, and one of us sees the other."""
    known = Intake.objects.filter(campaign=campaign, occurrence=occurrence).first()
    if known is not None:
        return known
    alone(campaign)
    if not runs(campaign, now):
        raise NotLaunched(f"campaign {campaign.pk} may not take anybody in")
    return Intake.objects.get_or_create(
        campaign=campaign, occurrence=occurrence, defaults={"started_at": now}
    )[0]


def runs(campaign: Campaign, now: datetime | None = None) -> bool:
    """Whether a campaign, as it is committed, may take people in (by `now`, where given)."""
    found = Campaign.objects.filter(pk=campaign.pk).values_list("status", "held_until").first()
    if found is None or found[0] == Campaign.Status.CREATED:
        return False
    return now is None or found[1] is None or found[1] <= now


@atomic_with_retry
def enroll_slice(
    campaign: Campaign, intake_id: int, *, now: datetime, size: int = SLICE, most: int | None = None
) -> Intake:
    """Evaluate the next `size` contacts by id and move the cursor, in one transaction."""
    alone(campaign)
    intake = Intake.objects.select_for_update(no_key=True).get(pk=intake_id)
    if intake.finished_at is not None:
        return intake
    status = Campaign.objects.values_list("status", flat=True).get(pk=campaign.pk)
    over = status in (Campaign.Status.COMPLETED, Campaign.Status.CREATED)
    ids = [] if over else matching(campaign, intake.cursor, size, now)
    if ids:
        let_in = intake.let_in is not None
        before = intake.occurrence > 1 or let_in or Canary.objects.filter(intake=intake).exists()
        if not intake.cursor:
            intake.held = 0  # they are counted anew
        _enter(campaign, intake, ids, now, most, again=_keeps_out(campaign) if before else "")
        intake.cursor = ids[-1]
    if len(ids) < size:
        intake.finished_at = now
    intake.save()
    return intake


def enter(campaign: Campaign, intake: Intake, ids: list[int], now: datetime, most: int | None) -> None:
    """Admit or exclude these contacts before anybody else; the caller holds `alone` and the intake's row."""
    if ids:
        _enter(campaign, intake, ids, now, most, again=_keeps_out(campaign))


def join(
    campaign: Campaign, intake: Intake, ids: list[int], *, now: datetime, most: int | None = None
) -> int:
    """Let those of these contacts enter who did not when the audience was taken in, or may once more; how
    many of them were not in this occurrence before.

    The caller holds `alone` and the intake's row. Doing it again changes nothing.
    """
    again, before = _keeps_out(campaign), intake.admitted
    newcomers = _newcomers(campaign, intake, ids, now, again)
    if newcomers:
        _enter(campaign, intake, newcomers, now, most, again=again)
        intake.save()
    return intake.admitted - before


def _newcomers(campaign: Campaign, intake: Intake, ids: list[int], now: datetime, again: str) -> list[int]:
    """Those of these contacts whom no earlier passage keeps out."""
    return sql.column(
        f"""
        SELECT w.id FROM unnest(%(ids)s::bigint[]) AS w(id) WHERE NOT EXISTS (
            SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = %(campaign)s AND e.contact_id = w.id
            AND (e.state = 'active' OR {again})) ORDER BY w.id
        """,
        _params(campaign, intake, ids, now),
    )


def alone(campaign: Campaign) -> None:
    """Wait until nobody else evaluates this campaign's audience, and keep others from it until the commit.

    Jobs of the account are held back, too: who enters and what they have booked see one another. The version
    they enter and when they are due are read here: whoever moves people to another version, or the start to
    another time, holds this lock.
    """
    sql.run("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, campaign.pk])
    found = Campaign.objects.filter(pk=campaign.pk).values(*_STEERED).first()
    for name, value in (found or {}).items():  # undone, it is gone: whoever holds the lock then sees that
        setattr(campaign, name, value)
    share_jobs(campaign.account_id)


def alone_now(campaign_id: int) -> bool:
    """As `alone`, without waiting: whether nobody evaluates this campaign's audience, nor will until the
    commit."""
    return bool(sql.value("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, campaign_id]))


def _enter(
    campaign: Campaign, intake: Intake, ids: list[int], now: datetime, most: int | None, *, again: str
) -> None:
    """Admit or exclude these contacts and count them in the intake. Whoever would be one too many is neither:
    of the account's limit, that is counted as held."""
    from campaigns import approving  # which imports this module

    limit = approving.most(campaign, intake)
    room = min((each for each in (most, limit) if each is not None), default=None)
    taken = ids
    if room is not None and intake.admitted + len(ids) > room:
        fresh = _newcomers(campaign, intake, ids, now, again) if again else ids
        left_out = set(fresh) - set(_within(fresh, room - intake.admitted, now, campaign))
        taken = [contact for contact in ids if contact not in left_out]
        intake.held += len(left_out) if room == limit else 0
    params = _params(campaign, intake, taken, now)
    ((matched, admitted),) = sql.rows(_slice_sql(again, "zones" in params), params)
    intake.matched += matched
    intake.admitted += admitted


def kept_out_sql(campaign: Campaign, intake: Intake) -> str:
    """SQL over a contact `c`, beside `moment`: whether an earlier passage keeps them from this occurrence."""
    if intake.occurrence == 1:
        return "FALSE"
    named = {"now": "(SELECT now FROM moment)", "again_days": campaign.again_days}
    again = _keeps_out(campaign) % (named | {"occurrence": intake.occurrence})
    return (
        f"EXISTS (SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = {int(campaign.pk)}"
        f" AND e.contact_id = c.id AND (e.state = 'active' OR {again}))"
    )


def _keeps_out(campaign: Campaign) -> str:
    """SQL over an earlier passage `e`: whether it keeps its contact, and its phone, from another."""
    return _KEEPS_OUT_SQL[Campaign.Again(campaign.again)]


def _within(ids: list[int], room: int, now: datetime, campaign: Campaign) -> list[int]:
    """These contacts without those who would be admitted beyond `room`, the first by id first."""
    while surplus := _admissible(ids, now, campaign)[
        max(room, 0) :
    ]:  # somebody who shared a phone may move up
        passed_over = set(surplus)
        ids = [contact for contact in ids if contact not in passed_over]
    return ids


def _admissible(ids: list[int], now: datetime, campaign: Campaign) -> list[int]:
    """Of these contacts, those fit to enter, one for each phone that nobody in the campaign has."""
    return sql.column(
        f"""
        WITH {fitness.MOMENT_SQL}
        SELECT q.contact_id FROM (
            SELECT DISTINCT ON (address_id) contact_id
            FROM ({_CANDIDATES_SQL} WHERE c.id = ANY(%s)) fit
            WHERE unfit = '' AND NOT EXISTS (
                SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = %s
                AND e.address_id = fit.address_id AND e.state = 'active')
            ORDER BY address_id, contact_id) q
        ORDER BY q.contact_id
        """,
        [now, ids, campaign.pk],
    )


def matching(campaign: Campaign, after: int, size: int, now: datetime) -> list[int]:
    """At most `size` contacts of the campaign's audience behind this id, in order. Raises InvalidRules."""
    query, params = segments.compile_ids(
        campaign.account, campaign.audience_rules, campaign.targeting, now=now, sliced=True
    )
    return sql.column(f"{query} AND c.id > %s ORDER BY c.id LIMIT %s", [*params, after, size])


def _params(campaign: Campaign, intake: Intake, ids: list[int], now: datetime) -> dict[str, object]:
    drawn = graph.load(campaign.version_id)
    first = drawn.nodes[drawn.first]
    begins = max(intake.starts_at or campaign.starts_at or now, now)
    arrival = KINDS[first.kind].arrival(first, begins)
    return {
        "ids": sql.array(ids),
        "campaign": campaign.pk,
        "version": campaign.version_id,
        "occurrence": intake.occurrence,
        "again_days": campaign.again_days,
        "now": now,
        "node": first.id,
        "state": arrival.state,
        "due": arrival.due_at,
        "send_by": passages.send_by(campaign.pk, first.kind, begins),
        **_local(campaign, intake, first, ids, now),
    }


def _local(
    campaign: Campaign, intake: Intake, first: graph.GraphNode, ids: list[int], now: datetime
) -> dict[str, object]:
    """Where contacts' own clocks count: for each zone set of these contacts its instants; else nothing."""
    schedule = starts.of(campaign)
    if schedule is None or not schedule.local:
        return {}
    zones = sql.column(
        "SELECT DISTINCT zone_set_id FROM audiences_contact WHERE id = ANY(%s::bigint[])", [sql.array(ids)]
    )
    began = schedule.moments_in(zones, campaign.account, intake.occurrence)
    moments = {zone: max(moment, now) for zone, moment in began.items()}
    kind = KINDS[first.kind]
    return {
        "zones": list(moments),
        "dues": [kind.arrival(first, moment).due_at for moment in moments.values()],
        "send_bys": [passages.send_by(campaign.pk, first.kind, moment) for moment in moments.values()],
    }


def preview(ids_sql: str, params: list[Any], *, now: datetime) -> dict[str, int]:
    """How a set of contacts would fare at entry now: reason → count, with "" for those admitted."""
    found = sql.rows(
        f"""
        WITH {fitness.MOMENT_SQL},
        candidates AS ({_CANDIDATES_SQL} WHERE c.id IN ({ids_sql})),
        picked AS (
            SELECT CASE WHEN q.unfit <> '' THEN q.unfit WHEN {_SHARES_A_PHONE_SQL} THEN '{SAME_PHONE}'
                ELSE '' END AS reason
            FROM candidates q)
        SELECT reason, count(*) FROM picked GROUP BY reason
        """,
        [now, *params],
    )
    return {row[0]: row[1] for row in found}
