"""What a walkthrough shows is what a campaign does: the same workflow, customer and answers, run for real."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns import drawing, engine, enrolling, graph_errors, launching, workflow_drafts
from campaigns.drawing import Drawing
from campaigns.models import Campaign, Enrollment, Step, Walkthrough, Workflow
from campaigns.walkthroughs import keeping
from common import sql
from conversations import (
    call_claiming,
    call_outcomes,
    call_progress,
    claiming,
    delivery,
    inbound,
    placing_results,
)
from conversations.call_claiming import Agent
from conversations.call_progress import News
from conversations.models import Call, Message, PlannedCall
from conversations.placing_results import PlacingResult
from integrations.messaging import CallReceipt, CallReport, CallState, InboundText
from tests import factories
from tests.campaigns.test_editing import EDITS, SLOW, three, tried
from tests.campaigns.walking import NOON, company, go

_keys = count(1)
_provider_ids = count(1)  # one id twice is a repetition, and examples share their database
ASKS_FOR_A_JOB = [("before", 0, 2, "book_job")]
STOPS_AT_ONCE, STOPS_WHILE_ASKED = [1, 9], [1, 1, 9]
WORDS = ("Yes please, book me in", "What does it cost?", "Can we reschedule to another day?", "STOP")


class Campaigning:
    """One customer's passage through a real campaign: the tests' own way of doing what an act says."""

    def __init__(self, campaign: Campaign, by: Any) -> None:
        self.campaign, self.by = campaign, by
        self.enrollment = Enrollment.objects.get(campaign=campaign)
        self.now = NOON

    def until(self, moment: datetime) -> None:
        """Let happen whatever is due by then, at the instants it is due."""
        for _ in range(200):
            while engine.run_round(now=self.now) or self.sends():
                pass
            due = Step.objects.filter(enrollment=self.enrollment, due_at__lte=moment).order_by("due_at")
            nearest = due.values_list("due_at", flat=True).first()
            if nearest is None or nearest <= self.now:
                break
            self.now = nearest
        self.now = max(self.now, moment)

    def sends(self) -> bool:
        queued = Message.objects.filter(
            account=self.campaign.account, state="queued", due_at__lte=self.now, mailbox=None
        ) | Message.objects.filter(lane=self.campaign.lane, state="queued", due_at__lte=self.now)
        claims = claiming.claim(list(queued.values_list("pk", flat=True)), now=self.now)
        for state in ("accepted", "delivered"):
            moves = [delivery.Move(c.message_id, state, f"SM{c.message_id}", "", "", 1) for c in claims]
            delivery.advance(moves, now=self.now)
        return bool(claims) or self.rings()

    def rings(self) -> bool:
        """An agent calls whoever is to be called, at once."""
        planned = PlannedCall.objects.filter(
            lane=self.campaign.lane, state="queued", due_at__lte=self.now
        ).first()
        if planned is None:
            return False
        agent = Agent(self.by, "+13125550199")
        decided = call_claiming.claim_for_agent(planned.pk, agent=agent, now=self.now)
        for claim in decided.claims:
            receipt = CallReceipt(f"CA{claim.call_id}", "queued")
            placing_results.record([PlacingResult(claim, receipt)], now=self.now)
            call_progress.customer_rung(Call.objects.get(pk=claim.call_id), now=self.now)
        return True

    def does(self, act: dict[str, Any]) -> None:
        if act["do"] == "reply":
            number, phone = self.campaign.number.e164, self.enrollment.address.value
            text = InboundText(f"SM-in-{next(_provider_ids)}", number, phone, act["words"])
            inbound.receive(text, account=self.campaign.account, now=self.now)
        if act["do"] == "outcome":
            self.calls(act["outcome"])

    def calls(self, outcome: str) -> None:
        call = Call.objects.get(planned__lane=self.campaign.lane, state="accepted")
        over = CallReport(
            provider_id=call.provider_id or "", status="completed", state=CallState.COMPLETED, rank=4
        )
        call_progress.advance([News(call.pk, over)], now=self.now)
        call_outcomes.outcome(call.planned_id or 0, outcome, now=self.now, by=self.by, call_id=call.pk)

    def path(self) -> list[tuple[str, str, str]]:
        steps = Step.objects.filter(enrollment=self.enrollment).order_by("pk")
        return [(step.node.key, step.state, step.outcome) for step in steps.select_related("node")]

    def bodies(self) -> list[str]:
        sent = Message.objects.filter(lane=self.campaign.lane, accepted_at__isnull=False)
        return [message.body or "" for message in sent.order_by("accepted_at", "pk")]


def walked(walk: Walkthrough, choices: list[int]) -> list[tuple[dict[str, Any], datetime]]:
    """Walk with these choices; the acts, each with the instant at which the clock then stood."""
    done = []
    for choice in choices:
        stands = walk.shown["stands"]
        due_now = stands["due"] and stands["due"] <= walk.shown["now"]
        act: dict[str, Any] = {"do": "next"}
        if stands["over"]:
            break
        if stands["call"]:
            outcomes = [each["value"] for each in stands["outcomes"]]
            act = {"do": "outcome", "outcome": outcomes[choice % len(outcomes)]}
        elif stands["reply"] and not due_now and choice % 3 == 0:
            act = {"do": "reply", "words": WORDS[choice // 3 % len(WORDS)]}
        go(walk, **act)
        done.append((act, datetime.fromisoformat(walk.shown["now"])))
    return done


def really(walk: Walkthrough, by: Any, done: list[tuple[dict[str, Any], datetime]]) -> Campaigning:
    """The same in a real campaign, whose id is the one that the walkthrough stood for: splits go by it."""
    workflow = walk.workflow
    draft = workflow_drafts.of(workflow)
    version = draft.version
    if draft.differs or version is None:
        version = workflow_drafts.publish(workflow, revision=draft.revision, by=by, now=NOON)
    sql.value(
        "SELECT setval(pg_get_serial_sequence('campaigns_campaign', 'id'), %s, false)",
        [walk.places["campaign"]],
    )
    chosen = launching.Draft(
        name="Really", version=version, audience=factories.make_audience(walk.account),
        number=walk.account.sending_numbers.get(),
    )  # fmt: skip
    campaign = launching.launch(walk.account, chosen, by=None, now=NOON)
    assert campaign.pk == walk.places["campaign"]
    enrolling.enroll(campaign, now=NOON)
    real = Campaigning(campaign, by)
    for act, moment in done:
        if act["do"] == "next":
            real.until(moment)
        else:
            real.now = max(real.now, moment)
            real.does(act)
            real.until(moment)
    return real


def agree(walk: Walkthrough, real: Campaigning) -> None:
    shown = [(step["key"], step["state"], step["outcome"]) for step in walk.shown["path"]]
    happened = real.path()
    # A campaign sends at once what a walkthrough sends with the next press.
    pending = walk.shown["stands"]["due"] and walk.shown["stands"]["due"] <= walk.shown["now"]
    if pending and shown and shown[-1][1] in ("scheduled", "queued", "waiting"):
        shown, happened = shown[:-1], happened[: len(shown) - 1]
    assert shown == happened
    told = [event["body"] for event in walk.shown["events"] if event["kind"] in ("text", "email")]
    assert told == real.bodies()[: len(told)]


@pytest.mark.django_db
def test_a_walk_of_everything_is_what_happens() -> None:
    account, by, ann = company()
    version = factories.make_workflow(account)
    walk = keeping.begin(version.workflow, version=None, contact=ann, by=by, now=NOON)
    done = walked(walk, [1, 0, 1, 1, 1])
    assert [act["do"] for act, _ in done][:2] == ["next", "reply"]
    agree(walk, really(walk, by, done))


@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
@given(EDITS, st.lists(st.integers(0, 60), min_size=3, max_size=9))
@example(ASKS_FOR_A_JOB, STOPS_AT_ONCE)
@example(ASKS_FOR_A_JOB, STOPS_WHILE_ASKED)
def test_whatever_is_drawn_and_answered_a_walk_is_what_happens(
    edits: list[tuple[str, int, int, str]], choices: list[int]
) -> None:
    drawn: Drawing = tried(three(), edits)
    if graph_errors.of(drawn.graph()):
        return
    account, by, ann = company()
    workflow = Workflow.objects.create(account=account, name=f"Walked {next(_keys)}")
    workflow_drafts.apply(workflow, lambda _: drawn, said="Drawn", revision=0, by=by, now=NOON)
    walk = keeping.begin(workflow, version=None, contact=ann, by=by, now=NOON)
    assert drawing.read(walk.graph) == drawn
    done = walked(walk, choices)
    agree(walk, really(walk, by, done))
    assert walk.starts_at == NOON and timedelta(0) <= done[-1][1] - NOON if done else True
