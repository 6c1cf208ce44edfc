"""Deleting old passages of ended campaigns, without a figure changing.

A passage is an enrollment with its snapshot, steps, texts, attempts and calls; a contact's passages through
one campaign go together or stay together. What they counted moves into a baseline in the same transaction:
the counters stay as they are, and `recount` adds the baseline to the rows that are left. Whatever proves
something stays whole: passages of people who opted out, of jobs credited and bookings asked for, and of
threads that somebody wrote in of late.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, Sum

from accounts import audit
from accounts.models import Account
from analytics.models import ClearedReturn, Clearing, CounterBaseline
from audiences import suppression
from campaigns.locks import lock_enrollments
from campaigns.models import Campaign
from common import sql
from common.transactions import atomic_with_retry
from conversations.locks import lock_messages, lock_planned_calls

SLICE = 2_000  # enrollments looked at in one transaction: some tenths of a second
AGAIN = timedelta(days=30)  # then a campaign is looked through once more, for what need no longer be kept
NIGHT = range(1, 5)  # hours of company time
SHORTEST_DAYS = 90  # caps, replies, credit and bookings look back at most so far
REACHED = "contacts_reached"

_KEPT = """
    k.state = 'active' OR k.ended_at >= %(before)s
    OR EXISTS (SELECT 1 FROM audiences_optout o WHERE o.address_id = k.address_id)
    OR EXISTS (SELECT 1 FROM audiences_optout o WHERE o.contact_id = k.contact_id)
    OR EXISTS (SELECT 1 FROM analytics_jobcredit j WHERE j.enrollment_id = k.id)
    OR EXISTS (SELECT 1 FROM analytics_jobstanding j WHERE j.enrollment_id = k.id)
    OR EXISTS (SELECT 1 FROM campaigns_booking b WHERE b.enrollment_id = k.id)
    OR EXISTS (
        SELECT 1 FROM campaigns_booking b JOIN campaigns_step s ON s.id = b.step_id
        WHERE s.enrollment_id = k.id)
    OR EXISTS (SELECT 1 FROM conversations_thread t WHERE t.contact_id = k.contact_id
        AND t.address_id = k.address_id AND t.last_message_at >= %(before)s)
    OR EXISTS (
        SELECT 1 FROM campaigns_step s JOIN conversations_message m ON m.origin = 'step:' || s.id
        WHERE s.enrollment_id = k.id AND (
            m.state IN ('queued', 'calling', 'unknown') OR m.opted_out_at IS NOT NULL
            OR EXISTS (SELECT 1 FROM audiences_optout o WHERE o.address_id = m.address_id)
            OR EXISTS (SELECT 1 FROM analytics_jobcredit j WHERE j.message_id = m.id)
            OR EXISTS (SELECT 1 FROM analytics_creditcorrection j WHERE j.message_id = m.id)
            OR EXISTS (SELECT 1 FROM analytics_creditcorrection j WHERE j.was_message_id = m.id)
            OR EXISTS (
                SELECT 1 FROM conversations_message a
                JOIN conversations_readingcorrection c ON c.message_id = a.id
                WHERE a.replies_to_id = m.id)))
    OR EXISTS (
        SELECT 1 FROM campaigns_step s JOIN conversations_plannedcall p ON p.origin = 'step:' || s.id
        WHERE s.enrollment_id = k.id AND (
            p.state IN ('queued', 'taken', 'calling', 'unknown') OR p.opted_out_at IS NOT NULL
            OR EXISTS (SELECT 1 FROM audiences_optout o WHERE o.address_id = p.address_id)
            OR EXISTS (
                SELECT 1 FROM conversations_call c WHERE c.planned_id = p.id AND (
                    c.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress')
                    OR EXISTS (SELECT 1 FROM conversations_plannedcall b
                        WHERE b.origin = 'callback:' || c.id
                          AND b.state IN ('queued', 'taken', 'calling', 'unknown'))
                    OR EXISTS (SELECT 1 FROM analytics_jobcredit j
                        WHERE j.phone_call_id = c.id OR j.talk_id = c.id)
                    OR EXISTS (SELECT 1 FROM analytics_creditcorrection j
                        WHERE j.phone_call_id = c.id OR j.was_phone_call_id = c.id)))))
