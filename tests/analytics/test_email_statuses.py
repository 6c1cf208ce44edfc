"""The eight statuses of emails, by SendGrid's own news: every figure, its list and its file are the same."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from analytics import counters, metrics, recount
from analytics.downloads import sources
from analytics.metrics import sending
from analytics.sending import figures, rows, series
from analytics.sending.selection import Selection
from campaigns import engine, enrolling, launching
from campaigns.models import Campaign
from common import clock
from conversations import claiming, delivery, email_leasing, mail_events
from conversations.models import Message
from integrations.messaging import DeliveryState, Receipt
from tests import factories
from tests.conversations.mail_news import Signer, connect, news

pytestmark = pytest.mark.django_db
NODES = [
    ("email", "send_email", {"subject": "Your furnace", "body": "Hi {{ first_name }}"}),
    ("done", "end", {}),
]
EDGES = [("email", "next", "done")]
# What SendGrid says of each, in that order, and what is shown of it.
FATES: dict[str, tuple[tuple[str, ...], list[tuple[str, dict[str, Any]]]]] = {
    "accepted": (("sent",), []),
    "sent": (("sent",), [("processed", {}), ("deferred", {})]),
    "delivered": (("sent", "delivered"), [("delivered", {})]),
    "bounced": (("sent", "bounced"), [("delivered", {}), ("bounce", {"type": "bounce", "status": "5.1.1"})]),
    "blocked": (("sent", "blocked"), [("bounce", {"type": "blocked"})]),
    "spam": (("sent", "delivered", "spam"), [("spamreport", {}), ("delivered", {})]),
    "failed": (("failed",), [("dropped", {"reason": "Invalid"})]),
    "rejected": (("rejected",), [("dropped", {"reason": "Spam Content"})]),
    "expired": (("expired",), []),
    "pending": (("pending",), []),
}
EXCLUSIVE = ("pending", "cancelled", "sent", "failed", "rejected", "expired")


@pytest.fixture
def told(noon: datetime, client: Client) -> Campaign:
    """A campaign with an email of every fate, by the sender's and the drain's own ways."""
    account, signer = factories.make_account("Comfort Air"), Signer()
    number = factories.make_number(account)
    connect(account, signer)
    for index, name in enumerate(FATES):
        contact = factories.make_contact(account, f"+131255501{index:02}", first_name=name)
        factories.give_mailbox(contact, f"{name}@example.org")
    draft = launching.Draft(
        name="By mail", version=factories.make_workflow(account, NODES, EDGES), number=number,
        audience=factories.make_audience(account),
    )  # fmt: skip
    made = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(made, now=clock.now())
    engine.run_round(now=clock.now())
    _leave(account)
    of = {
        message.address.value.partition("@")[0]: message
        for message in Message.objects.filter(account=account)
    }
    batch = [news(of[name], event, **more) for name, (_, said) in FATES.items() for event, more in said]
    assert signer.post(client, batch) == 204
    mail_events.drain()
    return made


def _leave(account: Account) -> None:
    """All leave but one that still waits, and one whose time is over."""
    leased = email_leasing.lease(len(FATES), now=clock.now())
    ours = Message.objects.filter(account=account)
    ours.filter(address__value__startswith="expired").update(send_by=clock.now() - timedelta(seconds=1))
    waiting = set(ours.filter(address__value__startswith="pending").values_list("pk", flat=True))
    claims = claiming.claim([pk for pk in leased if pk not in waiting], now=clock.now())
    taken = [Receipt(f"abc.{claim.message_id}", "202", DeliveryState.ACCEPTED, 0) for claim in claims]
    delivery.record(
        [
            delivery.CallResult(claim.message_id, claim.attempt_id, receipt)
            for claim, receipt in zip(claims, taken, strict=True)
        ],
        now=clock.now(),
    )


def names(rows_: Any) -> list[str]:
    return sorted(message.address.value.partition("@")[0] for message in rows_)


def test_every_status_counts_lists_and_downloads_its_emails(told: Campaign) -> None:
    shown = figures.of(told.account, Selection(), series.grouping("", None, None))
    (emails,) = [each for each in shown.channels if each.name == sending.EMAIL]
    counted = {f.metric.name: f.n for f in (emails.planned, *emails.statuses, *emails.told)}
    file = sources.get("sending")
    for status in (*EXCLUSIVE, *sending.TOLD):
        expected = sorted(name for name, (statuses, _) in FATES.items() if status in statuses)
        figure = f"{sending.EMAIL}:{status}"
        assert counted[figure] == len(expected), status
        assert names(rows.behind(told.account, Selection(), figure)) == expected, status
        assert names(file.query(told.account, Selection().params() | {"figure": figure})) == expected, status
    assert counted[f"{sending.EMAIL}:planned"] == len(FATES)
    assert sum(counted[f"{sending.EMAIL}:{status}"] for status in EXCLUSIVE) == len(FATES)


def test_the_node_table_agrees_with_its_lists(told: Campaign) -> None:
    email, *_ = metrics.node_rows(told, counters.totals([told.pk]))
    delivered, undelivered = ["delivered", "spam"], ["blocked", "bounced", "failed", "rejected"]
    assert names(metrics.rows_behind(told, "email", "delivered")) == delivered
    assert names(metrics.rows_behind(told, "email", "undelivered")) == undelivered
    assert (email.delivered, email.undelivered) == (len(delivered), len(undelivered))
    assert len(metrics.rows_behind(told, "email", "accepted")) == email.accepted == len(FATES) - 2
    assert recount.recount().differences == []
