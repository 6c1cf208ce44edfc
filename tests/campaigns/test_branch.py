"""Every condition that people can draw means in SQL what its words say."""

import itertools
from datetime import timedelta

import pytest
from django.db import connection, transaction

from audiences.models import Appointment, ContactTag, Job, Tag
from campaigns import engine, enrolling, graph, launching
from campaigns.branch_fields import FIELDS, FITTING, OPERATORS
from campaigns.models import Node, Step
from campaigns.nodes import KINDS
from common import clock
from conversations import claiming, delivery, inbound, leasing
from conversations.models import Message
from integrations.messaging import InboundText
from tests import factories

pytestmark = pytest.mark.django_db
NODES = [
    ("check", "branch", {}),
    ("yes", "wait", {"minutes": 1}),
    ("no", "wait", {"minutes": 1}),
    ("text", "send_sms", {"body": "Hello"}),
]
EDGES = [
    ("check", "met", "yes"),
    ("check", "otherwise", "no"),
    ("yes", "next", "text"),
    ("no", "next", "text"),
]


def condition(field, operator, value):
    return {"conditions": [{"label": "met", "field": field, "operator": operator, "value": value}]}


def launch(account, settings):
    nodes = [("check", "branch", settings), *NODES[1:]]
    draft = launching.Draft(
        name="Branching",
        version=factories.make_workflow(account, nodes, EDGES),
        audience=factories.make_audience(account),
        number=factories.make_number(account, e164=f"+1312556{account.pk % 9000 + 1000:04}"),
    )
    now = clock.now()
    campaign = launching.launch(account, draft, by=None, now=now)
    enrolling.enroll(campaign, now=now)
    return campaign


@pytest.mark.parametrize(
    ("field", "operator", "value", "met"),
    [
        ("kind", "is", "residential", True),
        ("kind", "is_not", "residential", False),
        ("state", "is", "IL", True),
        ("state", "is", "IN", False),
        ("language", "is_not", "es", True),
        ("last_job_type", "is", "Furnace Tune-up", False),
        ("years_since_last_job", "at_least", 2, True),
        ("years_since_last_job", "below", 2, False),
        ("tag", "has", "Maintenance member", True),
        ("tag", "has", "VIP", False),
        ("tag", "has_not", "VIP", True),
        ("city", "is", "Chicago", True),
        ("zip", "is", "60601", True),
        ("has_appointment", "is", True, True),
        ("booked", "is", True, False),
        ("delivered", "is", True, False),
        ("last_reply", "is", "question", False),
        ("last_reply", "is_not", "question", True),
        ("replied", "is", True, False),
        ("replied", "is", False, True),
    ],
)
def test_a_condition_sends_people_its_way(field, operator, value, met):
    account = factories.make_account()
    contact = factories.make_contact(account, kind="residential", city="Chicago", zip="60601-1234")
    tag = Tag.objects.create(account=account, servicetitan_id=1, name="Maintenance member")
    ContactTag.objects.create(contact=contact, tag=tag)
    Job.objects.create(
        account=account,
        servicetitan_id=1,
        servicetitan_customer_id=contact.servicetitan_customer_id,
        created_on=clock.now() - timedelta(days=1000),
        status="Completed",
    )
    ahead = clock.now() + timedelta(days=2)
    Appointment.objects.create(
        account=account,
        servicetitan_id=1,
        servicetitan_job_id=1,
        starts_at=ahead,
        ends_at=ahead,
        status="Scheduled",
    )
    campaign = launch(account, condition(field, operator, value))
    engine.run_round(now=clock.now())
    went = Step.objects.exclude(node__key="check").get(campaign=campaign)
    assert went.node.key == ("yes" if met else "no")


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_what_may_be_published_can_be_decided(field):
    account = factories.make_account()
    factories.make_contact(account)
    kind = KINDS["branch"]
    published = set()
    for operator, value in itertools.product(OPERATORS, ("7", "seven", True)):
        node = graph.GraphNode(
            1, "check", "branch", "Check", condition(field, operator, value), {"met": 2, "otherwise": 3}
        )
        if not kind.problems(node):
            kind.decide(campaign_id=0, node=node, enrollment_ids=[1], now=clock.now())
            published.add(operator)
    assert published == FITTING[FIELDS[field].kind]


def test_a_node_that_breaks_keeps_no_other_campaign_from_its_turn():
    accounts = [factories.make_account() for _ in range(6)]
    for number, account in enumerate(accounts):
        factories.make_contact(account, phone=f"+1312555{110 + number:04}")
    campaigns = [launch(account, condition("kind", "is", "residential")) for account in accounts]
    with connection.cursor() as cursor:  # what no publishing lets through
        cursor.execute("SET LOCAL session_replication_role = replica")
    Node.objects.filter(version=campaigns[0].version, key="check").update(settings={"conditions": "?"})
    graph.load.cache_clear()
    with pytest.raises(ValueError, match="conditions"):
        engine.run_round(now=clock.now())
    moved = Step.objects.filter(node__key__in=["yes", "no"]).values_list("campaign_id", flat=True)
    assert sorted(moved) == sorted(campaign.pk for campaign in campaigns[1:])


NEWS_NODES = [
    ("first_text", "send_sms", {"body": "Hi {{ first_name }}"}),
    ("pause", "wait", {"minutes": 1}),
    ("check", "branch", {}),
    ("yes", "end", {}),
    ("no", "end", {}),
]
NEWS_EDGES = [
    ("first_text", "next", "pause"),
    ("pause", "next", "check"),
    ("check", "met", "yes"),
    ("check", "otherwise", "no"),
]


@pytest.mark.usefixtures("noon")
@pytest.mark.parametrize(
    ("field", "value"), [("delivered", True), ("replied", True), ("last_reply", "question"), ("booked", True)]
)
def test_news_of_this_campaign_sends_people_their_way(field, value):
    account = factories.make_account()
    contact = factories.make_contact(account)
    nodes = [
        (key, kind, condition(field, "is", value) if key == "check" else s) for key, kind, s in NEWS_NODES
    ]
    draft = launching.Draft(
        name="News",
        version=factories.make_workflow(account, nodes, NEWS_EDGES),
        audience=factories.make_audience(account),
        number=factories.make_number(account),
    )
    now = clock.now()
    campaign = launching.launch(account, draft, by=None, now=now)
    enrolling.enroll(campaign, now=now)
    engine.run_round(now=now)
    text = Message.objects.get(kind="campaign")
    claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now())
    move = delivery.Move(text.pk, Message.State.DELIVERED, "SM1", "", "", 1)
    with transaction.atomic():
        delivery.advance([move], now=now)
    sid = InboundText(
        provider_id="SM2", to=text.number.e164, from_=text.address.value, body="What does it cost?"
    )
    inbound.receive(sid, account=account, now=clock.now())
    Job.objects.create(
        account=account, servicetitan_id=5, servicetitan_customer_id=contact.servicetitan_customer_id,
        created_on=clock.now(), status="Scheduled",
    )  # fmt: skip
    later = now + timedelta(minutes=2)
    for _ in range(3):
        engine.run_round(now=later)
    assert Step.objects.get(campaign=campaign, node__key="check").outcome == "met"
