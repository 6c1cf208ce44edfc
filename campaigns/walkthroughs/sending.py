"""What a walkthrough's messages come to: decided by the claim, worded by it, and handed to nobody."""

import json
from datetime import datetime
from typing import Any

from audiences import merge_fields
from campaigns import link_signs
from campaigns.graph import GraphNode
from campaigns.models import LinkCode, Step
from campaigns.said import EXAMPLE_WAY_OUT
from campaigns.walkthroughs.stage import NotNow, Stage
from common import sql
from common.segments import count_segments
from conversations import claiming, delivery, remedies, rendering
from conversations.candidates import Claim
from conversations.delivery import CallResult, Move
from conversations.emails import shells
from conversations.models import Message
from integrations.messaging import DeliveryState, ProviderError, Receipt, Remedy

WAITS = {
    "window": "Outside the hours in which they may be texted or called",
    "hold": "They have replied, so campaigns leave them alone until a person has seen to it, or for 72 hours",
    "phone_cap": "This phone has had its three texts and calls of 24 hours",
    "mailbox_cap": "This mailbox has had its three emails of 24 hours",
    "household_cap": "This home has had as many messages as it may have for now",
    "next_try": "Tried again",
}
"""Why a message or a call waits."""
HELD = (
    "It would wait now: sending is paused for this account, or rests by itself. See Settings, Sending; once "
    "that is over, press Next again."
)
_REFUSALS = {False: ("30006", Remedy.NO_TEXTS), True: ("invalid_recipient", Remedy.MAILBOX_INVALID)}
"""What carriers say of a phone that takes no texts, and mail servers of a mailbox that is not there."""


def fill_in(stage: Stage, table: str, origin: str) -> None:
    """Of the invented person everything is known: what the mirror does not say stands as its example."""
    if not stage.walk.sample:
        return
    examples = {name: field.example for name, field in merge_fields.FIELDS.items()}
    sql.run(
        f"UPDATE {table} SET variables = %s::jsonb || coalesce(variables, '{{}}'::jsonb) WHERE origin = %s",
        [json.dumps(examples), origin],
    )


def follow(stage: Stage, step: Step, node: GraphNode, *, refused: bool) -> bool:
    """Decide the message that a step has just queued, and let the provider take it, or refuse it; whether
    there was one."""
    step.refresh_from_db()
    message = step.message
    if message is None or message.state != Message.State.QUEUED or (message.due_at or stage.now) > stage.now:
        return False
    fill_in(stage, "conversations_message", message.origin or "")
    known = Message.objects.values_list("variables", flat=True).get(pk=message.pk)
    with stage.apart():
        decided = claiming.decide([message.pk], now=stage.now)
    for deferral in decided.deferrals:
        waits(stage, node, deferral.reason, deferral.until)
    message.refresh_from_db()
    if not decided.claims:
        if message.state == Message.State.QUEUED and not decided.deferrals:
            raise NotNow(HELD)
        return True
    told = _tell(stage, decided.claims[0], message, node.key, node.name, dict(known or {}))
    hand_over(stage, decided.claims[0], refused=refused)
    told["refused"] = refused
    return True


def answers(stage: Stage, after: int) -> None:
    """Decide and show what the product answers by itself to what the customer has just written: texts to
    their addresses that are newer than the message `after`."""
    queued = Message.objects.filter(
        address__in=stage.scene.address_ids, kind=Message.Kind.AUTOMATIC, state=Message.State.QUEUED,
        pk__gt=after,
    )  # fmt: skip
    for message in queued.order_by("pk"):
        with stage.apart():
            decided = claiming.decide([message.pk], now=stage.now)
        message.refresh_from_db()
        for claim in decided.claims:
            _tell(stage, claim, message, "", "Automatic answer", {})
            hand_over(stage, claim, refused=False)


def waits(stage: Stage, node: GraphNode, reason: str, until: datetime) -> None:
    """Say that something is put off."""
    stage.tell(
        "waits", node=node.key, words=WAITS.get(reason, reason.replace("_", " ").capitalize()),
        until=until.isoformat(), reason=reason, name=node.name,
    )  # fmt: skip


def hand_over(stage: Stage, claim: Claim, *, refused: bool) -> None:
    """Record what the provider would have said to one call: that it took the message and it arrived, or that
    this phone or mailbox takes none."""
    if refused:
        code, remedy = _REFUSALS[claim.is_email]
        error = ProviderError(
            "It takes none", permanent=True, accepted="no", code=code, state=DeliveryState.FAILED,
            remedy=remedy,
        )  # fmt: skip
        with stage.apart():
            result = CallResult(claim.message_id, claim.attempt_id, error)
            delivery.record([result], now=stage.now, leased=False)  # else real leases would wait
        with stage.apart():
            remedies.apply([(claim.message_id, remedy, code)], now=stage.now)
        return
    name = f"walkthrough-{claim.attempt_id.hex}"
    taken = Receipt(name, "accepted", DeliveryState.ACCEPTED, 0)
    with stage.apart():
        result = CallResult(claim.message_id, claim.attempt_id, taken)
        delivery.record([result], now=stage.now, leased=False)
    # Later than the acceptance, as it is: what follows at once knows nothing of it yet.
    with stage.apart():
        arrived = Move(claim.message_id, DeliveryState.DELIVERED.value, name, "", "", 0)
        delivery.advance([arrived], now=stage.now)


def _tell(
    stage: Stage, claim: Claim, message: Message, key: str, name: str, known: dict[str, Any]
) -> dict[str, Any]:
    """Show a message as it would leave."""
    plain = {field: value for field, value in known.items() if not _is_link(field)}
    contact = stage.scene.contact
    contact.refresh_from_db(fields=["language"])
    facts: dict[str, Any] = {
        "name": name, "to": claim.to, "from": claim.from_, "body": claim.body, "known": plain,
        "language": contact.language, "links": _links(stage, message, claim), "message": len(stage.events),
    }  # fmt: skip
    if not claim.is_email:
        facts |= {
            "media": list(claim.media),
            "segments": 1 if claim.media else count_segments(claim.body).count,
        }
        return stage.tell("text", node=key, **facts)
    html = ""
    if claim.email is not None and claim.email.shell is not None:
        # The real way out is real: nobody is to leave by looking at a test.
        slots = {**claim.email.slots, "unsubscribe_url": EXAMPLE_WAY_OUT}
        html = shells.whole(claim.email.shell, slots).html
    facts |= {"subject": claim.subject or "", "from_name": claim.from_name, "size": len(html.encode())}
    told = stage.tell("email", node=key, **facts)
    stage.mails[str(len(stage.events) - 1)] = html
    return told


def _is_link(field: str) -> bool:
    return field.startswith((rendering.LINK_FIELD, rendering.LACKS, "trap"))


def _links(stage: Stage, message: Message, claim: Claim) -> list[dict[str, Any]]:
    """The links that this person could follow, with where they lead."""
    step = Step.objects.filter(message=message).first()
    if step is None:
        return []
    words = claim.body if claim.email is None else claim.body + " ".join(claim.email.slots.values())
    found = []
    codes = LinkCode.objects.filter(step=step, link__trap=False).select_related("link")
    for code in codes.order_by("link__position", "pk"):
        if link_signs.spell(code.pk) not in words:
            continue
        stage.links.append(code.pk)
        to = code.destination or code.link.destination
        found.append({"n": len(stage.links) - 1, "to": to, "short": link_signs.spell(code.pk)})
    return found
