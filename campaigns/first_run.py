"""The first run of an account as a list of steps, each read from the rows it is about: no flag is stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import Account
from audiences import consent, sync_state
from audiences.models import Audience, ConsentBasis, OptOutImport
from campaigns import first_launch
from campaigns.forms import launchable
from common import clock
from conversations import trial_texts
from conversations.models import Message
from integrations.models import Connection, SendingNumber


class Standing(StrEnum):
    """How a step stands."""

    DONE = "done"
    CURRENT = "current"
    OPEN = "open"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `part` of `whole` where it is under way; `waits_for` says what blocks it."""

    key: str
    title: str
    done: bool
    note: str
    waits_for: str = ""
    part: int = 0
    whole: int = 0
    standing: Standing = Standing.OPEN


@dataclass(frozen=True, slots=True)
class Trial:
    """The latest text to somebody's own phone."""

    state: str
    words: str
    to: str
    at: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The whole list. `simulated` says that none of it is needed before a launch."""

    steps: tuple[Step, ...]
    trial: Trial | None
    simulated: bool

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.done for step in self.steps)

    @property
    def finished(self) -> bool:
        """Whether all of them are."""
        return self.done == len(self.steps)


def of(account: Account) -> FirstRun:
    """Read where the account stands."""
    connected = set(
        Connection.objects.filter(account=account).defer("credentials").values_list("provider", flat=True)
    )
    trial = trial_texts.latest(account)
    steps = [
        _servicetitan(account, Connection.Provider.SERVICETITAN in connected),
        _opt_outs(account),
        _consent(account),
        _number(account, Connection.Provider.TWILIO in connected),
    ]
    steps.append(_test(account, steps[3].done))
    steps.append(_launch(account, [step for step in steps if not step.done]))
    return FirstRun(_stand(steps), _trial(trial) if trial else None, consent.simulated(account))


def _stand(steps: list[Step]) -> tuple[Step, ...]:
    """The first step that can be done is the current one; those behind it are open or blocked."""
    stood: list[Step] = []
    current = False
    for step in steps:
        if step.done:
            standing = Standing.DONE
        elif step.waits_for:
            standing = Standing.BLOCKED
        else:
            standing = Standing.OPEN if current else Standing.CURRENT
            current = True
        stood.append(_standing(step, standing))
    return tuple(stood)


def _standing(step: Step, standing: Standing) -> Step:
    return Step(step.key, step.title, step.done, step.note, step.waits_for, step.part, step.whole, standing)


def _servicetitan(account: Account, connected: bool) -> Step:
    title = "Connect ServiceTitan"
    if not connected:
        return Step("servicetitan", title, False, "Your customers, their jobs and tags are mirrored from it.")
    state = sync_state.of(account)
    if state.finished:
        said = (
            f"{state.contacts:,} contacts are mirrored." if state.contacts else "It holds no customers yet."
        )
        return Step("servicetitan", title, True, said)
    note = f"The first sync is running: {state.contacts:,} contacts so far."
    if state.failing:
        failing = state.failing[0]
        note = f"The first sync stopped at {failing.label.lower()}: {failing.error}"
    return Step("servicetitan", title, False, note, part=state.read, whole=len(state.needed))


def _opt_outs(account: Account) -> Step:
    title = "Import old opt-outs"
    imports = OptOutImport.objects.filter(account=account).defer("values", "rejected_rows")
    if running := imports.unfinished().first():
        note = f"{running.name} is being recorded."
        return Step("opt_outs", title, False, note, part=running.done, whole=running.accepted)
    finished = list(imports.filter(finished_at__isnull=False))
    if not finished:
        return Step("opt_outs", title, False, "Bring the people who asked to be left alone before today.")
    recorded = sum(each.done for each in finished)
    listed = (
        f"{recorded:,} addresses are on the imported lists." if recorded else "There were none to import."
    )
    return Step("opt_outs", title, True, listed)


def _consent(account: Account) -> Step:
    title = "Declare the consent basis"
    basis = ConsentBasis.objects.in_force(account.pk)
    if basis is None or (basis.kind == ConsentBasis.Kind.SIMULATED and not consent.simulated(account)):
        return Step("consent", title, False, "Say on what ground your customers may be texted.")
    declared = f"{basis.get_kind_display()}, declared by {basis.declared_name}."
    return Step("consent", title, True, declared)


def _number(account: Account, connected: bool) -> Step:
    title = "Have a number to text from"
    numbers = SendingNumber.objects.active().filter(account=account).count()
    if numbers:
        return Step(
            "number", title, True, "1 number is active." if numbers == 1 else f"{numbers} numbers are active."
        )
    if not connected:
        return Step("number", title, False, "Connect Twilio; its texting numbers are added by themselves.")
    return Step("number", title, False, "Twilio is connected, and no number is active yet.")


def _test(account: Account, number: bool) -> Step:
    title = "Text your own phone"
    note = "See that a text from your number arrives, before a customer does."
    if trial_texts.arrived(account):
        return Step("test", title, True, "A test text has arrived.")
    return Step("test", title, False, note, waits_for="" if number else "a number to text from")


def _launch(account: Account, before: list[Step]) -> Step:
    title = f"Launch to at most {first_launch.MOST} people"
    if first_launch.launched_before(account, now=clock.now()):
        return Step("launch", title, True, "You have launched; from here on there is no such limit.")
    if before:
        return Step("launch", title, False, "A mistake then reaches few.", waits_for="the steps before")
    lacking = []
    if not launchable(account).exists():
        lacking.append("a published workflow")
    if not Audience.objects.filter(account=account).exists():
        lacking.append("an audience")
    note = "A mistake then reaches few. Narrow the audience with a tag, a business unit or the last job."
    return Step("launch", title, False, note, waits_for=" and ".join(lacking))


_WORDS = {
    Message.State.QUEUED: "Waiting to leave",
    Message.State.CALLING: "On its way to the provider",
    Message.State.ACCEPTED: "The provider has it",
    Message.State.SENT: "The carrier has it",
    Message.State.DELIVERED: "Delivered",
    Message.State.UNKNOWN: "The provider’s answer was lost; it is being looked for",
}


def _trial(message: Message) -> Trial:
    words = _WORDS.get(Message.State(message.state)) or f"Not delivered: {message.reason or message.code}"
    over = message.state not in (
        Message.State.QUEUED, Message.State.CALLING, Message.State.ACCEPTED, Message.State.SENT,
        Message.State.UNKNOWN,
    )  # fmt: skip
    return Trial(message.state, words, message.address.value, message.state_at, over)
