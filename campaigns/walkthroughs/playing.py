"""Playing a walkthrough: all its acts from the start, with the product's own engine, gate and reader, in one
transaction that is rolled back whatever happens.

One look may take so many steps and seconds, and two once it changes what is a real customer's. It takes no
lock of those that put commits in order (`tried_out` of `common/transactions.py`), so that a STOP and claims
wait at most for rows that it changes; and it waits for nobody longer than a moment: real work goes before a
look at what might be.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError

from accounts.models import Account, User
from campaigns import engine, words
from campaigns.graph import GraphNode
from campaigns.models import Node, Step, Walkthrough
from campaigns.walkthroughs import acts, calling, customers, scene, sending, standing, telling
from campaigns.walkthroughs.acts import Act
from campaigns.walkthroughs.stage import NotNow, Stage, TooLong, hurried
from conversations import automatic_lane
from conversations.agents_lane import agents_lane
from conversations.models import ContactHold

log = logging.getLogger(__name__)
Kind = Node.Kind
_OUT_OF_TIME = "57014"  # query_canceled, by statement_timeout
_BY_ITSELF = (
    Kind.WAIT, Kind.WAIT_FOR_REPLY, Kind.BRANCH, Kind.SPLIT, Kind.UPDATE_CONTACT, Kind.HANDOFF, Kind.END,
)  # fmt: skip
"""What nobody sees happen: it is over as soon as it is due. All else is let happen by Next."""
_TOUCHING = (Kind.UPDATE_CONTACT, Kind.HANDOFF, Kind.CALL)
"""What changes rows of the customer's that are there without the walkthrough. Where the workflow has one it
counts from the beginning: instant steps are walked within whatever leads to them."""


class Busy(Exception):
    """Somebody holds what the walkthrough needs: the contact is being written to at this moment, say."""


class NoNumber(Exception):
    """The account has no number that texts could leave from."""


@dataclass
class Played:
    """What playing the acts showed. `stopped` is the first act that did not fit any more, with why."""

    shown: dict[str, Any] = field(default_factory=dict)
    stopped: int | None = None
    why: str = ""


def play(walk: Walkthrough, done: Sequence[Act], *, by: User) -> Played:
    """Play these acts. Where the last of them does not fit, raises NotNow; TooLong, Busy and NoNumber."""
    number = scene.number_of(walk.account)
    if number is None:
        raise NoNumber
    _make_lanes(walk.account)
    try:
        with hurried() as hurry:
            built = scene.build(walk, number, now=walk.starts_at)
            return _play(walk, done, Stage(walk, built, by, walk.starts_at, hurry))
    except (OperationalError, InterfaceError) as error:
        log.info("a walkthrough was not played: %s", error)
        if getattr(error.__cause__, "sqlstate", None) == _OUT_OF_TIME:
            raise TooLong from error
        raise Busy from error


def _make_lanes(account: Account) -> None:
    """Make what an account has one of before the transaction that is rolled back: while that had it in the
    making, whoever writes to the account for the first time would wait for it."""
    automatic_lane.lane_of(account)
    agents_lane(account)


def _play(walk: Walkthrough, done: Sequence[Act], stage: Stage) -> Played:
    played = Played()
    _begin(stage)
    for number, act in enumerate(done):
        before = len(stage.events)
        stage.act = number
        try:
            _do(stage, act)
        except NotNow as why:
            if number == len(done) - 1:
                raise
            del stage.events[before:]
            played.stopped, played.why = number, str(why)
            break
    played.shown = {
        "events": stage.events, "mails": stage.mails, "path": telling.path(stage),
        "now": stage.now.isoformat(), "sides": stage.sides, "stands": standing.of(stage),
        "zone": _zone(stage),
    }  # fmt: skip
    return played


def _zone(stage: Stage) -> str:
    zones = stage.scene.contact.zone_set.zones
    return zones[0] if zones else stage.walk.account.timezone


def _begin(stage: Stage) -> None:
    if stage.scene.enrollment is None:
        why = words.exclusion(stage.scene.kept_out)
        stage.tell("end", words=f"They would not enter the campaign: {why}", reason="kept_out", tone="warn")
        return
    if any(node.kind in _TOUCHING for node in stage.scene.graph.nodes.values()):
        stage.touch()
    _settle(stage)


def _do(stage: Stage, act: Act) -> None:
    if stage.scene.enrollment is None:
        raise NotNow("This contact would not enter the campaign, so nothing follows.")
    do = act["do"]
    if do != acts.NEXT:
        stage.touch()
    if do in (acts.NEXT, acts.REFUSE):
        _next(stage, refused=do == acts.REFUSE)
    elif do in _ACTS:
        _ACTS[do](stage, act)
        telling.tell_steps(stage)
    else:
        raise NotNow("There is no such act any more.")
    _settle(stage)


_ACTS: dict[str, Callable[[Stage, Act], None]] = {
    acts.REPLY: customers.reply,
    acts.MAIL: customers.mail,
    acts.CLICK: customers.click,
    acts.LEAVE: lambda stage, _: customers.leave(stage),
    acts.BOOK: lambda stage, _: customers.book(stage),
    acts.MADE: lambda stage, _: customers.made(stage),
    acts.DISMISSED: lambda stage, _: customers.dismissed(stage),
    acts.ANSWER: calling.answer,
    acts.KEY: calling.key,
    acts.TRANSFER: calling.transfer,
    acts.HANG_UP: lambda stage, _: calling.hang_up(stage),
    acts.OUTCOME: calling.outcome,
}


def _next(stage: Stage, *, refused: bool) -> None:
    """Let happen whatever is due next, moving the clock there: through waits, up to something to see, or to
    where the customer may answer."""
    before = len(stage.events)
    if stage.line is not None:
        raise NotNow("The phone rings: say first what becomes of the call.")
    step = stage.open_step()
    if step is None:
        raise NotNow("The passage is over: there is nothing next.")
    started = step.pk
    while step is not None:
        node = stage.node_of(step)
        if step.due_at is None:
            raise NotNow("Nothing goes on by itself from here. Choose what happens.")
        came_to_reply = node.kind == Kind.WAIT_FOR_REPLY and step.pk != started
        if came_to_reply and step.due_at > stage.now:
            break
        stood = (step.pk, step.state, step.due_at)
        _let_pass(stage, step.due_at)
        _run(stage, step, node)
        if _seen(stage, step, node, refused=refused):
            break
        telling.tell_steps(stage)
        if _unfortunate(stage, before):
            break
        step = stage.open_step()
        if step is not None and stood == (step.pk, step.state, step.due_at):
            raise NotNow(sending.HELD)
    telling.tell_steps(stage)


def _unfortunate(stage: Stage, before: int) -> bool:
    """Whether something failed or was skipped on the way, which is worth a look."""
    return any(event.get("tone") in ("bad", "warn") for event in stage.events[before:])


def _let_pass(stage: Stage, due: datetime) -> None:
    """Move the clock to where something is due."""
    held = ContactHold.objects.filter(contact=stage.scene.contact, resolved_at=None, until__gt=stage.now)
    last = stage.events[-1] if stage.events else {}
    if last.get("kind") == "waits" and last.get("reason") == "hold" and (until := _latest(held)):
        due = max(due, until)  # asked after every quarter of an hour until then, with the same answer
    if due > stage.now:
        passed = due - stage.now
        stage.now = due
        if passed >= timedelta(minutes=1):
            stage.tell("time", words=_passed(passed))


def _latest(holds: Any) -> datetime | None:
    return max(holds.values_list("until", flat=True), default=None)


def _passed(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    days, rest = divmod(minutes, 24 * 60)
    if days:
        more = f" {words.number_of(rest // 60, 'hour')}" if rest >= 60 else ""
        return f"{words.number_of(days, 'day')}{more} later"
    return f"{words.rough_duration(minutes)} later"


def _run(stage: Stage, step: Step, node: GraphNode) -> None:
    """Let the engine take what is due at a node. Raises NotNow where it cannot."""
    campaign = stage.scene.campaign
    try:
        with stage.apart():
            engine.run_batch(
                campaign.pk, campaign.account_id, campaign.version_id, node.id, now=stage.now, among=[step.pk]
            )
    except (OperationalError, InterfaceError, TooLong):
        raise
    except Exception as error:
        log.exception("a walkthrough's step broke")
        raise NotNow(
            f"“{node.name}” cannot run as it is set: in a campaign this step would fail, and whoever is "
            "there would go on without it. Look at its settings in the editor."
        ) from error


def _seen(stage: Stage, step: Step, node: GraphNode, *, refused: bool) -> bool:
    """What follows at once from what the engine has queued; whether there was something to see."""
    if node.kind in (Kind.SEND_SMS, Kind.SEND_EMAIL):
        if sending.follow(stage, step, node, refused=refused):
            return True
        step.refresh_from_db()
        if step.state == Step.State.SCHEDULED and step.due_at and step.due_at > stage.now:
            sending.waits(stage, node, "window", step.due_at)  # the engine asks for nothing else beforehand
            return True
        return False
    if node.kind == Kind.CALL:
        if calling.follow(stage, step, node):
            return True
        step.refresh_from_db()
        if step.state == Step.State.SCHEDULED and step.due_at and step.due_at > stage.now:
            sending.waits(stage, node, "window", step.due_at)
            return True
        return False
    return node.kind == Kind.BOOK_JOB


def _settle(stage: Stage) -> None:
    """Let what nobody sees happen by itself, as the engine does within a second."""
    while stage.scene.enrollment is not None and stage.is_live():
        step = stage.open_step()
        if step is None or step.due_at is None or step.due_at > stage.now:
            break
        node = stage.node_of(step)
        if node.kind not in _BY_ITSELF:
            break
        _run(stage, step, node)
        step.refresh_from_db()
        if step.state in Step.OPEN and step.due_at is not None and step.due_at <= stage.now:
            break  # it stays as it was: nothing moves it now
    telling.tell_steps(stage)
    telling.tell_end(stage)
