"""A source that does not answer: who is put off for it, and when it is asked again."""

from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from audiences import freshness
from audiences.models import Contact
from conversations import rechecking
from integrations.messaging import ProviderError
from tests.conversations.test_rechecking import connected, lease, now, outcomes, source  # noqa: F401
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Customers whom the source, which does not answer, was asked after."""
    found: list[int] = []

    def at(self: freshness.Look, customer_ids: Any) -> None:
        found.extend(customer_ids)
        raise ProviderError("no answer", permanent=False, accepted="no", code="unreachable")

    monkeypatch.setattr(freshness.Look, "at", at)
    return found


def test_a_minute_after_its_silence_it_is_asked_again_however_many_were_put_off(
    source: SandboxProcess,  # noqa: F811
    asked: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected(source, 3)
    ticks = count(0, 40)  # the second text comes 40 s after the silence, the third 80 s
    monkeypatch.setattr(rechecking, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setattr(rechecking, "BATCH", 1)
    assert rechecking.work() == 3
    assert outcomes() == [("scheduled", "")] * 3
    assert len(asked) == 2


def test_who_is_no_customer_waits_for_no_source(source: SandboxProcess, asked: list[int]) -> None:  # noqa: F811
    connected(source, 2)
    stranger, customer = Contact.objects.order_by("pk")
    Contact.objects.filter(pk=stranger.pk).update(servicetitan_customer_id=-stranger.pk)
    assert rechecking.work() == 2
    assert outcomes() == [("queued", ""), ("scheduled", "")]
    assert len(lease()) == 1 and asked == [customer.servicetitan_customer_id]
