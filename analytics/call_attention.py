"""What of calls needs somebody: people whom nobody called or answered, and calls that end in nothing."""

from datetime import datetime, timedelta

from django.urls import NoReverseMatch, reverse

from accounts.models import Account
from analytics.attention_item import WARN, Item
from campaigns.words import number_of
from common import sql
from conversations import abandonment

CALL_LATE = timedelta(hours=1)
NEAR_ABANDONED = 2.0  # of a hundred: at 3 a campaign rests
MISSED_WITHIN = timedelta(days=7)

# Whom a person is to call, due for so long while nobody has taken them; not where the campaign or the account
# rests.
_WAITING = """
select count(*), min(planned.due_at) from conversations_plannedcall planned
join conversations_lane lane on lane.id = planned.lane_id and not lane.paused
where planned.account_id = %(account)s and planned.due_at < %(before)s and planned.mode = 'person'
  and planned.state = 'queued'
  and not exists (select from conversations_sendingpause pause
      where pause.account_id = planned.account_id and pause.lifted_at is null)
  and not exists (select from conversations_safetypause rest
      where rest.lane_id = planned.lane_id and rest.lifted_at is null)
"""
# Customers who called and whom nobody has answered since, one line each.
_MISSED = """
select count(*), min(since) from (
    select thread.id, min(call.created_at) as since
    from conversations_call call
    join conversations_thread thread
      on thread.contact_id = call.contact_id and thread.address_id = call.address_id and thread.needs_reply
    where call.account_id = %(account)s and call.created_at > %(after)s and call.direction = 'in'
      and call.connected_at is null
      and call.state <> all(array['calling', 'unknown', 'accepted', 'ringing', 'in_progress'])
    group by thread.id) missed
"""


def of(account: Account, now: datetime) -> list[Item]:
    """Three queries, whatever there is."""
    return [*_waiting(account, now), *_missed(account, now), *_abandoned(account, now)]


def _waiting(account: Account, now: datetime) -> list[Item]:
    """Whom nobody has called although it has long been their turn."""
    ((n, since),) = sql.rows(_WAITING, {"account": account.pk, "before": now - CALL_LATE})
    if not n:
        return []
    waits = f"{number_of(n, 'person')} {'waits' if n == 1 else 'wait'}"
    return [
        Item(
            "calls", WARN, f"{waits} to be called",
            "It has been their turn for more than an hour, and nobody has called them.", since,
            _queue_url(), "Open the call queue", "phone-outgoing",
        )
    ]  # fmt: skip


def _queue_url() -> str:
    try:
        return reverse("calls:queue")
    except NoReverseMatch:
        return reverse("analytics:tile_rows", args=["waiting_calls"])


def _missed(account: Account, now: datetime) -> list[Item]:
    ((n, since),) = sql.rows(_MISSED, {"account": account.pk, "after": now - MISSED_WITHIN})
    if not n:
        return []
    return [
        Item(
            "missed-calls", WARN, f"{number_of(n, 'customer')} called and nobody took it",
            "They wait in the inbox; some have left a voicemail.", since,
            reverse("conversations:inbox") + "?folder=needs_reply", "Answer them", "phone-off",
        )
    ]  # fmt: skip


def _abandoned(account: Account, now: datetime) -> list[Item]:
    """Campaigns whose abandoned calls come near the share at which they rest."""
    return [
        Item(
            f"abandoned-{share.lane_id}", WARN, f"{share.campaign} abandons many of its calls",
            f"{share.percent:.1f}% of the calls that people answered in 30 days had nobody to talk to: "
            f"{share.abandoned:,} of {share.answered:,}. At {abandonment.MOST_PERCENT}% it pauses itself.",
            None, reverse("conversations:senders"), "See its limits", "phone-off",
        )
        for share in abandonment.lately(account, now=now)
        if share.answered >= abandonment.FEWEST_ANSWERED and share.percent >= NEAR_ABANDONED
        and not share.too_many
    ]  # fmt: skip
