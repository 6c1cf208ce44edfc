"""A walkthrough's phone calls: claimed, talked through and ended as real ones are, and placed nowhere."""

from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from campaigns.graph import GraphNode
from campaigns.models import Step
from campaigns.nodes.base import ORIGIN
from campaigns.walkthroughs import acts, sending
from campaigns.walkthroughs.acts import Act
from campaigns.walkthroughs.stage import Line, NotNow, Stage
from conversations import (
    call_claiming,
    call_outcomes,
    call_progress,
    call_states,
    call_talk,
    call_words,
    placing_results,
)
from conversations.call_claiming import Agent, Decided
from conversations.call_progress import News
from conversations.call_talk import Heard
from conversations.models import PlannedCall
from conversations.placing_results import PlacingResult
from integrations.messaging import CallReceipt, CallReport, CallState

_TALK_SECONDS = 45
_RANKS = {CallState.IN_PROGRESS: 3}  # any other that is told here is the last
_LAST = 4
_LINE_ENDS = {acts.NO_ANSWER: CallState.NO_ANSWER, acts.BUSY: CallState.BUSY}


def follow(stage: Stage, step: Step, node: GraphNode) -> bool:
    """Claim the call that a step has just planned, and let it ring; whether there was one."""
    origin = f"{ORIGIN}{step.pk}"
    planned = PlannedCall.objects.filter(origin=origin, state=PlannedCall.State.QUEUED).first()
    if planned is None or (planned.due_at or stage.now) > stage.now:
        return False
    sending.fill_in(stage, "conversations_plannedcall", origin)
    decided = Decided()
    if planned.mode == PlannedCall.Mode.SCRIPT:
        with stage.apart():
            decided = call_claiming.claim_script(planned.pk, now=stage.now)
        if decided.to_person:
            stage.note(
                "No written consent to recorded calls is on record: a person calls instead",
                icon="user", tone="warn", node=node.key,
            )  # fmt: skip
    by_agent = planned.mode == PlannedCall.Mode.PERSON or bool(decided.to_person)
    if by_agent:
        caller = Agent(stage.by, stage.scene.campaign.number.e164)  # a phone that nobody's customer has
        with stage.apart():
            decided = call_claiming.claim_for_agent(planned.pk, agent=caller, now=stage.now)
    for deferral in decided.deferred:
        sending.waits(stage, node, deferral.reason, deferral.until)
    if decided.held:
        raise NotNow(sending.HELD)
    for claim in decided.claims:
        name = f"walkthrough-{claim.attempt_id.hex}"
        with stage.apart():
            placing_results.record([PlacingResult(claim, CallReceipt(name, "queued"))], now=stage.now)
        stage.line = Line(claim.attempt_id, claim.call_id, planned.pk, name, by_agent)
        _ring(stage, stage.line, planned, node)
    return True


def _ring(stage: Stage, line: Line, planned: PlannedCall, node: GraphNode) -> None:
    planned.refresh_from_db()
    said: list[str] = []
    if line.by_agent:
        _ask(stage, line, Heard(line.provider_id, digits="1"))  # the agent is there, and takes it
        read = call_words.for_agent(planned)
        said = [read.words] if read else []
    stage.tell(
        "call", node=node.key, name=node.name, by_agent=line.by_agent, said=said,
        to=planned.address.value, tries=planned.tries,
    )  # fmt: skip


def answer(stage: Stage, act: Act) -> None:
    """What becomes of a script's call. Raises NotNow."""
    line = _line(stage, by_agent=False)
    if line.talks:
        raise NotNow("They have picked up already.")
    how = act["how"]
    if how in _LINE_ENDS:
        _customer(stage, acts.ANSWERS[how])
        _report(stage, line, _LINE_ENDS[how])
        stage.line = None
        return
    stage.soon()
    _customer(stage, acts.ANSWERS[how])
    machine = how == acts.VOICEMAIL
    by = "machine_end_beep" if machine else "human"
    _report(stage, line, CallState.IN_PROGRESS, answered_by=by)
    line.talks = True
    _heard(stage, line, _ask(stage, line, Heard(line.provider_id, answered_by=by)), answered_by=by)


def key(stage: Stage, act: Act) -> None:
    """The customer presses a key. Raises NotNow."""
    line = _talking(stage)
    if line.rings:
        raise NotNow("It rings at this moment: say first whether somebody takes the call.")
    if not line.action:
        raise NotNow("No key is asked for any more: hang up.")
    _customer(stage, f"Presses {act['key']}")
    asked = parse_qs(urlsplit(line.action).query)
    with stage.apart():
        pressed = call_talk.key(
            line.attempt, [stage.walk.account_id], Heard(line.provider_id, digits=act["key"]), now=stage.now,
            again="again" in asked, stage=asked.get("stage", [""])[0],
        )  # fmt: skip
    if act["key"] == call_talk.STOP:
        stage.note(
            "Opted out: no text and no automated call reaches this phone any more", icon="ban", tone="bad"
        )
    _heard(stage, line, pressed.twiml)


