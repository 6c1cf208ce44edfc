"""The cost of counting where it weighs most: bare SQL writing what engine and sender write.

With triggers and without. Nothing is decided, claimed or called, so that this is the most that counting
can add to a write.
"""

import sys
import time
from statistics import median
from typing import Any

from django.db import connection, transaction

from accounts.models import Account
from analytics import counters
from analytics.recount import recount
from audiences.models import Audience, SendWindow, ZoneSet
from bench.measurement import Measurement
from campaigns.models import Campaign, Node, Workflow, WorkflowVersion
from common import clock
from conversations.models import Lane
from integrations.models import Connection, SendingNumber

STEPS = 5_000  # per round
BATCH = 1_000
ROUNDS = 8  # of each kind, short and taken in turn, so that a busy neighbour hits both alike
COUNTED = ("campaigns_step", "conversations_message")


def counted_writes() -> Measurement:
    """Steps a second through queue, claim and acceptance, triggers on (squash included) against off."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS + 1):
        for counting in (True, False) if number % 2 else (False, True):
            seconds = _round(counting)
            if number:  # the first of each kind warms up
                taken[counting].append(seconds)
    on, off = median(taken[True]), median(taken[False])
    print(f"bare writes: medians of {ROUNDS} rounds, {on:.2f} s with, {off:.2f} s without", file=sys.stderr)
    return Measurement(
        "counters_cost_bare_writes",
        STEPS,
        STEPS / on,
        "steps/s",
        "the same writes without triggers",
        STEPS / off,
        on / off,
    )


def _round(counting: bool) -> float:
    """Seconds for a fresh campaign of STEPS enrollments, each with one text from queue to acceptance."""
    campaign = _campaign()
    _triggers(counting)
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("select min(id), max(id) from campaigns_step where campaign_id = %s", [campaign.pk])
        first, last = cursor.fetchone()
    for start in range(first, last + 1, BATCH):
        _pass(campaign, start, min(start + BATCH - 1, last))
    while counting and counters.squash():
        pass
    seconds = time.perf_counter() - began
    if counting:
        differing = [d for d in recount().differences if d.campaign == campaign.pk]
        if differing:
            raise SystemExit(f"the counters are wrong: {differing[0]}")
    _triggers(True)
    return seconds


def _triggers(on: bool) -> None:
    with connection.cursor() as cursor:
        for table in COUNTED:
            cursor.execute(f"alter table {table} {'enable' if on else 'disable'} trigger user")


_QUEUE = """
with taken as (
    update campaigns_step set state = 'queued', state_at = %(now)s, due_at = null
    where id between %(first)s and %(last)s returning id, enrollment_id
)
insert into conversations_message
    (account_id, lane_id, contact_id, address_id, number_id, kind, origin,
     state, state_at, created_at, due_at)
select %(account)s, %(lane)s, enrollment.contact_id, enrollment.address_id, %(number)s, 'campaign',
       'step:' || taken.id, 'queued', %(now)s, %(now)s, %(now)s
from taken join campaigns_enrollment enrollment on enrollment.id = taken.enrollment_id
"""
_OURS = "origin in (select 'step:' || id from generate_series(%(first)s::bigint, %(last)s::bigint) id)"
_CLAIM = f"""
update conversations_message set state = 'calling', state_at = %(now)s, claimed_at = clock_timestamp(),
       body = 'Time for your tune-up?', due_at = null
where {_OURS}
"""
_ACCEPT = f"""
update conversations_message set state = 'accepted', state_at = %(now)s, accepted_at = %(now)s,
       provider_id = 'SM' || origin
where {_OURS}
"""
_COMPLETE = """
with done as (
    update campaigns_step set state = 'completed', state_at = %(now)s, outcome = 'next'
    where id between %(first)s and %(last)s returning enrollment_id
)
insert into campaigns_step (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at)
select %(campaign)s, enrollment_id, %(next)s, 'waiting', %(now)s, %(now)s, %(now)s from done
"""


def _pass(campaign: Campaign, first: int, last: int) -> None:
    """One batch: queued, claimed, accepted and moved on, in the three transactions it takes in production."""
    values: dict[str, Any] = {
        "first": first,
        "last": last,
        "now": clock.now(),
        "account": campaign.account_id,
        "campaign": campaign.pk,
        "lane": campaign.lane_id,
        "number": campaign.number_id,
        "next": Node.objects.get(version=campaign.version_id, key="reply").pk,
    }
    for statements in ((_QUEUE,), (_CLAIM,), (_ACCEPT, _COMPLETE)):
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, values)


_PEOPLE = """
with home as (
    insert into audiences_household (account_id, key)
    select %(account)s, 'home-' || n from generate_series(1, %(n)s) n returning id
),
phone as (
    insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
    select %(account)s, 'phone', '+1312' || lpad(n::text, 7, '0'), 'mobile', ''
    from generate_series(1, %(n)s) n returning id
),
contact as (
    insert into audiences_contact
        (account_id, servicetitan_customer_id, person, name, first_name, last_name, kind, language, active,
         do_not_service, street, city, state, zip, household_id, zone_set_id, created_at)
    select %(account)s, row_number() over (order by id), '', 'Customer', '', '', 'residential', 'en', true,
           false, '', '', '', '', id, %(zones)s, %(now)s
    from home returning id
),
enrolled as (
    insert into campaigns_enrollment (campaign_id, version_id, occurrence, contact_id, address_id, entered_at)
    select %(campaign)s, %(version)s, 1, contact.id, phone.id, %(now)s
    from (select id, row_number() over (order by id) as n from contact) contact
    join (select id, row_number() over (order by id) as n from phone) phone using (n)
    returning id
)
insert into campaigns_step (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at)
select %(campaign)s, id, %(node)s, 'scheduled', %(now)s, %(now)s, %(now)s from enrolled
"""


def _campaign() -> Campaign:
    """A launched campaign of a new account, everybody scheduled at its first node."""
    n = Account.objects.count() + 1
    account = Account.objects.create(name=f"Bench {n}", slug=f"bench-{n}")
    twilio = Connection.objects.create(account=account, provider="twilio")
    number = SendingNumber.objects.create(account=account, connection=twilio, e164=f"+1773{n:07}")
    version = WorkflowVersion.objects.create(
        workflow=Workflow.objects.create(account=account, name="Tune-up season"), number=1
    )
    nodes = [
        Node.objects.create(version=version, key=key, kind=kind, name=key, position=position)
        for position, (key, kind) in enumerate([("first_text", "send_sms"), ("reply", "wait_for_reply")])
    ]
    zones, _ = ZoneSet.objects.get_or_create(key="America/Chicago", defaults={"zones": ["America/Chicago"]})
    campaign = Campaign.objects.create(
        account=account,
        name=account.name,
        version=version,
        audience=Audience.objects.create(account=account, name="Everybody"),
        number=number,
        window=SendWindow.objects.get_or_create(start_minute=540, end_minute=1140, days=63)[0],
        lane=Lane.objects.create(account=account, kind="campaign", name=account.name),
        status="active",
        launched_at=clock.now(),
    )
    values = {"account": account.pk, "campaign": campaign.pk, "version": version.pk, "node": nodes[0].pk}
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, values | {"n": STEPS, "zones": zones.pk, "now": clock.now()})
        cursor.execute("analyze")
    while counters.squash():
        pass
    return campaign
