"""A contractor who calls: one call to each customer, by a script to whoever agreed to recorded voice, by an
agent to the others; and the agents, who take, call and say what came of it for as long as they are let.

Run in the product's environment: `python -m bench.call_company 4` is four agents at their phones, until
standard input ends. Whoever kills the process finds what agents leave behind.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.models import Account, User
    from audiences.models import Address, Contact
    from campaigns.models import WorkflowVersion
    from conversations.models import Call, PlannedCall

AGREE = 5  # all but every fifth agreed to recorded voice
AGENTS = 4
CALL_BACK, STOP = "2", "9"  # keys that customers press
PACE, LINES = 8, 100  # calls a second, so that instants fall amid them; and at once
WORDS = "Hi {{ first_name }}, this is {{ company }}. Your plan ends soon."
ONCE = {"no_answer": 0, "busy": 0, "voicemail": 0}
LOOK_SECONDS, PATIENCE_SECONDS, LONGEST_CALL_SECONDS = 0.2, 15.0, 60.0


def agrees(index: int) -> bool:
    """Whether the index-th customer may be played a recording."""
    return index % AGREE != 0


def agent_phone(number: int) -> str:
    """The phone of an agent."""
    return f"+1202555019{number}"  # an area in which no customer lives


def prepare(account: "Account", people: Sequence["Contact"], phones: Sequence["Address"], first: int) -> None:
    """Their consents, how the account calls, and its agents. `first` is the index of the first of them."""
    from audiences.models import Consent
    from common import clock
    from conversations.models import CallSettings

    now = clock.now()
    Consent.objects.bulk_create(
        Consent(
            account=account, address=phone, contact=person, kind=Consent.Kind.RECORDED_CALLS,
            source=Consent.Source.PAPER, proof="You may call me with a recording.", given_at=now,
            recorded_at=now,
        )
        for index, (person, phone) in enumerate(zip(people, phones, strict=True), first)
        if agrees(index)
    )  # fmt: skip
    CallSettings.objects.update_or_create(
        account=account, defaults={"per_second": PACE, "most_at_once": LINES}
    )
    agents(account)


def workflow(account: "Account", wait_minutes: int) -> "WorkflowVersion":
    """One call, then a wait."""
    from campaigns import publishing
    from campaigns.models import Workflow
    from common import clock

    made, new = Workflow.objects.get_or_create(account=account, name="One call")
    if not new:
        return made.versions.get()
    plan = {"mode": "script", "words": {"en": WORDS}, "tries": ONCE, "talk": False}
    pause = ("pause", "wait", "Pause", {"minutes": wait_minutes})
    version = publishing.draft(
        made, nodes=[("call", "call", "Call", {"plan": plan}), pause],
        edges=[("call", "next", "pause")], by=None, now=clock.now(),
    )  # fmt: skip
    publishing.publish(version, by=None, now=clock.now())
    version.refresh_from_db()
    return version


def agents(account: "Account") -> "list[User]":
    """The account's agents, made when first asked for."""
    from accounts import people
    from accounts.models import Role, User

    mails = [f"agent{number}@load.example" for number in range(AGENTS)]
    known = set(User.objects.filter(email__in=mails).values_list("email", flat=True))
    for mail in mails:
        if mail not in known:
            people.add(account=account, email=mail, password=None, name=mail, role=Role.AGENT, by=None)
    return list(User.objects.filter(email__in=mails).order_by("email"))


def work(account: "Account", agent: "User", phone: str, over: threading.Event) -> None:
    """Take whoever is next, call them, say what came of it; again and again."""
    from django.db import connection

    while not over.is_set():
        try:
            if not _one_call(account, agent, phone):
                over.wait(LOOK_SECONDS)
        except Exception as error:  # the database or the provider is away: an agent tries again
            print(f"an agent: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            connection.close()
            over.wait(LOOK_SECONDS)
    connection.close()


def _one_call(account: "Account", agent: "User", phone: str) -> bool:
    """Whether somebody was called."""
    from common import clock
    from conversations import call_placing, call_queue, call_talk, said_outcomes

    planned = call_queue.take_next(account, by=agent, now=clock.now())
    if planned is None:
        return False
    try:
        call = call_placing.place(planned.pk, by=agent, agent_phone=phone)
    except call_placing.CallRefused:
        return False
    call = _until_over(call, planned, agent)
    said = call_talk.observed(call)
    if call.accepted_at is not None and said:
        said_outcomes.say(planned, said, by=agent, now=clock.now())
    return True


def _until_over(call: "Call", planned: "PlannedCall", agent: "User") -> "Call":
    """The call as it ended; whose phone fell silent without a word on the page presses End call."""
    from common import clock
    from conversations import call_hanging_up
    from conversations.call_taking import NotPossible
    from integrations.messaging import ProviderError

    began, pressed = time.monotonic(), False
    while call.state in call.LIVE and time.monotonic() < began + LONGEST_CALL_SECONDS:
        time.sleep(LOOK_SECONDS)
        call.refresh_from_db()
        silent = call.state in call.LIVE and call.state not in call_hanging_up.NOT_ASKED
        if silent and not pressed and time.monotonic() > began + PATIENCE_SECONDS:
            pressed = True
            with contextlib.suppress(NotPossible, ProviderError):
                call_hanging_up.end(planned.pk, by=agent, now=clock.now())
    return call


def main(argv: list[str]) -> int:
    """So many agents at work until standard input ends."""
    import django

    django.setup()
    from accounts.models import Account

    account = Account.objects.get(name="Load Heating")
    over = threading.Event()
    at_work: list[Any] = [
        threading.Thread(target=work, args=(account, agent, agent_phone(number), over), daemon=True)
        for number, agent in enumerate(agents(account)[: int(argv[0])])
    ]
    for thread in at_work:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in at_work:
        thread.join(LONGEST_CALL_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
