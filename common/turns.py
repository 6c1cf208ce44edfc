"""Taking turns: whoever was served longest ago comes first, newcomers before all, ties by chance.

The memory of one loop of one process. Losing it costs nothing but the order of one round.
"""

import random
from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
_MOST_KNOWN = 20_000


class Turns:
    """Who was served when, as far as the order of the next turns needs it."""

    def __init__(self) -> None:
        self._last: dict[Hashable, int] = {}
        self._count = 0

    def order(self, keys: Iterable[K]) -> list[K]:
        """These, each once, in the order in which they are to be served."""
        found = list(dict.fromkeys(keys))
        random.shuffle(found)
        return sorted(found, key=lambda key: self._last.get(key, 0))

    def took(self, *keys: Hashable) -> None:
        """These have just been served."""
        self._count += 1
        for key in keys:
            self._last[key] = self._count
        if len(self._last) > _MOST_KNOWN:  # those of long ago become newcomers again
            kept = sorted(self._last.items(), key=lambda item: item[1])[-_MOST_KNOWN // 2 :]
            self._last = dict(kept)
