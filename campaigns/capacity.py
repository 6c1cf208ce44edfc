"""What a number can send before the first texts of a launch are too late, and whether that is enough."""

from datetime import datetime, timedelta

from accounts.models import Account
from audiences import hours, state_hours
from audiences.models import ZoneSet
from campaigns import graph
from campaigns.models import Campaign, Node, WorkflowVersion
from integrations.models import SendingNumber

MOST_SEGMENTS = 10  # of a text: what carriers put together again
_SEND_BY_HOURS: int = Campaign._meta.get_field("send_by_hours").default


def company_hours(account: Account, start: datetime) -> list[tuple[datetime, datetime]]:
    """When texts may leave from `start` on, in the company's own zone, two weeks ahead."""
    home = ZoneSet(key="company", zones=[account.timezone], states=[])
    spans = hours.openings(home, hours.window_of(account.pk), state_hours.TEXT, start)
    return [(max(opens, start), closes) for opens, closes in spans]


def sendable(account: Account, number: SendingNumber, version: WorkflowVersion, *, start: datetime) -> int:
    """Segments that can leave before first texts are skipped as too late: 72 h after they are first due.

    A workflow that begins with a text makes all of them due at `start`. Where something comes before it,
    they count from the first opening: no better is known before it has run.
    """
    spans = company_hours(account, start)
    if not spans:
        return 0
    drawn = graph.build(version)
    first = drawn.nodes.get(drawn.first)
    begins_with_text = first is not None and first.kind == Node.Kind.SEND_SMS
    deadline = (start if begins_with_text else spans[0][0]) + timedelta(hours=_SEND_BY_HOURS)
    open_for = sum(
        (min(closes, deadline) - opens for opens, closes in spans if opens < deadline), timedelta()
    )
    return int(open_for.total_seconds()) * number.segments_per_second


def refusal(number: SendingNumber, *, needed: int, sendable: int) -> str:
    """Why a launch of so many segments is refused, and how many numbers it would take."""
    rate = number.segments_per_second
    said = (
        f"{number} sends {rate:,} segment{'' if rate == 1 else 's'} a second: {sendable:,} in the sending "
        f"hours before a first text is too late ({_SEND_BY_HOURS} hours after it is due). This launch needs "
        f"{needed:,}, so the last customers would be skipped. "
    )
    if not sendable:
        return f"{said}Choose another start."
    numbers = -(-needed // sendable)
    return (
        f"{said}It takes {numbers:,} such numbers: launch to {numbers:,} smaller audiences, each from a "
        "number of its own, or choose a faster number."
    )
