"""What a ServiceTitan webhook says, and who signed it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.servicetitan import webhooks
from integrations.servicetitan.webhooks import Hint

KEY = "k" * 32
NOON, HOUR = datetime(2026, 12, 1, 12, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        ({"eventType": "job.created", "data": {"id": 7}}, [Hint("jobs", 7)]),
        ({"event": "JobCompleted", "payload": {"jobId": "7"}}, [Hint("jobs", 7)]),
        ({"event": "JobCompleted", "payload": {"jobId": f"{1:020}{0:05000}"}}, [Hint()]),
        ({"type": "Appointment Rescheduled", "data": {"id": 9, "jobId": 7}}, [Hint("appointments", 9)]),
        ({"eventType": "customer-contact", "data": {"id": 1, "customerId": 5}}, [Hint("contacts", 5)]),
        ({"eventType": "customer-contact", "data": {"id": 1}}, [Hint()]),
        ({"eventType": "booking.updated", "entityId": 3}, [Hint("bookings", 3)]),
        (
            {"topic": "customer", "data": [{"id": 1}, {"id": 2}, {"id": 1}]},
            [Hint("customers", 1), Hint("customers", 2)],
        ),
        ({"eventType": "technician.changed", "data": {"id": 7}}, [Hint()]),
        ({"eventType": "job.created", "data": {"id": -1}}, [Hint()]),
        ({"eventType": "job.created", "data": {"id": 10**30}}, [Hint()]),
        ({}, [Hint()]),
    ],
)  # fmt: skip
def test_what_a_body_hints_at(body: dict[str, Any], hints: list[Hint]) -> None:
    assert webhooks.hints(json.dumps(body).encode()) == hints


@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["data", "id", "type", "customerId", "eventId", "entityId"]), inner
    ), max_leaves=20,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_whatever_a_body_is_it_hints_at_something_and_has_an_id(body: bytes) -> None:
    assert webhooks.hints(body)
    assert 0 < len(webhooks.event_id(body, at=NOON)) <= 150


def test_only_the_very_bytes_and_the_very_key_verify() -> None:
    body = b'{"eventType": "job.created"}'
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert webhooks.verify(body, signature, KEY)
    assert webhooks.verify(body, f"sha256={signature.upper()}", KEY)
    assert not webhooks.verify(body + b" ", signature, KEY)
    assert not webhooks.verify(body, signature, "another-key")
    assert not webhooks.verify(body, "", KEY)
    assert not webhooks.verify(body, "ünicode", KEY)
    empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
    assert not webhooks.verify(body, empty, ""), "who has no key is signed for by nobody"


def test_the_same_event_is_known_again() -> None:
    own = json.dumps({"eventId": "e-1", "data": {"id": 1}}).encode()
    again = json.dumps({"eventId": "e-1", "data": {"id": 1}, "attempt": 2}).encode()
    assert webhooks.event_id(own, at=NOON) == webhooks.event_id(again, at=NOON + HOUR) == "e-1"
    first = webhooks.event_id(b"{}", at=NOON)
    assert first == webhooks.event_id(b"{}", at=NOON + HOUR / 60) != webhooks.event_id(b"{ }", at=NOON)
    assert first != webhooks.event_id(b"{}", at=NOON + HOUR), "the same row may change again"
