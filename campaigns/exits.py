"""Who leaves a campaign before its end, where its terms say so: who has booked, and who has replied.

Who opts out always leaves (`campaigns/receivers.py`); who leaves the audience is found by looking again
(`campaigns/audience_looks.py`).
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from accounts.models import Account
from audiences.last_job import booked_since
from campaigns import passages
from campaigns.booking_requests import ASKED_SQL, HAS_ASKED_SQL
from campaigns.models import Booking, Enrollment
from campaigns.nodes.base import ORIGIN
from campaigns.terms import BOOKED, REPLIED
from common import clock, sql
from conversations.models import Message

_BOOKED_SQL = f"""
    SELECT e.id FROM audiences_job j
    JOIN audiences_contact c ON c.account_id = j.account_id
        AND c.servicetitan_customer_id = j.servicetitan_customer_id
    JOIN campaigns_enrollment e ON e.contact_id = c.id AND e.state = 'active'
        AND {booked_since("e.entered_at")}
    JOIN campaigns_campaign p ON p.id = e.campaign_id AND p.leaves_booked
    WHERE j.id = ANY(%s) AND NOT {HAS_ASKED_SQL}
    ORDER BY e.id
"""


def have_asked(enrollment_ids: Iterable[int]) -> set[int]:
    """Those of these enrollments whose workflow has asked for a booking that was not refused."""
    return set(
        sql.column(
            "SELECT b.enrollment_id FROM campaigns_booking b"
            f" WHERE b.enrollment_id = ANY(%s::bigint[]) AND {ASKED_SQL}",
            [sql.array(enrollment_ids)],
        )
    )


def on_jobs_changed(*, account: Account, job_ids: Collection[int], **_: Any) -> None:
    """Whoever has a job made since entering, or just before and not known then, leaves.

    Receiver of `audiences.signals.jobs_changed`.
    """
    leaving = sql.column(_BOOKED_SQL, [sorted(job_ids)])
    passages.end(leaving, reason=BOOKED, now=clock.now())


def on_booking_asked(booking: Booking, *, now: datetime) -> None:
    """ServiceTitan has our request for somebody: whatever else is under way for that customer ends, where its
    terms let a new job end it. The office needs hours to make it one, and nobody is asked twice meanwhile.
    """
    customer = booking.contact.servicetitan_customer_id
    leaving = sql.column(
        f"""
        SELECT e.id FROM audiences_contact c
        JOIN campaigns_enrollment e ON e.contact_id = c.id AND e.state = 'active'
            AND e.entered_at <= %s AND e.id IS DISTINCT FROM %s
        JOIN campaigns_campaign p ON p.id = e.campaign_id AND p.leaves_booked
        WHERE c.account_id = %s AND c.servicetitan_customer_id = %s AND NOT {HAS_ASKED_SQL} ORDER BY e.id
        """,
        [booking.requested_at, booking.enrollment_id, booking.account_id, customer],
    )
    passages.end(leaving, reason=BOOKED, now=now)


def on_reply(*, message: Message, now: Any, **_: Any) -> None:
    """Whoever replies leaves what they reply to. Receiver of `conversations.signals.reply_came`."""
    origin = message.replies_to.origin if message.replies_to else None
    if not origin or not origin.startswith(ORIGIN):
        return
    leaving = Enrollment.objects.filter(
        step__id=int(origin.removeprefix(ORIGIN)),
        state=Enrollment.State.ACTIVE,
        campaign__leaves_replied=True,
    )
    passages.end(list(leaving.values_list("pk", flat=True)), reason=REPLIED, now=now)
