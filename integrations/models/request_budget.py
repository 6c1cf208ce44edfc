"""How far the requests that a ServiceTitan tenant allows have been spent, shared by every process."""

from django.db import models


class RequestBudget(models.Model):
    """GCRA state of one tenant as one app sees it; which account it is of does not matter to ServiceTitan.

    `tat` is the theoretical arrival time: the instant at which the requests let through so far would have
    left evenly. Kept by the database's real clock, never by the product's movable one.
    """

    source = models.CharField(max_length=64, primary_key=True, help_text="digest of API, app and tenant")
    tat = models.DateTimeField()

    def __str__(self) -> str:
        return self.source[:8]
