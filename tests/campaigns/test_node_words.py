"""What a node is set to, in a line of words: one template for each kind."""

from typing import Any

import pytest

from campaigns.graph import GraphNode
from campaigns.nodes import KINDS, NodeKind
from campaigns.templatetags.node_words import node_summary

SETTINGS: list[tuple[str, dict[str, Any], str]] = [
    ("send_sms", {"body": "Hi"}, "1 segment"),
    ("send_email", {"subject": "Time for <b>", "body": "Hi"}, "“Time for &lt;b&gt;”"),
    ("wait", {"minutes": 3 * 1440}, "for 3 days"),
    ("wait", {"until": {"days": [0, 2], "at": "09:30"}},
     "until 09:30 on Monday, Wednesday, where the customer lives"),
    ("wait", {"around": {"field": "appointment", "minutes": -120}}, "until 2 hours before the appointment"),
    ("wait_for_reply", {"timeout_minutes": 90}, "no later than 90 minutes"),
    ("branch", {"conditions": [{"label": "a"}]}, "1 condition, the first that holds decides"),
    ("split", {"arms": [{"label": "with_offer", "weight": 1}, {"label": "plain", "weight": 3}]},
     "With offer 25%, Plain 75%"),
    ("update_contact", {"add_tags": ["Gold", "<b>"], "language": "es"},
     "adds Gold, &lt;b&gt;, writes in Spanish from now on"),
    ("update_contact", {"remove_tags": ["Gold"]}, "removes Gold"),
    ("handoff", {"reason": "Asks for the <owner>"}, "“Asks for the &lt;owner&gt;”"),
    ("book_job", {"summary": "Tune-up", "timeout_minutes": 60}, "Tune-up, answered within 1 hour"),
    ("end", {}, "nothing more is sent"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "said"), SETTINGS)
def test_a_node_says_what_it_is_set_to(kind: str, settings: dict[str, Any], said: str) -> None:
    assert node_summary(GraphNode(1, "a", kind, "A", settings)) == said


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_words(kind: str) -> None:
    if kind not in {known for known, _, _ in SETTINGS}:
        assert node_summary(GraphNode(1, "a", kind, "A", {}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_every_kind_does_its_part(kind: NodeKind) -> None:
    """What is instant decides; everything else executes."""
    parts = [type(kind).label_sql, type(kind).decide] if kind.instant else [type(kind).execute]
    assert any(part not in (NodeKind.label_sql, NodeKind.decide, NodeKind.execute) for part in parts)
