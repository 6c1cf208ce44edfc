"""The lane of what agents write and whom they call."""

from accounts.models import Account
from conversations.models import Lane


def agents_lane(account: Account) -> Lane:
    """The account's lane for agents' replies and calls: first in every round, never held by a campaign's
    pause."""
    return Lane.objects.get_or_create(
        account=account, kind=Lane.Kind.AGENTS, defaults={"name": "Agents", "priority": 0}
    )[0]
