"""The usual way, tuned: one Celery task for each contact that is due, through the ORM, in a transaction.

`python -m celery -A bench.celery_tuned worker` runs it. Connections are kept between tasks
(`CELERY_DB_REUSE_MAX`), results are not stored, and a process fetches tasks ahead.
"""

import os
from datetime import timedelta

from celery import Celery
from django.db import transaction
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

QUEUE = "tuned"
app = Celery("tuned", set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[Queue(QUEUE)], task_default_queue=QUEUE, task_routes=None, worker_prefetch_multiplier=16
)


@app.task(name="bench.end_wait")
def end_wait(step_id: int) -> None:
    """End one contact's wait, decide the branch behind it, and begin the text or the next wait."""
    from bench.contractor import WAITED
    from campaigns.models import Node, Step

    with transaction.atomic():
        step = (
            Step.objects.select_for_update(of=("self",)).select_related("enrollment__contact").get(pk=step_id)
        )
        if step.state != Step.State.WAITING:
            return
        step.state, step.state_at, step.due_at = Step.State.COMPLETED, WAITED, None
        step.save(update_fields=["state", "state_at", "due_at"])
        nodes = {node.key: node for node in Node.objects.filter(version=step.enrollment.version_id)}
        here = step.enrollment.contact.state == "IL"
        whole = {"campaign_id": step.campaign_id, "enrollment": step.enrollment, "state_at": WAITED}
        Step.objects.create(
            **whole, created_at=WAITED, node=nodes["where"], state=Step.State.COMPLETED,
            outcome="here" if here else "otherwise",
        )  # fmt: skip
        following = Step.objects.create(
            **whole, created_at=WAITED, node=nodes["text" if here else "later"],
            state=Step.State.SCHEDULED if here else Step.State.WAITING,
            due_at=WAITED if here else WAITED + timedelta(days=1),
            send_by=WAITED + timedelta(hours=72) if here else None,
        )  # fmt: skip
        if here:
            transaction.on_commit(lambda: queue_text.delay(following.pk))


@app.task(name="bench.queue_text")
def queue_text(step_id: int) -> None:
    """Queue one contact's text."""
    from audiences.models import Contact
    from bench.contractor import WAITED
    from campaigns.models import Step
    from conversations import outbound
    from conversations.models import Message

    with transaction.atomic():
        found = Step.objects.select_for_update(of=("self",)).select_related("enrollment", "campaign", "node")
        step = found.get(pk=step_id)
        if step.state != Step.State.SCHEDULED:
            return
        campaign, contact = step.campaign, Contact.objects.get(pk=step.enrollment.contact_id)
        step.message = Message.objects.create(
            account_id=campaign.account_id, lane_id=campaign.lane_id, number_id=campaign.number_id,
            contact_id=step.enrollment.contact_id, address_id=step.enrollment.address_id,
            kind=Message.Kind.CAMPAIGN, origin=f"step:{step.pk}",
            template=outbound.template(campaign.account, step.node.settings["body"]),
            variables={"first_name": contact.first_name, "company": campaign.account.name}, segments=1,
            state=Message.State.QUEUED, state_at=WAITED, created_at=WAITED, due_at=WAITED,
            send_by=step.send_by,
        )  # fmt: skip
        step.state, step.state_at, step.due_at = Step.State.QUEUED, WAITED, None
        step.save(update_fields=["state", "state_at", "due_at", "message"])
