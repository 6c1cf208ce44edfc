"""What needs somebody: each line says what happened, since when, and leads to where it is solved.

Read together with the rest of the dashboard, in a constant number of queries.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse

from accounts import access
from accounts.models import Account
from analytics import call_attention, health, metrics, queue_signs, recounting
from analytics.attention_item import BAD, WARN, Item
from audiences import sync_state
from campaigns import approving
from campaigns.models import Intake
from campaigns.words import number_of
from common import sql
from conversations import problems, safety
from conversations.listening import DEAF
from integrations.messaging import Remedy
from integrations.models import SendingNumber

SYNC_LATE = timedelta(hours=1)
REPLY_LATE = timedelta(minutes=15)
UNKNOWN_LATE = timedelta(minutes=5)
NUMBER_WINDOW = timedelta(hours=24)

# What numbers' campaigns came to in the last day: accepted by the carrier, and failed steps, by the hour. A
# campaign of several numbers says nothing of one; each of these is held to the limits for senders by itself.
_NUMBERS = """
select campaign.number_id, cell."column", sum(cell.n)::bigint, min(cell.at)
from campaigns_campaign campaign
cross join lateral (
    select "column", n, hour as at from analytics_counterhour
    where campaign_id = campaign.id and "column" = any(%(columns)s) and hour >= %(since)s
    union all
    select "column", n, minute from analytics_counterdelta
    where campaign_id = campaign.id and "column" = any(%(columns)s) and minute >= %(since)s
) cell
where campaign.account_id = %(account)s and campaign.status in ('active', 'paused', 'completed')
  and (campaign.completed_at is null or campaign.completed_at >= %(since)s)
  and not exists (select from campaigns_campaignnumber more where more.campaign_id = campaign.id)
