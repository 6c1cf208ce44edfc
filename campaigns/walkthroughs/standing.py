"""Where a walkthrough stands: what is due next, and what the customer or anybody else could do now."""

from typing import Any

from campaigns import words
from campaigns.graph import GraphNode
from campaigns.models import Node, Step
from campaigns.walkthroughs import acts
from campaigns.walkthroughs.stage import Stage
from conversations.models import PlannedCall

Kind = Node.Kind
_NEXT = {
    Kind.SEND_SMS: "Send it", Kind.SEND_EMAIL: "Send it", Kind.CALL: "Let it ring",
    Kind.BOOK_JOB: "Ask for it",
}  # fmt: skip


def of(stage: Stage) -> dict[str, Any]:
    """What the controls offer, as plain values."""
    found: dict[str, Any] = {
        "over": False, "node": "", "words": "", "due": "", "next": "", "refuse": "", "call": "", "keys": [],
        "outcomes": [], "booking": False, "reply": False, "mail": False, "book": False,
    }  # fmt: skip
    if stage.scene.enrollment is None:
        return found | {"over": True, "words": "They would not enter this campaign."}
    texted = any(event["kind"] in ("text", "call") for event in stage.events)
    mailed = any(event["kind"] == "email" and not event.get("refused") for event in stage.events)
    # Who has left may still write, and is answered as anybody is.
    found |= {"reply": texted and stage.line is None, "mail": mailed and stage.line is None}
    step = stage.open_step()
    if step is None:
        return found | {"over": True, "words": "The passage is over."}
    node = stage.node_of(step)
    found |= {"node": node.key, "book": stage.scene.contact.servicetitan_customer_id > 0}
    if stage.line is not None:
        return found | _on_the_phone(stage)
    if step.due_at is None:
        return found | {"words": "Nothing goes on by itself from here."}
    due = max(step.due_at, stage.now)
    return found | {"due": due.isoformat()} | _due(node, step, waiting=step.due_at > stage.now)


def _due(node: GraphNode, step: Step, *, waiting: bool) -> dict[str, Any]:
    match node.kind:
        case Kind.WAIT:
            return {"words": f"Waits: “{node.name}”", "next": "Skip the wait"}
        case Kind.WAIT_FOR_REPLY:
            return {"words": "Waits for a reply", "next": "Say nothing until the time is over"}
        case Kind.BOOK_JOB if waiting:
            return {
                "words": "Waits for ServiceTitan’s answer", "next": "No answer until the time is over",
                "booking": True,
            }  # fmt: skip
    kind = words.kind(node.kind)
    said = {"words": f"{kind}: “{node.name}”", "next": _NEXT.get(Kind(node.kind), "Next step")}
    if node.kind in (Kind.SEND_SMS, Kind.SEND_EMAIL):
        said["refuse"] = "It cannot be delivered"
    return said


def _on_the_phone(stage: Stage) -> dict[str, Any]:
    line = stage.line
    if line is None:
        return {}
    if line.by_agent:
        outcomes = [{"value": value, "words": label} for value, label in PlannedCall.Outcome.choices]
        return {"words": "A person of yours is calling", "call": "agent", "outcomes": outcomes}
    if line.rings:
        place = "Available agents are" if line.rings == "agents" else "The office is"
        return {"words": f"{place} being rung", "call": "transfer"}
    if line.talks:
        return {"words": "They are listening", "call": "talk", "keys": list(acts.KEYS) if line.action else []}
    choices = [{"value": value, "words": label} for value, label in acts.ANSWERS.items()]
    return {"words": "Their phone rings", "call": "rings", "outcomes": choices}
