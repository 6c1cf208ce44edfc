"""A few go first: the others of an occurrence enter once nothing speaks against it.

Those few are drawn by chance among all who may enter. Each of them has to have had a message or a call, or to
have left; from then on the campaign's minutes run, and the others enter. Where too many of those failed or
too many people opted out, by the account's limits for senders that pause themselves, the campaign is paused
instead, and somebody decides: two of them at least, or all there are.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from audiences import fitness, segments
from campaigns import enrolling, lifecycle
from campaigns.models import Campaign, Canary, Intake
from campaigns.nodes.base import ORIGIN
from campaigns.terms import CANARY_FEWEST, Terms
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import safety
from conversations.models import PlannedCall

AT_LEAST = 2  # people: one alone may be chance, unless nobody else was tried
_READ = """
SELECT count(*), count(*) FILTER (WHERE e.state = 'ended' OR m.had), count(*) FILTER (WHERE m.had),
    count(*) FILTER (WHERE m.failed),
    count(*) FILTER (WHERE m.left OR e.ended_reason = 'opted_out')
FROM campaigns_enrollment e
CROSS JOIN LATERAL (
    SELECT
        coalesce(bool_or(m.state NOT IN ('queued', 'calling') OR p.state <> ALL(%(calls)s)), false) AS had,
        coalesce(bool_or(m.state IN ('failed', 'rejected', 'bounced', 'blocked')
            OR p.state IN ('failed', 'rejected')), false) AS failed,
        coalesce(bool_or(m.opted_out_at IS NOT NULL), false) AS left
    FROM campaigns_step s LEFT JOIN conversations_message m ON m.id = s.message_id
    LEFT JOIN conversations_plannedcall p ON p.origin = %(origin)s || s.id
    WHERE s.enrollment_id = e.id) m
WHERE e.campaign_id = %(campaign)s AND e.occurrence = %(occurrence)s
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the first ones fared: people."""

    people: int
    over: int  # had a message or a call, or left
    tried: int
    failed: int
    opted_out: int


def wanted(chosen: Campaign | Terms, among: int) -> int:
    """How many go first of so many; 0 where all go at once. A share is `CANARY_FEWEST` people at
    least."""
    percent = chosen.canary_percent
    first = chosen.canary_people or (max(-(-among * percent // 100), CANARY_FEWEST) if percent else 0)
    return first if first < among else 0


def asked(campaign: Campaign) -> bool:
    """Whether the campaign lets a few go first."""
    return bool(campaign.canary_people or campaign.canary_percent)


@atomic_with_retry
def draw(campaign: Campaign, intake_id: int, *, now: datetime, most: int | None) -> bool:
    """Let the first few of an occurrence enter; whether the others have to wait. Safe to do again."""
    enrolling.alone(campaign)
    intake = Intake.objects.select_for_update(no_key=True).get(pk=intake_id)
    known = Canary.objects.filter(intake=intake).first()
    goes_on = intake.cursor or intake.let_in is not None
    if known is not None or intake.finished_at is not None or goes_on or not enrolling.runs(campaign):
        return known is not None and known.opened_at is None
    query, params = segments.compile_ids(
        campaign.account, campaign.audience_rules, campaign.targeting, now=now
    )
    among = enrolling.preview(query, params, now=now).get("", 0)
    # Of whom an earlier occurrence keeps out nobody can go first, or the others would follow nobody.
    kept_out = enrolling.kept_out_sql(campaign, intake)
    if intake.occurrence > 1:
        among -= sql.value(
            f"WITH {_fit_sql(query)} SELECT count(*) FROM fit c WHERE {kept_out}", [now, *params]
        )
    among = among if most is None else min(among, most)
    first = wanted(campaign, among)
    if not first:
        return False
    ids = sql.column(
        f"""
        WITH {_fit_sql(query)} SELECT id FROM fit c WHERE NOT {kept_out}
        ORDER BY hashint8extended(id, %s), id LIMIT %s
        """,
        [now, *params, intake.pk, first],
    )
    enrolling.enter(campaign, intake, ids, now, most)
    intake.save()
    Canary.objects.create(intake=intake, people=intake.admitted, among=among)
    return True


def _fit_sql(query: str) -> str:
    """`moment` and `fit`: who of a query's contacts may enter, as far as they themselves go."""
    return f"""{fitness.MOMENT_SQL}, fit AS (
        SELECT c.id FROM audiences_contact c
        LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
        WHERE c.id IN ({query}) AND {fitness.entry_reason_sql()} = '')"""


