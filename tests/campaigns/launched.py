"""Campaigns launched by code, with whatever terms a test is about."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from campaigns import launching
from campaigns.launching import Draft
from campaigns.models import Campaign
from common import clock
from tests import factories


def drafted(account: Account, **chosen: Any) -> Draft:
    """What a person could have chosen, of a new workflow, audience and number."""
    kept = {name: chosen.pop(name) for name in ("nodes", "edges") if name in chosen}
    return Draft(
        **{
            "name": "Tune-up",
            "version": factories.make_workflow(account, **kept),
            "audience": factories.make_audience(account),
            "number": factories.make_number(account, f"+1312555{100 + account.pk % 90:04}"),
            **chosen,
        }
    )


def launch(
    account: Account,
    *,
    at: datetime | None = None,
    hold: timedelta = launching.AT_ONCE,
    by: Any = None,
    now: datetime | None = None,
    **chosen: Any,
) -> Campaign:
    """Launched, and not yet taken in."""
    return launching.launch(
        account, drafted(account, **chosen), by=by, now=now or clock.now(), at=at, hold=hold
    )
