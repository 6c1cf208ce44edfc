"""What every page shows of an account: how many threads wait for a person, how many people for a call, and a
pause of everything."""

from dataclasses import dataclass

from accounts.models import Account
from common import clock, sql
from common.htmx import version_of
from conversations import call_queue, unit_pausing
from conversations.models import SendingPause, UnitPause

MOST = 99  # a count above says nothing more to anybody
_LOOK = f"""
SELECT (SELECT count(*) FROM (
            SELECT FROM conversations_thread t WHERE t.account_id = %(account)s AND t.needs_reply
            LIMIT %(most)s) threads),
       ({call_queue.DUE_COUNT}),
       EXISTS (SELECT FROM conversations_sendingpause m
               WHERE m.account_id = %(account)s AND m.lifted_at IS NULL),
       EXISTS (SELECT FROM conversations_unitpause u
               WHERE u.account_id = %(account)s AND u.lifted_at IS NULL
                 AND (u.until IS NULL OR u.until > %(now)s))
"""


@dataclass(frozen=True)
class Waiting:
    """The number to show, counted one beyond `MOST` at most, and the pause of everything in force, if any."""

    count: int
    pause: SendingPause | None = None
    calls: int = 0
    units: tuple[UnitPause, ...] = ()

    @property
    def words(self) -> str:
        """The number as the navigation has room for it."""
        return _words(self.count)

    @property
    def call_words(self) -> str:
        """How many wait for a call, as the navigation has room for it."""
        return _words(self.calls)

    @property
    def version(self) -> str:
        """Changes with the numbers and the pause."""
        held = (self.pause.pk, self.pause.agents_too) if self.pause else None
        units = [(one.pk, one.until) for one in self.units]
        return version_of(("waiting", self.count, self.calls, held, *units))


def waiting(account: Account) -> Waiting:
    """Threads that need a reply and people who are due to be called, counts beyond `MOST` not finished, and
    what is paused. One query, and one more for each kind of pause that is in force: every page asks."""
    now = clock.now()
    asked = {"account": account.pk, "now": now, "most": MOST + 1}
    ((threads, calls, paused, units),) = sql.rows(_LOOK, asked)
    return Waiting(
        threads, SendingPause.objects.in_force(account.pk) if paused else None, calls,
        tuple(unit_pausing.in_force(account, now=now)) if units else (),
    )  # fmt: skip


def _words(count: int) -> str:
    return str(count) if count <= MOST else f"{MOST}+"
