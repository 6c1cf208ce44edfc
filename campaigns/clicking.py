"""Following a short link: where it leads, and the click on record before the answer leaves.

Destinations never change once a code is given, so a process remembers those it was asked for. Clicks of all
threads are committed together (`common/group_commit.py`), and destinations are looked up together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address

from django.conf import settings
from django.db import connection
from django.utils.encoding import iri_to_uri

from campaigns.link_bots import Verdict
from common import sql
from common.group_commit import GroupCommit

WAIT_SECONDS = 5.0  # then somebody is told to go on by hand
USER_AGENT = 200  # signs kept of it
_MOST_KNOWN = 50_000  # codes: some 20 MB

_FIND = """
    SELECT c.id, coalesce(c.destination, l.destination), c.expires_at
    FROM campaigns_linkcode c JOIN campaigns_trackedlink l ON l.id = c.link_id WHERE c.id = ANY(%s::bigint[])
"""
_INSERT = """
    INSERT INTO campaigns_click (code_id, at, kind, reason, user_agent, client)
    SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[])
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a code leads, as a header says it, and until when."""

    destination: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """A click to be kept. `client` is a keyed hash, never an address."""

    code: int
    at: datetime
    verdict: Verdict
    user_agent: str
    client: str


_known: dict[int, Target] = {}


def resolve(code: int) -> Target | None:
    """Where a code leads; None for one that was never given.

    What nobody asked for yet is looked up together with what other threads ask for: a connection for each
    would cost more than all the rest of leading somebody on. Raises `common.group_commit.NotCommitted` where
    the database does not answer.
    """
    if (target := _known.get(code)) is not None:
        return target
    if connection.in_atomic_block:  # the code may be as new as the transaction
        return _find([code])[0]
    return _finder.submit(code, WAIT_SECONDS)


def _find(codes: Sequence[int]) -> list[Target | None]:
    """Look these up, and remember those that are there."""
    found = {code: Target(iri_to_uri(where), until) for code, where, until in sql.rows(_FIND, [list(codes)])}
    if len(_known) + len(found) > _MOST_KNOWN:
        _known.clear()
    _known.update(found)
    return [found.get(code) for code in codes]


_finder: GroupCommit[int, Target | None] = GroupCommit("links", _find)


def forget() -> None:
    """Know no destination any more."""
    _known.clear()


def record(followed: Followed) -> None:
    """Keep a click; returns after its commit. Raises `common.group_commit.NotCommitted`."""
    _committer.submit(followed, WAIT_SECONDS)


def _write(clicks: Sequence[Followed]) -> Sequence[None]:
    # One statement is a transaction by itself. Said around it, BEGIN and COMMIT would be two more ways to
    # the database and back, after each of which this thread waits for its turn among those that follow links.
    sql.run(
        _INSERT,
        sql.arrays(
            [(c.code, c.at, c.verdict.kind, c.verdict.reason, c.user_agent, c.client) for c in clicks]
        ),
    )
    return [None] * len(clicks)


_committer: GroupCommit[Followed, None] = GroupCommit("clicks", _write)


def plain(user_agent: str) -> str:
    """A user agent as it is kept: short, and without signs that no text may hold."""
    kept = user_agent[:USER_AGENT]
    return kept if kept.isprintable() else "".join(sign for sign in kept if sign.isprintable())


@lru_cache(maxsize=4096)
def client_of(address: str | None) -> str:
    """What stands for a client's address: a keyed hash; of IPv6, of the network it is given as a whole."""
    if not address:
        return ""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    seen = found.packed[:8] if found.version == 6 else found.packed
    key = blake2b(settings.SECRET_KEY.encode(), digest_size=32).digest()
    return blake2b(seen, key=key, digest_size=8, person=b"click").hexdigest()