def transfer(stage: Stage, act: Act) -> None:
    """Whether somebody takes the call that the customer asked to be connected for. Raises NotNow."""
    line = _talking(stage)
    if not line.rings:
        raise NotNow("Nobody is rung at this moment.")
    accounts, taken = [stage.walk.account_id], act["taken"] == "yes"
    asked = parse_qs(urlsplit(line.action).query)
    place = asked.get("stage", [""])[0]
    _customer(stage, "Somebody takes it, and they talk" if taken else "Nobody takes it", whose="us")
    if taken:
        with stage.apart():
            heard = Heard(line.provider_id, leg_state="in-progress")
            call_talk.leg(line.attempt, accounts, heard, now=stage.now)
    over = Heard(line.provider_id, dialed="completed" if taken else "no-answer", dialed_seconds=_TALK_SECONDS)
    with stage.apart():
        said = call_talk.dialed(line.attempt, accounts, over, now=stage.now, stage=place)
    _heard(stage, line, said)


def hang_up(stage: Stage) -> None:
    """The customer hangs up. Raises NotNow."""
    line = _talking(stage)
    _customer(stage, "Hangs up")
    _over(stage, line)


def outcome(stage: Stage, act: Act) -> None:
    """The agent says what came of their call. Raises NotNow."""
    line = _line(stage, by_agent=True)
    given = act["outcome"]
    stage.soon()
    _customer(stage, f"The agent says: {call_states.OUTCOMES[given].word}", whose="us")
    _over(stage, line)
    with stage.apart():
        call_outcomes.outcome(line.planned_id, given, now=stage.now, by=stage.by, call_id=line.call_id)
    _tell_next_try(stage, line)


def _line(stage: Stage, *, by_agent: bool) -> Line:
    if stage.line is None or stage.line.by_agent != by_agent:
        raise NotNow("No such call is going on.")
    return stage.line


def _talking(stage: Stage) -> Line:
    line = _line(stage, by_agent=False)
    if not line.talks:
        raise NotNow("Nobody has picked up.")
    return line


def _ask(stage: Stage, line: Line, heard: Heard) -> str:
    with stage.apart():
        return call_talk.answer(line.attempt, [stage.walk.account_id], heard, now=stage.now)


def _report(stage: Stage, line: Line, state: CallState, *, answered_by: str = "") -> None:
    """What the carrier tells of the call."""
    last = _RANKS.get(state, _LAST) == _LAST
    report = CallReport(
        provider_id=line.provider_id, status=state.value, state=state, rank=_RANKS.get(state, _LAST),
        answered_by=answered_by, seconds=_TALK_SECONDS if last and line.talks else None,
    )  # fmt: skip
    with stage.apart():
        call_progress.advance([News(line.call_id, report)], now=stage.now)
    if last and not line.by_agent:
        _tell_next_try(stage, line)


def _over(stage: Stage, line: Line) -> None:
    stage.line = None
    _report(stage, line, CallState.COMPLETED)


def _tell_next_try(stage: Stage, line: Line) -> None:
    planned = PlannedCall.objects.get(pk=line.planned_id)
    if planned.state == PlannedCall.State.QUEUED and planned.due_at and planned.due_at > stage.now:
        step = stage.open_step()
        if step is not None:
            sending.waits(stage, stage.node_of(step), call_outcomes.NEXT_TRY, planned.due_at)


def _customer(stage: Stage, words: str, *, whose: str = "customer") -> None:
    stage.tell("did", words=words, whose=whose)


def _heard(stage: Stage, line: Line, said: str, *, answered_by: str = "") -> None:
    """Show what the call says, and go on as it asks: wait for a key, ring somebody, or end."""
    page = ElementTree.fromstring(said)
    spoken = [each.text or "" for each in page.iter("Say")]
    played = [each.text or "" for each in page.iter("Play")]
    gather, dial = page.find("Gather"), page.find("Dial")
    if gather is not None:  # what follows it is only said where nobody presses anything
        spoken = [each.text or "" for each in gather.iter("Say")]
    if spoken or played:
        stage.tell("said", said=spoken, played=played)
    line.rings = ""
    line.action = ""
    if dial is not None:
        line.action = dial.get("action", "")
        line.rings = parse_qs(urlsplit(line.action).query).get("stage", ["office"])[0]
        stage.note("Rings available agents" if line.rings == "agents" else "Rings the office", icon="phone")
    elif gather is not None:
        line.action = gather.get("action", "")
    else:
        stage.line = None
        _report(stage, line, CallState.COMPLETED, answered_by=answered_by)
