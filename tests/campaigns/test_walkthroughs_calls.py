"""Phone calls in a walkthrough: by a person and by a script."""

from typing import Any

import pytest

from audiences.models import OptOut
from campaigns.walkthroughs.stage import NotNow
from conversations.models import CallSettings, PlannedCall
from tests.campaigns.walking import Nodes, begun, company, go, kinds, path, said, workflow

pytestmark = pytest.mark.django_db


CALL: dict[str, Any] = {"words": {"en": "Hello {{ first_name }}, shall we come by?"}}


def calling(account: Any, **plan: Any) -> Any:
    ends = ["answered", "voicemail", "no_answer", "busy", "booked", "call_back"]
    nodes: Nodes = [("call", "call", {"plan": CALL | plan}), *((f"was_{end}", "end", {}) for end in ends)]
    edges = [*(("call", end, f"was_{end}") for end in ends), ("call", "next", "done")]
    return workflow(account, nodes, edges)


@pytest.mark.parametrize("outcome", ["answered", "booked", "call_back"])
def test_an_agent_calls_and_says_what_came_of_it(outcome: str) -> None:
    account, by, ann = company()
    walk = begun(by, calling(account), ann)
    go(walk, "next")
    assert "Hello Ann, shall we come by?" in said(walk) and walk.shown["stands"]["call"] == "agent"
    with pytest.raises(NotNow):
        go(walk, "next")
    go(walk, "outcome", outcome=outcome)
    assert path(walk) == ["call", f"was_{outcome}"]
    assert not PlannedCall.objects.exists()


def test_a_busy_line_is_tried_again_as_the_plan_says() -> None:
    account, by, ann = company()
    walk = begun(by, calling(account, tries={"busy": 1, "busy_minutes": 15}), ann)
    go(walk, "next")
    go(walk, "outcome", outcome="busy")
    waits = walk.shown["events"][-1]
    assert (waits["kind"], waits["reason"]) == ("waits", "next_try") and path(walk) == ["call"]
    go(walk, "next")
    go(walk, "outcome", outcome="busy")
    assert path(walk) == ["call", "was_busy"] and kinds(walk).count("call") == 2


SCRIPT: dict[str, Any] = {"mode": "script", "voicemail": {"en": "We called about your tune-up."}}


def test_a_script_is_heard_and_nine_opts_nobody_out() -> None:
    account, by, _ = company()
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    assert walk.shown["stands"]["call"] == "rings"
    go(walk, "answer", how="picks_up")
    assert "To stop calls and texts from us, press 9 at any time." in said(walk)
    assert "Hello Ann, shall we come by?" in said(walk)
    go(walk, "key", key="9")
    assert "You will get no more calls or texts" in said(walk)
    assert walk.shown["events"][-1]["reason"] == "opted_out" and not OptOut.objects.exists()


@pytest.mark.parametrize(
    ("acts", "end"),
    [
        ([("answer", {"how": "voicemail"})], "voicemail"),
        ([("answer", {"how": "picks_up"}), ("hang_up", {})], "answered"),
        ([("answer", {"how": "picks_up"}), ("key", {"key": "2"})], "call_back"),
        ([("answer", {"how": "picks_up"}), ("key", {"key": "5"}), ("hang_up", {})], "answered"),
        (
            [("answer", {"how": "picks_up"}), ("key", {"key": "1"}), ("transfer", {"taken": "yes"})],
            "answered",
        ),
    ],
)  # fmt: skip
def test_a_scripts_call_ends_as_the_customer_has_it(acts: list[tuple[str, Any]], end: str) -> None:
    account, by, _ = company()
    CallSettings.objects.create(account=account, office_line="+13125550188", transfer_to="office")
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    for do, act in acts:
        go(walk, do, **act)
    assert path(walk) == ["call", f"was_{end}"]


def test_nobody_who_takes_a_transfer_leaves_a_choice() -> None:
    account, by, _ = company()
    CallSettings.objects.create(account=account, office_line="+13125550188", transfer_to="office")
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    go(walk, "answer", how="picks_up")
    go(walk, "key", key="1")
    assert walk.shown["stands"]["call"] == "transfer"
    go(walk, "transfer", taken="no")
    assert "nobody could take your call" in said(walk)
    go(walk, "key", key="2")
    assert path(walk) == ["call", "was_call_back"]


def test_who_gave_no_consent_to_recorded_calls_is_called_by_a_person() -> None:
    account, by, ann = company()
    walk = begun(by, calling(account, **SCRIPT), ann)
    go(walk, "next")
    assert "No written consent to recorded calls" in said(walk)
    assert walk.shown["stands"]["call"] == "agent"
