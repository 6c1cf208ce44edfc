"""Emails on pages and in numbers: beside texts, counted apart from them, and shown as what they are."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from analytics import attribution, counters, metrics, recount, scope
from audiences.models import Job
from campaigns import engine, enrolling, launching, samples
from campaigns.models import Booking, Campaign, Step
from common import clock
from conversations import claiming, delivery, email_leasing
from conversations.models import Message, Thread
from integrations.messaging import DeliveryState, Receipt
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
EMAIL = {"subject": "{{ first_name }}, your furnace", "body": "Hi {{ first_name }}, shall we?"}
NODES = [("email", "send_email", EMAIL), ("text", "send_sms", {"body": "Hello"}), ("done", "end", {})]
EDGES = [("email", "next", "text"), ("text", "next", "done")]


@pytest.fixture
def account(noon: datetime) -> Account:
    """Two customers; only Ann has a mailbox."""
    made = factories.make_account("Comfort Air")
    factories.make_number(made)
    factories.make_mailbox(made, postal_address="12 Elm St")
    ann = factories.make_contact(made, "+13125550101", first_name="Ann")
    factories.give_mailbox(ann, "ann@example.org")
    factories.make_contact(made, "+13125550102", first_name="Bob")
    return made


@pytest.fixture
def campaign(account: Account) -> Campaign:
    """Launched, and its one email accepted."""
    draft = launching.Draft(
        name="By mail",
        version=factories.make_workflow(account, NODES, EDGES),
        audience=factories.make_audience(account),
        number=account.sending_numbers.get(),
    )
    made = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(made, now=clock.now())
    engine.run_round(now=clock.now())
    claims = claiming.claim(email_leasing.lease(9, now=clock.now()), now=clock.now())
    taken = Receipt("abc", "202", DeliveryState.ACCEPTED, 0)
    delivery.record([delivery.CallResult(c.message_id, c.attempt_id, taken) for c in claims], now=clock.now())
    return made


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def test_an_accepted_email_counts_at_its_node_and_in_no_tile_of_texts(campaign: Campaign) -> None:
    email, *_ = metrics.node_rows(campaign, counters.totals([campaign.pk]))
    assert (email.entered, email.completed, email.skipped, email.accepted) == (2, 1, 1, 1)
    tiles = metrics.tiles(campaign.account)
    assert (tiles.total_texts, tiles.waiting_texts, tiles.completed_today) == (0, 0, 0)
    assert recount.recount().differences == []
    [row] = metrics.rows_behind(campaign, "email", "accepted")
    assert row.subject == "Ann, your furnace"


def test_an_email_wins_a_job_like_any_other_touch(campaign: Campaign) -> None:
    ann = Message.objects.get().contact
    assert ann is not None
    booked_at = clock.now() + timedelta(days=1)
    job = Job.objects.create(
        account=campaign.account, servicetitan_id=9, status="Scheduled", created_on=booked_at,
        servicetitan_customer_id=ann.servicetitan_customer_id,
    )  # fmt: skip
    Booking.objects.create(
        account=campaign.account, contact=ann, external_id="truckroll-step-1", servicetitan_job_id=9,
        state="converted", state_at=booked_at, requested_at=booked_at,
    )  # fmt: skip
    assert attribution.credit([job.pk]) == [job.pk]
    assert Step.objects.get(node__key="email", state="completed").node_id == job.credit.node_id


def test_lists_show_the_subject_and_say_what_an_email_lacks(campaign: Campaign, admin: Client) -> None:
    rows = reverse("analytics:campaign_rows", args=[campaign.pk])
    sent = admin.get(rows, {"column": "accepted", "node": "email"}).content.decode()
    assert "Ann, your furnace" in sent and "shall we?" in sent
    skipped = admin.get(rows, {"column": "skipped", "node": "email"}).content.decode()
    assert "No email address" in skipped and "No phone" not in skipped
    overview = admin.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "Email" in overview and 'href="#mail"' not in overview
    version = admin.get(reverse("campaigns:workflow_version", args=[campaign.version_id])).content.decode()
    assert "your furnace" in version


def test_an_email_stands_in_the_thread_as_an_email(campaign: Campaign, admin: Client) -> None:
    message = Message.objects.get()
    assert message.contact is not None
    thread = Thread.objects.create(
        account=campaign.account, contact=message.contact, address=factories.phone_of(message.contact),
        number=campaign.number, needs_reply=True,
    )  # fmt: skip
    factories.make_inbound(thread, "I got your mail")
    page = admin.get(reverse("conversations:thread", args=[thread.pk])).content.decode()
    assert "<strong>Ann, your furnace</strong>" in page and "Email to ann@example.org" in page
    assert "12 Elm St" in page and "I got your mail" in page
    rows = reverse("analytics:campaign_rows", args=[campaign.pk])
    listed = admin.get(rows, {"column": "accepted"}).content.decode()
    assert reverse("conversations:thread", args=[thread.pk]) in listed
    inbox = admin.get(reverse("conversations:inbox")).content.decode()
    assert "I got your mail" in inbox


def test_the_launch_shows_the_email_and_whom_it_passes_over(account: Account) -> None:
    found = samples.preview(
        account, audience=factories.make_audience(account), targeting={}, now=clock.now(),
        version=factories.make_workflow(account, NODES, EDGES), number=account.sending_numbers.get(),
    )  # fmt: skip
    assert found.without_mailbox == 1
    [ann] = found.emails
    assert (ann.to, ann.subject) == ("ann@example.org", "Ann, your furnace")
    assert ann.body.startswith("Hi Ann, shall we?\n\n-- \n") and "12 Elm St" in ann.body


def test_the_launch_of_emails_alone_speaks_of_no_texts(account: Account) -> None:
    found = samples.preview(
        account, audience=factories.make_audience(account), targeting={}, now=clock.now(),
        version=factories.make_workflow(account, [NODES[0], NODES[-1]], [("email", "next", "done")]),
        number=account.sending_numbers.get(),
    )  # fmt: skip
    assert found.admitted and found.emails
    assert (found.segments, found.samples, found.first_at, found.refusal) == (0, (), None, "")


def test_a_range_tells_texts_from_emails_whatever_is_folded(account: Account, campaign: Campaign) -> None:
    other = launching.Draft(
        name="Texts alone", audience=campaign.audience, number=account.sending_numbers.get(),
        version=factories.make_workflow(account, [NODES[1], NODES[2]], EDGES[1:]),
    )  # fmt: skip
    launching.launch(account, other, by=None, now=clock.now())
    alone = Campaign.objects.exclude(pk=campaign.pk).get()
    enrolling.enroll(alone, now=clock.now())
    engine.run_round(now=clock.now())
    texts = Message.objects.filter(mailbox=None)
    now = clock.now()
    for days, message in zip((0, 3, 40), texts.order_by("pk"), strict=False):
        Message.objects.filter(pk=message.pk).update(
            body="Hello",
            state="accepted",
            accepted_at=now - timedelta(days=days),
            state_at=now - timedelta(days=days),
        )
    assert texts.filter(lane=campaign.lane, state="accepted").exists(), "both kinds of workflow sent texts"
    assert texts.filter(lane=alone.lane, state="accepted").exists()

    def counted() -> list[dict[str, int]]:
        looked = [scope.of(account, {"range": name}) for name in ("today", "7d", "90d", "year")]
        return [
            {each.metric.name: each.n for each in metrics.ranged(account, one.start, one.end)}
            for one in looked
        ]

    unfolded = counted()
    assert [each["range_texts"] for each in unfolded] == [1, 2, 3, 3]
    while counters.squash():
        pass
    assert counted() == unfolded
    looked = scope.of(account, {"range": "year"})
    behind = metrics.rows_behind_range(account, "range_texts", looked.start, looked.end)
    assert behind.count() == 3