def waiting(campaign_id: int) -> Canary | None:
    """The few of a campaign whom the others still wait for."""
    rows = Canary.objects.filter(intake__campaign=campaign_id, opened_at=None, intake__finished_at=None)
    return rows.select_related("intake").order_by("-intake__occurrence").first()


def standing(canary: Canary) -> Standing:
    """How the first ones of an occurrence fare. One query."""
    (found,) = sql.rows(
        _READ,
        {
            "campaign": canary.intake.campaign_id, "occurrence": canary.intake.occurrence,
            "calls": [state.value for state in PlannedCall.OPEN], "origin": ORIGIN,
        },
    )  # fmt: skip
    return Standing(*found)


def watch(*, now: datetime) -> int:
    """Decide about all that wait, as far as it can be: open, or pause; how many were decided."""
    rows = Canary.objects.filter(opened_at=None, trouble="", intake__finished_at=None)
    rows = rows.filter(intake__campaign__status=Campaign.Status.ACTIVE)
    return sum(_decide(pk, now) for pk in rows.order_by("pk").values_list("pk", flat=True))


@atomic_with_retry
def _decide(canary_id: int, now: datetime) -> bool:
    locked = Canary.objects.select_for_update(of=("self",)).select_related("intake__campaign__account")
    canary = locked.get(pk=canary_id)
    campaign = canary.intake.campaign
    if canary.opened_at is not None or canary.trouble or campaign.status != Campaign.Status.ACTIVE:
        return False
    found = standing(canary)
    if why := _trouble(campaign, found):
        canary.trouble = why
        canary.save(update_fields=["trouble"])
        with contextlib.suppress(lifecycle.NotPossible):
            lifecycle.pause(campaign, by=None, now=now, reason=why)
        return True
    if canary.rest_at is None and found.over >= found.people:
        # Nobody had anything: there is nothing to wait for.
        canary.rest_at = now + timedelta(minutes=campaign.canary_minutes if found.tried else 0)
        canary.save(update_fields=["rest_at"])
    if canary.rest_at is None or canary.rest_at > now:
        return False
    _open(canary, now)
    return True


def _trouble(campaign: Campaign, found: Standing) -> str:
    limits = safety.limits_of(campaign.account)
    for part, most, words in (
        (found.failed, limits.failures, "messages or calls to {} of the {} failed"),
        (found.opted_out, limits.opt_outs, "{} of the {} opted out"),
    ):
        enough = part >= AT_LEAST or (part == found.tried and found.over >= found.people)
        if part and enough and part * 100 > most * found.tried:
            whole = found.tried == found.people
            among = f"first {found.tried:,}" if whole else f"{found.tried:,} whose turn has come"
            said = words.format(f"{part:,}", among)
            return f"{said[0].upper()}{said[1:]}, and the limit is {most.normalize():f}%"
    return ""


def _open(canary: Canary, now: datetime) -> None:
    from campaigns.tasks import take_in  # tasks import this module

    canary.opened_at = now
    canary.rest_at = min(canary.rest_at or now, now)
    canary.save(update_fields=["opened_at", "rest_at"])
    ring(take_in)


def open_now(campaign: Campaign, *, now: datetime) -> bool:
    """Let the others enter without waiting any longer; whether any waited. In the caller's transaction."""
    locked = Canary.objects.select_for_update().filter(intake__campaign=campaign, opened_at=None)
    waited = list(locked.filter(intake__finished_at=None).order_by("pk"))
    for canary in waited:
        _open(canary, now)
    return bool(waited)
