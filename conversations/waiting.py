"""What every page shows of an account: how many threads wait for a person, and a pause of everything."""

from dataclasses import dataclass

from accounts.models import Account
from common.htmx import version_of
from conversations.models import SendingPause, Thread

MOST = 99  # a count above says nothing more to anybody


@dataclass(frozen=True)
class Waiting:
    """The number to show, counted one beyond `MOST` at most, and the pause of everything in force, if any."""

    count: int
    pause: SendingPause | None = None

    @property
    def words(self) -> str:
        """The number as the navigation has room for it."""
        return str(self.count) if self.count <= MOST else f"{MOST}+"

    @property
    def version(self) -> str:
        """Changes with the number and the pause."""
        held = (self.pause.pk, self.pause.agents_too) if self.pause else None
        return version_of(("waiting", self.count, held))


def waiting(account: Account) -> Waiting:
    """Threads that need a reply, a count beyond `MOST` not finished, and the pause. Two queries."""
    threads = Thread.objects.filter(account=account, needs_reply=True)
    return Waiting(threads[: MOST + 1].count(), SendingPause.objects.in_force(account.pk))
