"""What higher apps know of planned calls: each registers a source in its `apps.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accounts.models import Account
from conversations.models import PlannedCall
from conversations.timeline_sources import Link


def _no_origins(calls: Sequence[PlannedCall]) -> dict[int, Link]:
    return {}


def _no_units(account: Account) -> list[tuple[int, str]]:
    return []


def _no_lanes(account: Account, unit: int) -> list[int]:
    return []


@dataclass(frozen=True, slots=True)
class Source:
    """What one app knows: where planned calls came from (by id), the business units calls may be narrowed
    to, as (id, name), and the lanes of one of them."""

    origins: Callable[[Sequence[PlannedCall]], dict[int, Link]] = _no_origins
    units: Callable[[Account], list[tuple[int, str]]] = _no_units
    lanes: Callable[[Account, int], list[int]] = _no_lanes


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source; registering it again changes nothing."""
    if source not in _sources:
        _sources.append(source)


def origins(calls: Sequence[PlannedCall]) -> dict[int, Link]:
    """Where these came from, by id; those that came from nowhere are missing."""
    return {pk: link for source in _sources for pk, link in source.origins(calls).items()}


def units(account: Account) -> list[tuple[int, str]]:
    """The business units whose calls can be looked at alone."""
    return [unit for source in _sources for unit in source.units(account)]


def lanes(account: Account, unit: int) -> list[int]:
    """The lanes whose calls are about one business unit."""
    return sorted({lane for source in _sources for lane in source.lanes(account, unit)})