"""
_DOOMED = f"""
    SELECT e.id FROM campaigns_enrollment e
    WHERE e.campaign_id = %(campaign)s AND e.contact_id = ANY(%(contacts)s) AND e.contact_id NOT IN (
        SELECT k.contact_id FROM campaigns_enrollment k
        WHERE k.campaign_id = %(campaign)s AND k.contact_id = ANY(%(contacts)s) AND ({_KEPT}))
"""
_ADDRESSES = """
    SELECT e.address_id FROM campaigns_enrollment e
    WHERE e.campaign_id = %(campaign)s AND e.contact_id = ANY(%(contacts)s)
    UNION
    SELECT m.address_id FROM campaigns_enrollment e JOIN campaigns_step s ON s.enrollment_id = e.id
    JOIN conversations_message m ON m.origin = 'step:' || s.id
    WHERE e.campaign_id = %(campaign)s AND e.contact_id = ANY(%(contacts)s)
    UNION
    SELECT p.address_id FROM campaigns_enrollment e JOIN campaigns_step s ON s.enrollment_id = e.id
    JOIN conversations_plannedcall p ON p.origin = 'step:' || s.id
    WHERE e.campaign_id = %(campaign)s AND e.contact_id = ANY(%(contacts)s)
"""
_TEXTS = """
    SELECT m.id FROM campaigns_step s JOIN conversations_message m ON m.origin = 'step:' || s.id
    WHERE s.enrollment_id = ANY(%(doomed)s)
"""
_PLANNED = """
    SELECT p.id FROM campaigns_step s JOIN conversations_plannedcall p ON p.origin = 'step:' || s.id
    WHERE s.enrollment_id = ANY(%(doomed)s)
"""
_KEEP_REACHED = f"""
    INSERT INTO analytics_counterbaseline AS kept (campaign_id, node_key, "column", minute, n)
    SELECT %(campaign)s, n.key, '{REACHED}', timestamptz 'epoch',
        count(DISTINCT coalesce(m.contact_id, p.contact_id))
    FROM campaigns_step s JOIN campaigns_node n ON n.id = s.node_id
    LEFT JOIN conversations_message m ON m.origin = 'step:' || s.id AND m.accepted_at IS NOT NULL
    LEFT JOIN conversations_plannedcall p
        ON p.origin = 'step:' || s.id AND p.first_accepted_at IS NOT NULL
    WHERE s.enrollment_id = ANY(%(doomed)s) AND coalesce(m.id, p.id) IS NOT NULL GROUP BY n.key
    ON CONFLICT (campaign_id, node_key, "column", minute) DO UPDATE SET n = kept.n + excluded.n
"""
# A contact's passages go together: the one before is among them.
_KEEP_RETURNS = """
    INSERT INTO analytics_clearedreturn AS kept
        (campaign_id, entered, entered_before, ended, ended_before, n)
    SELECT %(campaign)s, date_bin('1 minute', q.entered_at, 'epoch'),
        date_bin('1 minute', q.entered_before, 'epoch'), date_bin('1 minute', q.ended_at, 'epoch'),
        date_bin('1 minute', q.ended_before, 'epoch'), count(*)
    FROM (
        SELECT e."returning", e.entered_at, e.ended_at, lag(e.entered_at) OVER passages AS entered_before,
            lag(e.ended_at) OVER passages AS ended_before
        FROM campaigns_enrollment e WHERE e.id = ANY(%(doomed)s)
        WINDOW passages AS (PARTITION BY e.contact_id ORDER BY e.id)) q
    WHERE q."returning" AND q.entered_before IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (campaign_id, entered, entered_before, ended, ended_before)
        DO UPDATE SET n = kept.n + excluded.n
"""
_CODES = """
    SELECT c.id FROM campaigns_step s JOIN campaigns_linkcode c ON c.step_id = s.id
    WHERE s.enrollment_id = ANY(%(doomed)s)