group by 1, 2
"""
_UNKNOWN = """
select count(*), min(state_at) from conversations_message
where account_id = %s and claimed_at is not null and state = 'unknown'
"""
_REPLIES = """
select count(*), min(last_inbound_at) from conversations_thread where account_id = %s and needs_reply
"""
_FOR_SOMEBODY = (Remedy.REVIEW_CONTENT, Remedy.FIX_SETTINGS, Remedy.REPORT_BUG, Remedy.CHECK_CALLS)
_DEAF = f"select h.heard_until from conversations_listening h where h.account_id = %s and {DEAF}"


def of(account: Account, now: datetime, overview: health.Overview) -> list[Item]:
    """Everything that needs somebody, worst first, then what has lasted longest."""
    found = [
        *_queues(now),
        *_deaf(account),
        *_approvals(account),
        *_not_approved(account),
        *_above_limit(account),
        *_recount(account),
        *_resting(account, now),
        *_numbers(account, now),
        *_refused(account, now),
        *_stuck(overview),
        *_broken(overview),
        *_unknown(account, now),
        *_sync(account, now),
        *call_attention.of(account, now),
        *_replies(account, now),
    ]
    return sorted(found, key=lambda item: (-item.grade, item.since or now))


def for_role(items: list[Item], role: str) -> list[Item]:
    """The same, where somebody may not open a page without its address and with who may."""
    return [
        item
        if access.allowed(role, item.needs)
        else replace(item, url="", action="An admin can look into it")
        for item in items
    ]


def _queues(now: datetime) -> list[Item]:
    return [
        Item(
            f"queue-{each.queue}", BAD, f"Nobody works on the queue “{each.queue}”", f"{each.means}.",
            each.since, reverse("readyz"), "See what answers", "server",
        )
        for each in queue_signs.missing(now)
    ]  # fmt: skip


def _deaf(account: Account) -> list[Item]:
    since = sql.value(_DEAF, [account.pk])
    if since is None:
        return []
    return [
        Item(
            "deaf", BAD, "Replies may have been missed",
            "Campaigns wait until the provider’s list of received texts was read.", since,
            reverse("conversations:inbox"), "Open the inbox", "unplug",
        )
    ]  # fmt: skip


def _approvals(account: Account) -> list[Item]:
    return [
        Item(
            f"approval-{one.campaign_id}", WARN, f"{one.campaign.name} waits for approval",
            f"{one.asked_by or 'Somebody'} asked to launch it to {one.people:,} people.", one.asked_at,
            reverse("campaigns:approval", args=[one.campaign_id]), "Look at it", "shield-check",
            needs="launch_campaign",
        )
        for one in approving.waiting(account)
    ]  # fmt: skip


def _not_approved(account: Account) -> list[Item]:
    """Launches that a second person refused, until they are drafts again or deleted."""
    return [
        Item(
            f"not-approved-{one.campaign_id}", WARN, f"{one.campaign.name} was not approved",
            f"{one.decided_by or 'Somebody'}: {one.reason.rstrip('.')}. Nothing was sent.", one.decided_at,
            reverse("analytics:campaign", args=[one.campaign_id]), "Change it, or delete it", "pencil",
            needs="launch_campaign",
        )
        for one in approving.refused(account)
    ]  # fmt: skip


def _above_limit(account: Account) -> list[Item]:
    """Campaigns that more came to match than one person may launch to."""
    rows = Intake.objects.filter(campaign__account=account, campaign__status__in=health.RUNNING, held__gt=0)
    return [
        Item(
            f"above-limit-{one.campaign_id}", WARN, f"{one.held:,} more match {one.campaign.name}",
            "They are more than one person may launch to, and wait for a second one.", None,
            reverse("analytics:campaign", args=[one.campaign_id]) + "#above-limit", "Look at it",
            "shield-check", needs="launch_campaign",
        )
        for one in rows.select_related("campaign").order_by("campaign", "-occurrence").distinct("campaign")
    ]  # fmt: skip


def _recount(account: Account) -> list[Item]:
    run = recounting.latest(account)
    if run is None:
        return []
    found, url = [], reverse("analytics:recounts")
    if run.differing:
        first = recounting.found(run)[0]
        more = f" and {run.differing - 1:,} more" if run.differing > 1 else ""
        found.append(
            Item(
                "recount", BAD, "Counters differ from their rows", f"{first.campaign}: {first.words}{more}.",
                run.finished_at, url, "See what differs", "list-x",
            )
        )  # fmt: skip
    if run.parked:
        names = [each.campaign for each in recounting.parked(run)]
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        found.append(
            Item(
                "recount-parked", BAD, "Counters could not be compared with their rows",
                f"{names[0]}{more}: the recount broke off and went on without.", run.finished_at, url,
                "See why", "list-x",
            )
        )  # fmt: skip
    return found


def _resting(account: Account, now: datetime) -> list[Item]:
    """Senders that a safety rule paused."""
    return [
        Item(
            f"resting-{pause.pk}", BAD, f"{safety.name_of(pause)} paused itself", pause.reason, pause.at,
            reverse("conversations:senders") + f"#paused-{pause.pk}", "See why, and resume", "pause",
        )
        for pause in safety.in_force(account, now=now)
    ]  # fmt: skip


def _refused(account: Account, now: datetime) -> list[Item]:
    """What a provider refuses until somebody mends it: one line a code."""
    found: dict[str, Item] = {}
    for one in problems.lately(account, now=now):
        if one.remedy in _FOR_SOMEBODY:
            where = f" From {one.sender}" + (f", {one.campaign}." if one.campaign else ".")
            found.setdefault(
                one.code,
                Item(
                    f"code-{one.code}", WARN, f"{one.meaning} (code {one.code})", one.asks + where,
                    one.first_at, reverse("conversations:senders"), "See what it means", "message-square",
                ),
            )  # fmt: skip
    return list(found.values())


def _numbers(account: Account, now: datetime) -> list[Item]:
    since = (now - NUMBER_WINDOW).replace(second=0, microsecond=0).astimezone(UTC)
    columns = ["accepted", "call:sent", "failed"]
    asked: dict[str, Any] = {"account": account.pk, "columns": columns, "since": since}
    counted: dict[int, dict[str, tuple[int, datetime]]] = {}
    for number, column, n, first in sql.rows(_NUMBERS, asked):
        counted.setdefault(number, {})[column] = (n, first)
    found = []
    for number in SendingNumber.objects.filter(account=account, pk__in=counted).order_by("pk"):
        of_number = counted[number.pk]
        failed, first = of_number.get("failed", (0, now))
        taken = sum(of_number.get(column, (0, now))[0] for column in ("accepted", "call:sent"))
        rate = metrics.Rate(failed, failed + taken)
        if rate.whole >= health.ENOUGH and (rate.value or 0) >= health.MANY_FAILED:
            what = "messages and calls" if "call:sent" in of_number else "messages"
            words = f"{rate.percent} of the last day’s {what} failed: {rate.part:,} of {rate.whole:,}."
            found.append(
                Item(
                    f"number-{number.pk}", BAD, f"Sending from {number} fails", words, first,
                    reverse("campaigns:number", args=[number.pk]), "Open the number", "smartphone",
                    "manage_numbers",
                )
            )  # fmt: skip
    return found


def _stuck(overview: health.Overview) -> list[Item]:
    return [
        Item(
            f"stuck-{pk}", BAD, f"Steps of {overview.names[pk]} do not move",
            f"{late.words[0].upper()}{late.words[1:]}, long due; nothing of the campaign moved since.",
            late.since, reverse("analytics:campaign", args=[pk]), "Open the campaign", "hourglass",
        )
        for pk, late in overview.stuck.items()
    ]  # fmt: skip


def _broken(overview: health.Overview) -> list[Item]:
    found = []
    for pk, broken in overview.broken.items():
        undone = " and ".join(
            words
            for words, so in (("nobody new enters", broken.joins), ("nobody leaves", broken.leaves))
            if so
        )
        found.append(
            Item(
                f"broken-{pk}", BAD, f"The audience of {overview.names[pk]} has lost its meaning",
                f"{broken.why} Until then {undone}." if undone else broken.why, broken.since,
                reverse("analytics:campaign", args=[pk]) + "#audience-broken", "Open the campaign",
                "circle-off",
            )
        )  # fmt: skip
    return found


def _unknown(account: Account, now: datetime) -> list[Item]:
    ((n, since),) = sql.rows(_UNKNOWN, [account.pk])
    if not n or now - since < UNKNOWN_LATE:
        return []
    return [
        Item(
            "unknown", WARN, f"{number_of(n, 'message')} may or may not have left",
            "The provider’s answer was lost. They are looked up there and never blindly sent again.", since,
            reverse("analytics:tile_rows", args=["unknown_sends"]), "See which", "circle-help",
        )
    ]  # fmt: skip


def _sync(account: Account, now: datetime) -> list[Item]:
    state = sync_state.of(account, counting=False)
    url = reverse("audiences:connections")
    if not state.begun:
        return []
    if state.stopped_at:
        return [
            Item(
                "sync", WARN, "The sync with ServiceTitan is stopped",
                "Campaigns go on with what was read before.", state.stopped_at, url, "Open the connection",
                "circle-stop", "manage_providers",
            )
        ]  # fmt: skip
    if state.failing:
        named = ", ".join(each.label for each in state.failing[:3])
        return [
            Item(
                "sync", BAD, "ServiceTitan could not be read", f"{named}: {state.failing[0].error}",
                min((each.complete_at for each in state.failing if each.complete_at), default=None), url,
                "Open the connection", "plug-zap", "manage_providers",
            )
        ]  # fmt: skip
    lag = state.lag(now)
    if lag is None or lag < SYNC_LATE:
        return []
    return [
        Item(
            "sync", WARN, "ServiceTitan’s data is old",
            "What has changed there since is not known here.", state.behind_since, url,
            "Open the connection", "refresh-cw", "manage_providers",
        )
    ]  # fmt: skip


def _replies(account: Account, now: datetime) -> list[Item]:
    ((n, since),) = sql.rows(_REPLIES, [account.pk])
    if not n or since is None or now - since < REPLY_LATE:
        return []
    return [
        Item(
            "replies", WARN, f"{number_of(n, 'customer')} {'waits' if n == 1 else 'wait'} for a reply",
            "Campaigns hold what else they had for them.", since,
            reverse("conversations:inbox") + "?folder=needs_reply", "Answer the longest wait",
            "message-square",
        )
    ]  # fmt: skip
