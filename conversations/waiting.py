"""How many threads of an account wait for a person: the figure beside Conversations on every page."""

from dataclasses import dataclass

from accounts.models import Account
from common.htmx import version_of
from conversations.models import Thread

MOST = 99  # a count above says nothing more to anybody


@dataclass(frozen=True)
class Waiting:
    """The number to show, counted one beyond `MOST` at most, and the version of the region that shows it."""

    count: int

    @property
    def words(self) -> str:
        """The number as the navigation has room for it."""
        return str(self.count) if self.count <= MOST else f"{MOST}+"

    @property
    def version(self) -> str:
        """Changes with the number."""
        return version_of(("waiting", self.count))


def waiting(account: Account) -> Waiting:
    """Threads that need a reply; a count beyond `MOST` is not finished."""
    return Waiting(Thread.objects.filter(account=account, needs_reply=True)[: MOST + 1].count())