"""
# Messages and calls before their links and steps: the counting triggers find their node by its step, and what
# a message carried; calls before what they are tries of. Whatever names a row that goes has an index by it,
# or each would be sought through a whole table.
_DELETE = (
    "UPDATE conversations_message SET replies_to_id = NULL WHERE replies_to_id = ANY(%(texts)s)",
    "UPDATE conversations_contacthold SET message_id = NULL WHERE message_id = ANY(%(texts)s)",
    "DELETE FROM conversations_attempt WHERE message_id = ANY(%(texts)s)",
    "DELETE FROM conversations_messageprice WHERE message_id = ANY(%(texts)s)",
    "DELETE FROM conversations_secondtry WHERE message_id = ANY(%(texts)s)",
    "DELETE FROM conversations_message WHERE id = ANY(%(texts)s)",
    "DELETE FROM conversations_call WHERE planned_id = ANY(%(planned)s)",
    "DELETE FROM conversations_plannedcall WHERE id = ANY(%(planned)s)",
    f"DELETE FROM campaigns_click WHERE code_id IN ({_CODES})",
    "DELETE FROM campaigns_linkcode WHERE step_id IN"
    " (SELECT id FROM campaigns_step WHERE enrollment_id = ANY(%(doomed)s))",
    "DELETE FROM campaigns_step WHERE enrollment_id = ANY(%(doomed)s)",
    "DELETE FROM campaigns_enrollmentsnapshot WHERE enrollment_id = ANY(%(doomed)s)",
    "DELETE FROM campaigns_removal WHERE enrollment_id = ANY(%(doomed)s)",
    "DELETE FROM campaigns_enrollment WHERE id = ANY(%(doomed)s)",
)
# The triggers have counted down what went; that becomes the baseline instead, before anybody sees it. Ours
# are the deltas since the mark that the same transaction wrote, whoever else counts meanwhile.
_MARK = """
    INSERT INTO analytics_counterdelta (campaign_id, node_key, "column", minute, n)
    VALUES (%(campaign)s, '', 'mark', timestamptz 'epoch', 0) RETURNING id
"""
_TO_BASELINE = """
    WITH mark AS MATERIALIZED (SELECT id, xmin AS ours FROM analytics_counterdelta WHERE id = %(mark)s),
    taken AS (
        DELETE FROM analytics_counterdelta d USING mark WHERE d.id >= mark.id AND d.xmin = mark.ours
        RETURNING d.campaign_id, d.node_key, d."column", d.minute, d.n)
    INSERT INTO analytics_counterbaseline AS kept (campaign_id, node_key, "column", minute, n)
    SELECT campaign_id, node_key, "column", minute, -sum(n) FROM taken
    GROUP BY campaign_id, node_key, "column", minute HAVING sum(n) <> 0
    ON CONFLICT (campaign_id, node_key, "column", minute) DO UPDATE SET n = kept.n + excluded.n
"""


def next_campaign(now: datetime) -> Campaign | None:
    """An ended campaign with passages old enough to go, of an account where it is night; None without any."""
    if settings.RETENTION_DAYS <= 0:
        return None
    due = Q(clearing=None) | Q(clearing__finished_at=None) | Q(clearing__finished_at__lt=now - AGAIN)
    ended = Campaign.objects.filter(due, status=Campaign.Status.COMPLETED, completed_at__lt=_before(now, 0))
    for campaign in ended.select_related("account").order_by("completed_at", "pk"):
        old = campaign.completed_at is not None and campaign.completed_at < _cutoff(campaign, now)
        if old and now.astimezone(campaign.account.zone).hour in NIGHT:
            return campaign
    return None


@atomic_with_retry
def clear_slice(campaign: Campaign, *, now: datetime, size: int = SLICE) -> bool:
    """Look at the next `size` enrollments of a campaign and delete what is old; whether there were any."""
    clearing = _begun(campaign, now)
    values = {"campaign": campaign.pk, "before": clearing.before}
    looked_at = sql.rows(
        "SELECT id, contact_id FROM campaigns_enrollment WHERE campaign_id = %s AND id > %s"
        " ORDER BY id LIMIT %s",
        [campaign.pk, clearing.cursor, size],
    )
    if not looked_at:
        _finish(campaign, clearing, now)
        return False
    contacts = sorted({contact for _, contact in looked_at})
    # Opt-outs take the same locks, so that none can come between the decision and the deletion.
    suppression.lock_addresses(sql.column(_ADDRESSES, values | {"contacts": contacts}))
    doomed = sql.column(_DOOMED, values | {"contacts": contacts})
    if doomed:
        _delete(campaign, doomed)
    clearing.cursor = looked_at[-1][0]
    clearing.deleted += len(doomed)
    clearing.save()
    return True


def _delete(campaign: Campaign, doomed: list[int]) -> None:
    """Delete these enrollments with all that hangs on them, and keep what they counted."""
    texts = sql.column(_TEXTS, {"doomed": doomed})
    planned = sql.column(_PLANNED, {"doomed": doomed})
    values = {"campaign": campaign.pk, "doomed": doomed, "texts": texts, "planned": planned}
    lock_messages(texts)
    lock_planned_calls(planned)
    lock_enrollments(doomed)
    mark = sql.value(_MARK, values)
    sql.run(_KEEP_REACHED, values)
    sql.run(_KEEP_RETURNS, values)
    for statement in _DELETE:
        sql.run(statement, values)
    sql.run(_TO_BASELINE, values | {"mark": mark})


def _begun(campaign: Campaign, now: datetime) -> Clearing:
    """The campaign's progress, held until the slice commits; a finished one begins anew."""
    Clearing.objects.get_or_create(
        campaign=campaign, defaults={"before": _cutoff(campaign, now), "begun_at": now}
    )
    clearing = Clearing.objects.select_for_update(no_key=True).get(campaign=campaign)
    if clearing.finished_at is not None:
        clearing.cursor, clearing.finished_at = 0, None
        clearing.begun_at, clearing.before = now, _cutoff(campaign, now)
    return clearing


