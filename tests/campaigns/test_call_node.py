"""Call steps: what they are set to, whom they plan calls for, and how outcomes lead on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from campaigns import calls_foreseen, engine, enrolling, launching, passages, samples
from campaigns.graph import GraphNode
from campaigns.models import Campaign, Enrollment, Step
from campaigns.nodes import KINDS, call
from common import clock
from conversations import call_outcomes, opt_outs, planned_calls
from conversations.models import AgentPhone, Call, CallSettings, PlannedCall
from conversations.planned_calls import CallDeferral, Refusal
from tests import factories
from tests.conversations.talking import again, agrees

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # a Tuesday in Chicago
NIGHT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
WORDS = {"en": "Hi {{ first_name }}, your plan ends soon."}
OUTCOMES = ["answered", "voicemail", "no_answer", "busy", "booked", "call_back"]


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    moments = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


def drawn(*ways: str, **plan: Any) -> tuple[list[Any], list[tuple[str, str, str]]]:
    """A call whose ways lead to ends that are called like them; all else to “other”."""
    nodes = [("call", "call", {"plan": {"words": WORDS, **plan}}), ("other", "end", {})]
    nodes += [(f"after_{way}", "end", {}) for way in ways]
    return nodes, [("call", "next", "other"), *(("call", way, f"after_{way}") for way in ways)]


def launch(account: Account, *ways: str, people: int = 1, **plan: Any) -> Campaign:
    for index in range(people):
        factories.make_contact(account, factories.reserved(index), first_name="Ann")
    draft = launching.Draft(
        name="Calls", version=factories.make_workflow(account, *drawn(*ways, **plan)),
        audience=factories.make_audience(account), number=factories.make_number(account),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    engine.run_round(now=clock.now())
    return campaign


def step_of(campaign: Campaign) -> Step:
    return Step.objects.get(campaign=campaign, node__key="call")


def ended_at(campaign: Campaign) -> str:
    """The node at which the passage ended."""
    return Step.objects.filter(campaign=campaign).latest("pk").node.key


def problems(**plan: Any) -> list[str]:
    return KINDS["call"].problems(GraphNode(1, "call", "call", "Call", {"plan": plan} if plan else {}))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({}, "Write what the agent is to say: the words are empty."),
        ({"words": {"en": "  "}}, "Write what the agent is to say: the words are empty."),
        ({"mode": "script", "words": {"en": ""}}, "Write what is said on the call: the words are empty."),
        ({"words": {"en": "Hi {{ frist_name }}"}}, "There is no merge field “frist_name”."),
        ({"words": {"en": "Hi", "es": "Hola {{ nombre }}"}},
         "Words in Spanish: There is no merge field “nombre”."),
        ({"words": WORDS, "voicemail": {"en": " "}},
         "The voicemail words are empty. Write them, or leave no voicemail."),
        ({"words": WORDS, "voicemail": {"en": "{{ x }}"}},
         "Voicemail words: There is no merge field “x”."),
        ({"words": WORDS, "ring_seconds": 5}, "Seconds to ring: at least 15."),
        ({"words": WORDS, "tries": {"busy": 9}}, "Tries, after a busy line: at most 5."),
        ({"words": WORDS, "mode": "robot"}, "Who speaks: choose a person or a script."),
        ({"words": {"en": "a" * 1201}}, "Words, in English: at most 1,200 characters, over a minute of "
            "speech."),
        ({"words": WORDS, "plays": "abc"},
         "A person calls, so no sound file can be played. Take it out, or choose a script."),
        ({"words": WORDS, "loud": True}, "loud: there is no such setting."),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_plain_words(plan: dict[str, Any], words: str) -> None:
    assert problems(**plan) == [words]


def test_what_is_right_has_no_problem_and_every_outcome_is_a_way_out() -> None:
    assert problems(words=WORDS, mode="script", voicemail={"en": "Call us"}) == []
    node = GraphNode(1, "call", "call", "Call", {"plan": {"words": WORDS}})
    assert KINDS["call"].labels(node) == set(OUTCOMES)
    version = factories.make_workflow(factories.make_account(), *drawn(*OUTCOMES))
    assert version.published_at is not None  # a workflow that only calls reaches people


def test_a_step_plans_one_call_for_ever_with_what_is_known() -> None:
    campaign = launch(factories.make_account())
    planned = PlannedCall.objects.get()
    step = step_of(campaign)
    assert (step.state, planned.origin, planned.state) == ("queued", f"step:{step.pk}", "queued")
    assert (planned.mode, planned.variables, planned.lane) == ("person", {"first_name": "Ann"}, campaign.lane)
    assert planned.send_by == NOON + timedelta(hours=72)
    engine.run_round(now=clock.now())
    assert PlannedCall.objects.count() == 1


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_leads_its_way(outcome: str) -> None:
    campaign = launch(factories.make_account(), outcome)
    call_outcomes.outcome(PlannedCall.objects.get().pk, outcome, now=NOON)
    assert (step_of(campaign).state, step_of(campaign).outcome) == ("completed", outcome)
    assert ended_at(campaign) == f"after_{outcome}"


def test_a_way_that_is_not_drawn_is_next() -> None:
    campaign = launch(factories.make_account(), "booked")
    call_outcomes.outcome(PlannedCall.objects.get().pk, "voicemail", now=NOON)
    assert ended_at(campaign) == "other"


def test_at_night_nobody_stands_in_the_queue(moment: list[datetime]) -> None:
    moment.append(NIGHT)
    campaign = launch(factories.make_account())
    assert not PlannedCall.objects.exists()
    step = step_of(campaign)
    assert (step.state, step.due_at) == ("scheduled", datetime(2026, 11, 24, 15, 0, tzinfo=UTC))
    moment.append(step.due_at or NOON)
    engine.run_round(now=clock.now())
    assert PlannedCall.objects.count() == 1


def test_what_is_put_off_is_scheduled_and_let_go_on(moment: list[datetime]) -> None:
    campaign = launch(factories.make_account())
    planned = PlannedCall.objects.get()
    later = NOON + timedelta(hours=2)
    planned_calls.defer([CallDeferral(planned.pk, planned.origin, later, "next_try")], now=NOON)
    assert (step_of(campaign).state, step_of(campaign).due_at) == ("scheduled", later)
    engine.run_round(now=NOON)
    assert again(planned).due_at == later
    moment.append(later)
    engine.run_round(now=later)
    assert (step_of(campaign).state, again(planned).due_at) == ("queued", later)


def test_too_late_is_skipped(moment: list[datetime]) -> None:
    moment.append(NIGHT)
    campaign = launch(factories.make_account())
    moment.append(NIGHT + timedelta(hours=73))
    engine.run_round(now=clock.now())
    assert (step_of(campaign).state, step_of(campaign).reason) == ("skipped", "too_late")
    assert ended_at(campaign) == "other"


@pytest.mark.parametrize(
    ("state", "code", "step"),
    [
        ("failed", "21217", ("failed", "failed:21217")),
        ("rejected", "13227", ("failed", "rejected:13227")),
        ("expired", "too_late", ("skipped", "too_late")),
        ("cancelled", "skipped", ("skipped", "skipped")),
    ],
)
def test_what_was_never_called_says_why(state: str, code: str, step: tuple[str, str]) -> None:
    campaign = launch(factories.make_account())
    planned_calls.refuse([Refusal(PlannedCall.objects.get().pk, state, code)], now=NOON)
    assert (step_of(campaign).state, step_of(campaign).reason) == step
    assert ended_at(campaign) == "other"


@pytest.mark.parametrize(("code", "reason"), [("opted_out", "opted_out"), ("booked", "booked")])
def test_what_the_claim_finds_out_ends_the_passage(code: str, reason: str) -> None:
    campaign = launch(factories.make_account())
    planned_calls.refuse([Refusal(PlannedCall.objects.get().pk, "cancelled", code)], now=NOON)
    passage = Enrollment.objects.get(campaign=campaign)
    assert (passage.state, passage.ended_reason) == ("ended", reason)


def test_whoever_leaves_leaves_the_queue() -> None:
    account = factories.make_account()
    campaign = launch(account, people=2)
    contact = Enrollment.objects.filter(campaign=campaign).earliest("pk").contact
    opt_outs.by_agent(contact, by=factories.make_user(account), evidence="", now=NOON)
    states = dict(PlannedCall.objects.values_list("contact", "state"))
    assert states.pop(contact.pk) == "cancelled"
    assert list(states.values()) == ["queued"]


@pytest.mark.parametrize("tried", [True, False])
def test_whoever_left_while_it_rang_is_not_tried_again(tried: bool) -> None:
    campaign = launch(factories.make_account())
    step, planned = step_of(campaign), PlannedCall.objects.get()
    PlannedCall.objects.update(
        state="calling", due_at=None, tries=int(tried), first_accepted_at=NOON if tried else None
    )
    call = Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, state="no_answer", accepted_at=NOON,
    )  # fmt: skip
    passages.end([step.enrollment_id], reason="removed", now=NOON)
    assert again(planned).state == "calling"
    if tried:
        call_outcomes.apply([call_outcomes.TryEnd(planned.pk, "no_answer", call.pk)], now=NOON)
        assert (again(planned).state, planned.outcome, planned.due_at) == ("called", "no_answer", None)
    else:
        planned_calls.defer([CallDeferral(planned.pk, planned.origin, NOON, "provider_busy")], now=NOON)
        assert (again(planned).state, planned.code) == ("cancelled", "passage_over")
    assert (again(step).state, step.reason) == ("skipped", "removed")


def test_the_queue_takes_so_many_of_one_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "QUEUE_AHEAD", 2)
    campaign = launch(factories.make_account(), people=3)
    for _ in range(2):
        engine.run_round(now=clock.now())
    assert PlannedCall.objects.count() == 2
    first = PlannedCall.objects.earliest("pk")
    call_outcomes.outcome(first.pk, "answered", now=NOON)
    engine.run_round(now=clock.now())
    assert PlannedCall.objects.filter(state="queued", lane=campaign.lane).count() == 2


def test_a_script_that_offers_a_talk_needs_somebody_to_ring() -> None:
    account = factories.make_account()
    version = factories.make_workflow(account, *drawn(mode="script"))
    (refusal,) = calls_foreseen.problems(account, version)
    assert "press 1 to talk to us" in refusal and "Settings, Calls" in refusal
    factories.make_contact(account)
    draft = launching.Draft(
        name="Calls", version=version, audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    with pytest.raises(launching.LaunchRefused, match="Settings, Calls"):
        launching.launch(account, draft, by=None, now=NOON)
    CallSettings.objects.create(account=account, office_line="+13125550177")
    assert launching.launch(account, draft, by=None, now=NOON).pk
    quiet = factories.make_workflow(account, *drawn(mode="script", talk=False))
    CallSettings.objects.all().delete()
    assert calls_foreseen.problems(account, quiet) == []
    assert not AgentPhone.objects.exists()


def test_a_launch_counts_whom_a_person_calls_instead_of_the_script() -> None:
    account = factories.make_account()
    agrees(factories.make_contact(account, "+13125550101"))
    factories.make_contact(account, "+13125550102")
    factories.make_contact(account, "+13125550103")
    preview = samples.preview(
        account, audience=factories.make_audience(account), targeting={},
        version=factories.make_workflow(account, *drawn(mode="script")), number=None, now=NOON,
    )  # fmt: skip
    assert (preview.calls.with_consent, preview.calls.without_consent) == (1, 2)
    by_person = samples.preview(
        account, audience=factories.make_audience(account), targeting={},
        version=factories.make_workflow(account, *drawn()), number=None, now=NOON,
    )  # fmt: skip
    assert (len(by_person.calls.steps), by_person.calls.by_script) == (1, ())
