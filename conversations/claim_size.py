"""How many messages one claim takes."""

LONG_SECONDS, SHORT_SECONDS = 1.0, 0.3


class ClaimSize:
    """Halves where a claim took long, doubles where it was short, up to `most`.

    A claim is good for three seconds from before it began. On a machine so busy that a large one takes
    longer, all of it would be too old to be called, and every next one, too; small ones go through.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = most

    def took(self, seconds: float) -> None:
        """A claim of this size took so long, from before it began until its calls could begin."""
        if seconds > LONG_SECONDS:
            self.now = max(1, self.now // 2)
        elif seconds < SHORT_SECONDS:
            self.now = min(self._most, self.now * 2)
