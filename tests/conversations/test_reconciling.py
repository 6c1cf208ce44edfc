"""Calls whose answer was lost take turns at being looked up."""

from datetime import timedelta

import pytest

from common import clock
from conversations import reconciling
from conversations.models import Message
from tests import factories
from tests.conversations.conftest import Company, phone


def test_texts_that_cannot_be_looked_up_now_do_not_hold_up_the_others(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.launch(3)
    company.sandbox.set_faults(accept_then_drop=1.0, callbacks={"drop": 1.0}, seed=1)
    company.run()
    company.sandbox.clear_faults()
    long_ago = clock.now() - timedelta(days=300)
    Message.objects.update(claimed_at=long_ago)
    # The two oldest were sent through a provider that does not answer now, and are all that one round takes.
    silent = factories.make_number(factories.make_account(), "+13125550177")
    oldest = Message.objects.filter(address__value__in=[phone(0), phone(1)])
    oldest.update(number=silent, claimed_at=long_ago - timedelta(days=1))
    monkeypatch.setattr(reconciling, "BATCH", 2)
    rounds = 0
    while not reconciling.reconcile_unknown(now=clock.now()):
        rounds += 1
        assert rounds < 40, "the youngest never had its turn"
    assert Message.objects.get(address__value=phone(2)).state != "unknown"
    assert set(oldest.values_list("state", flat=True)) == {"unknown"}
