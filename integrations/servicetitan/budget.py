"""One budget of requests for all processes: ServiceTitan allows 60 a second per app and tenant.

A turn is taken in one statement on one row, so turns are given in the order in which they are asked for, and
a process that dies with a turn has lost that one alone. Each process waits for its turn before it asks for
another: a busy sync and a look before sending share evenly. A 429 holds everybody back.
"""

import hashlib
import time
from collections.abc import Callable

from common import sql
from integrations.messaging import ProviderError
from integrations.servicetitan.access import ServiceTitanAccess

TENANT_LIMIT = 60.0  # ServiceTitan's, a second
REQUESTS_PER_SECOND = 50.0
BURST = 8  # so that a second with a burst stays below the limit, too
HELD_SECONDS = 1.0  # after a 429 that names no time
LONGEST_HELD_SECONDS = 15.0
_INTERVAL = 1.0 / REQUESTS_PER_SECOND

_TAKE = """
    INSERT INTO integrations_requestbudget AS b (source, tat)
    VALUES (%(source)s, clock_timestamp() + (%(interval)s - %(burst)s) * interval '1 second')
    ON CONFLICT (source) DO UPDATE SET
        tat = greatest(b.tat, clock_timestamp() - %(burst)s * interval '1 second')
            + %(interval)s * interval '1 second'
    RETURNING extract(epoch FROM b.tat - clock_timestamp())::float8 - %(interval)s
"""


def source_of(access: ServiceTitanAccess) -> str:
    """What shares one budget: everybody who speaks for this app to this tenant."""
    named = "\n".join((access.base_url, access.app_key, access.tenant_id))
    return hashlib.sha256(named.encode()).hexdigest()


def take(source: str) -> float:
    """Take the next turn; seconds until it comes, at most 0 for at once. Raises the database's errors."""
    waits = sql.value(_TAKE, {"source": source, "interval": _INTERVAL, "burst": (BURST - 1) * _INTERVAL})
    return float(waits)


def wait_for_turn(
    source: str,
    *,
    pause: Callable[[float], None] = time.sleep,
    longest: float = LONGEST_HELD_SECONDS + BURST * _INTERVAL,
) -> None:
    """Take the next turn and wait until it comes. Raises ProviderError, code 429, where it is more than
    `longest` seconds off: the source has said so itself a moment ago."""
    waits = take(source)
    if waits > longest:
        raise ProviderError(
            "ServiceTitan asked us to wait", permanent=False, accepted="no", code="429", retry_after=waits
        )
    if waits > 0:
        pause(waits)


def hold(source: str, seconds: float | None) -> None:
    """Let nobody ask for so many seconds: the source said that we were too fast."""
    sql.run(
        "UPDATE integrations_requestbudget SET tat = greatest(tat,"
        " clock_timestamp() + %s * interval '1 second') WHERE source = %s",
        [min(seconds or HELD_SECONDS, LONGEST_HELD_SECONDS), source],
    )
