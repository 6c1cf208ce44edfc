"""How far each number's segment rate has been spent, shared by every sender process."""

from django.db import models
from django.db.models.functions import Now


class NumberPaceQuerySet(models.QuerySet["NumberPace"]):
    """One row per number; created with it."""

    def ensure(self, number_ids: list[int]) -> None:
        """Make the missing rows; existing ones keep their pace."""
        self.bulk_create([self.model(number_id=pk) for pk in number_ids], ignore_conflicts=True)


class NumberPace(models.Model):
    """GCRA state of one number.

    `tat` is the theoretical arrival time: the instant at which the segments handed out so far will
    have left at the number's rate. Kept by the database's real clock (`clock_timestamp()`), never by
    the product's movable one: a carrier's rate does not move with it.
    """

    number = models.OneToOneField(
        "integrations.SendingNumber",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="pace",
    )
    tat = models.DateTimeField(db_default=Now())

    objects = NumberPaceQuerySet.as_manager()

    def __str__(self) -> str:
        return f"pace of number {self.number_id}"
