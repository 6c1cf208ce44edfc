"""Running steps: the product's engine against bare SQL that writes the same rows."""

import sys
import time
from statistics import median
from typing import Any

from django.db import connection, transaction

from bench.contractor import LAUNCHED, WAITED, Contractor, copy_enrollments, uncounted
from bench.measurement import Measurement
from campaigns import engine, enrolling, scheduling
from campaigns.models import Campaign, Node, Step
from conversations import outbound
from conversations.models import Message

CONTACTS = 40_000  # each ends a wait and a branch, every second one is then handed to the sender
ROUNDS = 3


def engine_vs_sql(contacts: int = CONTACTS, rounds: int = ROUNDS) -> Measurement:
    """Steps a second through the whole engine with triggers: waits run out, branches decide, texts queue.

    A step counts when it leaves the engine: a wait completed, a branch completed, a text queued. The
    baseline writes the same rows in transactions of as many, knowing beforehand who goes where, without
    triggers; both keep every key and index. Squashing the counters is its own process, measured by
    `counters_cost`.
    """
    contractor = Contractor(contacts)
    steps = contacts * 5 // 2
    ours, bare = [], []
    for _ in range(rounds):
        campaign, copy = contractor.campaign(), contractor.campaign()
        enrolling.enroll(campaign, now=LAUNCHED)
        copy_enrollments(campaign, copy)
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")
        Campaign.objects.filter(pk=copy.pk).update(status="paused")
        began = time.perf_counter()
        while engine.run_round(now=WAITED, seconds=engine.LOOK_SECONDS):
            pass
        ours.append(time.perf_counter() - began)
        with uncounted():
            began = time.perf_counter()
            _write_bare(copy)
            bare.append(time.perf_counter() - began)
        compare(campaign, copy, steps)
        Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    print(f"engine_vs_sql: {_seconds(ours)} s ours, {_seconds(bare)} s bare", file=sys.stderr)
    rate, baseline = steps / median(ours), steps / median(bare)
    return Measurement(
        "engine_vs_sql", steps, rate, "steps/s",
        f"bare SQL, the same rows in transactions of {scheduling.BATCH}, no triggers", baseline,
        rate / baseline,
    )  # fmt: skip


def compare(campaign: Campaign, copy: Campaign, steps: int) -> None:
    """Both must have written the same; a benchmark of something else is worth nothing."""
    facts = []
    for each in (campaign, copy):
        rows = Step.objects.filter(campaign=each).values_list(
            "node__key", "state", "outcome", "due_at", "send_by", "enrollment__contact"
        )
        texts = Message.objects.filter(lane=each.lane_id).values_list(
            "contact", "address", "number", "state", "due_at", "send_by", "variables", "segments", "template"
        )
        facts.append((sorted(map(str, rows)), sorted(map(str, texts))))
    if facts[0] != facts[1]:
        raise SystemExit("the baseline did not write what the engine wrote")
    left = sum("'waiting'" not in row for row in facts[0][0])
    if left != steps:
        raise SystemExit(f"{left} steps left the engine, not {steps}")


_SETTLE = """
with done as (
    update campaigns_step set state = 'completed', state_at = %(now)s, due_at = null, outcome = ''
    where id = any(%(ids)s) returning enrollment_id
),
decided as (
    insert into campaigns_step
        (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, outcome)
    select %(campaign)s, done.enrollment_id, %(where)s, 1, 'completed', %(now)s, %(now)s,
           case contact.state when 'IL' then 'here' else 'otherwise' end
    from done join campaigns_enrollment enrollment on enrollment.id = done.enrollment_id
    join audiences_contact contact on contact.id = enrollment.contact_id
    returning enrollment_id, outcome
)
insert into campaigns_step
    (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at, send_by)
select %(campaign)s, enrollment_id, case outcome when 'here' then %(text)s else %(later)s end, 1,
       case outcome when 'here' then 'scheduled' else 'waiting' end, %(now)s, %(now)s,
       case outcome when 'here' then %(now)s else %(now)s + interval '1 day' end,
       case outcome when 'here' then %(now)s + interval '72 hours' end
from decided
"""
_QUEUE = """
with text as (
    insert into conversations_message
        (account_id, lane_id, contact_id, address_id, number_id, kind, origin, template_id, variables,
         segments, state, state_at, created_at, due_at, send_by)
    select %(account)s, %(lane)s, enrollment.contact_id, enrollment.address_id, %(number)s, 'campaign',
           'step:' || step.id, %(template)s,
           jsonb_build_object('first_name', contact.first_name, 'company', account.name),
           1, 'queued', %(now)s, %(now)s, %(now)s, step.send_by
    from campaigns_step step
    join campaigns_enrollment enrollment on enrollment.id = step.enrollment_id
    join audiences_contact contact on contact.id = enrollment.contact_id
    join accounts_account account on account.id = contact.account_id
    where step.id = any(%(ids)s)
    returning id, substr(origin, 6)::bigint as step_id
)
update campaigns_step step set state = 'queued', state_at = %(now)s, due_at = null, message_id = text.id
from text where step.id = text.step_id
"""


def _write_bare(campaign: Campaign) -> None:
    """What the engine writes, one statement a transaction, in slices of the steps' ids."""
    nodes = dict(Node.objects.filter(version=campaign.version_id).values_list("key", "pk"))
    template = outbound.template(campaign.account, _body(nodes["text"])).pk
    values: dict[str, Any] = {
        "now": WAITED, "campaign": campaign.pk, "account": campaign.account_id, "lane": campaign.lane_id,
        "number": campaign.number_id, "template": template, **nodes,
    }  # fmt: skip
    for node, statement in (("pause", _SETTLE), ("text", _QUEUE)):
        due = Step.objects.filter(campaign=campaign, node=nodes[node]).order_by("pk")
        ids = list(due.values_list("pk", flat=True))
        for start in range(0, len(ids), scheduling.BATCH):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, values | {"ids": ids[start : start + scheduling.BATCH]})


def _body(node_id: int) -> str:
    return str(Node.objects.get(pk=node_id).settings["body"])


def _seconds(taken: list[float]) -> str:
    return ", ".join(f"{seconds:.1f}" for seconds in taken)