def _finish(campaign: Campaign, clearing: Clearing, now: datetime) -> None:
    clearing.finished_at = now
    gone = clearing.deleted - clearing.told
    if gone:
        audit.record(
            account=campaign.account, by=None, verb="cleared_passages", on=campaign,
            summary=f"Deleted the details of {gone:,} passages through {campaign.name} that ended before "
            f"{clearing.before.astimezone(campaign.account.zone):%B %-d, %Y}; its figures stay",
        )  # fmt: skip
    clearing.told = clearing.deleted
    clearing.save()


def _before(now: datetime, at_least_days: int) -> datetime:
    return now - timedelta(days=max(settings.RETENTION_DAYS, at_least_days))


def _cutoff(campaign: Campaign, now: datetime) -> datetime:
    """What ended before it is old; never within the time in which a touch may still win a job."""
    return _before(now, campaign.credit_window_days + SHORTEST_DAYS)


def gone_before(account: Account, campaign: Campaign | None = None) -> datetime | None:
    """Before which instant the details behind figures are gone; None where nothing was ever deleted."""
    deleted = Clearing.objects.filter(campaign__account=account, deleted__gt=0)
    if campaign is not None:
        deleted = deleted.filter(campaign=campaign)
    return deleted.order_by("-before").values_list("before", flat=True).first()


def reached_before(campaign: Campaign, node_key: str) -> int:
    """Distinct contacts that deleted passages had reached at a node."""
    kept = CounterBaseline.objects.filter(campaign_id=campaign.pk, node_key=node_key, column=REACHED)
    return sum(kept.values_list("n", flat=True))


def counted_before(campaign: Campaign, cells: Collection[tuple[str, str]]) -> int:
    """How much of these cells, node keys and each of the same columns, are rows that are deleted by now."""
    keys, columns = {key for key, _ in cells}, {column for _, column in cells}
    kept = CounterBaseline.objects.filter(campaign_id=campaign.pk, node_key__in=keys, column__in=columns)
    return kept.aggregate(n=Sum("n"))["n"] or 0


def returned_within(
    campaign_ids: Collection[int], at: str, since: datetime, until: datetime
) -> dict[int, int]:
    """Campaign → deleted passages that an earlier one of their contact precedes inside [since, until).

    `at` is `entered_at` or `ended_at`, as in `analytics.sending.rows.repeats`.
    """
    name = at.removesuffix("_at")
    both = {f"{each}__{side}": bound for each in (name, f"{name}_before")
            for side, bound in (("gte", since), ("lt", until))}  # fmt: skip
    found = ClearedReturn.objects.filter(campaign_id__in=campaign_ids, **both).order_by()
    return dict(found.values_list("campaign_id").annotate(Sum("n")))


def counted_within(
    campaign_ids: Collection[int], columns: Collection[str], since: datetime | None, until: datetime | None
) -> int:
    """How much of what these campaigns counted in [since, until) are rows that are deleted by now."""
    kept = CounterBaseline.objects.filter(campaign_id__in=campaign_ids, column__in=columns)
    if since is not None and until is not None:
        kept = kept.filter(minute__gte=since, minute__lt=until)
    return kept.aggregate(n=Sum("n"))["n"] or 0
