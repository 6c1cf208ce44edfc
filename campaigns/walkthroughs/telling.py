"""What there is to see of a walkthrough's steps: said once each time one has moved."""

from collections.abc import Mapping
from typing import Any

from campaigns import drawing, words
from campaigns.graph import NEXT, OTHERWISE, GraphNode
from campaigns.models import Node, Step
from campaigns.reasons import why_of
from campaigns.walkthroughs.stage import Stage
from common.spoken import LANGUAGES

Kind = Node.Kind
_DONE = (Step.State.COMPLETED, Step.State.FAILED, Step.State.SKIPPED)


def tell_steps(stage: Stage) -> None:
    """Say what has become of the contact's steps since they were told last, and whether the passage ended."""
    for step in Step.objects.filter(enrollment=stage.enrollment_id).order_by("pk"):
        now = (step.state, step.outcome, step.reason)
        if stage.told.get(step.pk) == now:
            continue
        stage.told[step.pk] = now
        node = stage.node_of(step)
        if step.state in _DONE:
            _tell_done(stage, step, node)
        elif node.kind == Kind.BOOK_JOB and step.state == Step.State.WAITING:
            stage.note(
                f"ServiceTitan would be asked: “{node.settings.get('summary', '')}”. Nothing was asked.",
                icon="calendar-plus", node=node.key,
            )  # fmt: skip


def _tell_done(stage: Stage, step: Step, node: GraphNode) -> None:
    if step.state in (Step.State.FAILED, Step.State.SKIPPED):
        failed = step.state == Step.State.FAILED
        why = why_of(step.reason, node.kind) or words.sentence(step.reason)
        message = step.message
        if message is not None and message.code == "merge_field_missing" and message.reason:
            why = message.reason
        stage.note(
            f"“{node.name}” {'failed' if failed else 'was skipped'}: {why}",
            icon="x" if failed else "skip-forward", tone="bad" if failed else "warn", node=node.key,
        )  # fmt: skip
        return
    match node.kind:
        case Kind.BRANCH:
            stage.note(f"“{node.name}”: {_way(node, step.outcome)}", icon="split", node=node.key)
        case Kind.SPLIT:
            stage.sides.setdefault(node.key, stage.act)
            others = [label for label in drawing_ways(node) if label != step.outcome]
            stage.note(
                f"“{node.name}”: this contact is always among “{words.sentence(step.outcome)}”",
                icon="flask-conical", node=node.key,
                others=[{"label": label, "words": words.sentence(label)} for label in others],
            )  # fmt: skip
        case Kind.UPDATE_CONTACT:
            stage.note(_noted(node.settings), icon="tag", node=node.key)
        case Kind.HANDOFF:
            stage.note(
                f"Handed to a person in the inbox: “{node.settings.get('reason', '')}”",
                icon="user", node=node.key,
            )  # fmt: skip
        case Kind.WAIT_FOR_REPLY:
            silent = step.outcome == "no_reply"
            said = "No reply in time" if silent else f"The reply leads on: {words.edge(step.outcome)}"
            stage.note(said, icon="hourglass" if silent else "message-circle-reply", node=node.key)
        case Kind.WAIT if step.outcome == "no_appointment":
            stage.note("There is no appointment ahead to wait for", icon="calendar-x", node=node.key)
        case Kind.BOOK_JOB:
            booked = step.outcome == "booked"
            stage.note(
                "ServiceTitan made it a job" if booked else "Not booked: dismissed, or no answer in time",
                icon="calendar-check" if booked else "calendar-x", tone="good" if booked else "warn",
                node=node.key,
            )  # fmt: skip
        case Kind.CALL:
            stage.note(f"The call is over: {words.edge(step.outcome)}", icon="phone", node=node.key)


def tell_end(stage: Stage) -> None:
    """Say that the passage is over, where it is, once."""
    if any(event["kind"] == "end" for event in stage.events) or stage.is_live():
        return
    reason = stage.passage().ended_reason
    said = why_of(reason) or words.sentence(reason)
    stage.tell("end", words=said, reason=reason, tone="" if reason == "finished" else "warn")


def path(stage: Stage) -> list[dict[str, str]]:
    """The steps that the contact has been at, in order, each with the way it left by ("" for none, and while
    it is open)."""
    if stage.scene.enrollment is None:
        return []
    found, live = [], stage.is_live()
    steps = list(Step.objects.filter(enrollment=stage.enrollment_id).order_by("pk"))
    for place, step in enumerate(steps):
        node = stage.node_of(step)
        last = place == len(steps) - 1 and not live
        way = "" if step.state in Step.OPEN or (last and not step.outcome) else way_out(node, step)
        found.append({"key": node.key, "way": way, "state": step.state, "outcome": step.outcome})
    return found


def way_out(node: GraphNode, step: Step) -> str:
    """The drawn way that a finished step left by; "" where none is drawn for it."""
    wanted = step.outcome if step.state == Step.State.COMPLETED else OTHERWISE
    return next((label for label in (wanted, NEXT) if label in node.edges), "")


def drawing_ways(node: GraphNode) -> list[str]:
    """The ways of a node that are drawn, as they are read."""
    drawn = drawing.DrawnNode(node.key, node.kind, node.name, node.settings, dict.fromkeys(node.edges, ""))
    return drawing.way_order(drawn)


def _way(node: GraphNode, label: str) -> str:
    if label == OTHERWISE:
        return "none of its conditions holds"
    rows = node.settings.get("conditions") or []
    chosen: Mapping[str, Any] = next((row for row in rows if row.get("label") == label), {})
    return f"{words.sentence(label)}, because: {words.condition(dict(chosen))}"


def _noted(settings: Mapping[str, Any]) -> str:
    said = []
    if added := settings.get("add_tags"):
        said.append(f"adds the tag{'s' if len(added) > 1 else ''} {', '.join(added)}")
    if removed := settings.get("remove_tags"):
        said.append(f"removes {', '.join(removed)}")
    if language := settings.get("language"):
        said.append(f"writes in {LANGUAGES.get(language, language)} from now on")
    return f"Noted on the contact: {'; '.join(said)}"
