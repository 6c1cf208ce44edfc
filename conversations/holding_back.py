"""Who was too fast and waits: what was claimed for them meanwhile is not called: it would be refused."""

import time
from typing import Generic, TypeVar

from conversations.delivery import HELD_BACK
from integrations.messaging import ProviderError, Remedy

K = TypeVar("K")


class HeldBack(Generic[K]):
    """Numbers, or connections, that a provider found too fast, until when. `what` names them in words."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._until: dict[K, float] = {}  # monotonic

    def hold(self, source: K, seconds: float) -> None:
        """Call nothing of this source for so long, or longer where it waits longer already."""
        self._until[source] = max(time.monotonic() + seconds, self._until.get(source, 0.0))

    def check(self, source: K) -> None:
        """Raises ProviderError while the source waits; such a try counts as none."""
        left = self._until.get(source, 0.0) - time.monotonic()
        if left > 0:
            raise ProviderError(
                f"Not sent: {self._what} too fast", permanent=False, accepted="no",
                code=HELD_BACK, retry_after=left, remedy=Remedy.RETRY_LATER,
            )  # fmt: skip
        self._until.pop(source, None)
