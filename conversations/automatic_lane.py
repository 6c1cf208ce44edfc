"""What answers customers by itself: one lane an account, which no campaign's pause and no cap holds.

Its texts are of kind `automatic`, name in `replies_to` the customer's text that they answer, and carry their
words. They belong to no campaign: no number of one counts them.
"""

from datetime import datetime

from accounts.models import Account
from common.doorbell import ring
from common.segments import count_segments
from conversations.models import Lane, Message

CONFIRMS = "confirm:"
"""So begins the origin of a text that confirms an opt-out; the opt-out's id follows."""


def lane_of(account: Account) -> Lane:
    """The account's lane for automatic answers, as urgent as agents' replies."""
    return Lane.objects.get_or_create(
        account=account, kind=Lane.Kind.AUTOMATIC, defaults={"name": "Automatic answers", "priority": 0}
    )[0]


def answer(to: Message, body: str, *, origin: str, now: datetime, send_by: datetime) -> Message | None:
    """Queue one answer to a customer's text, from the number it was sent to; None where `origin` was used.

    In the caller's transaction, which holds the lock of the address: an origin is answered once for ever.
    """
    from conversations.tasks import send  # tasks import the sender, and with it most of this package

    if Message.objects.filter(origin=origin).exists():
        return None
    message = Message.objects.create(
        account=to.account, lane=lane_of(to.account), contact=to.contact, address=to.address,
        number=to.number, kind=Message.Kind.AUTOMATIC, origin=origin, body=body, replies_to=to,
        segments=count_segments(body).count, state=Message.State.QUEUED, state_at=now, created_at=now,
        due_at=now, send_by=send_by,
    )  # fmt: skip
    ring(send)
    return message
