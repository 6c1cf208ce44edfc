from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class SendWindow(models.Model):
    """Hours in which people may be reached, in each contact's local time. Shared, and never changed.

    `days` is a bit mask, Monday = 1 … Sunday = 64. Half-open: 540 to 1140 is 9:00 to 19:00. `closed_on` are
    single days without hours, sorted. Other hours are another row, so that no stored opening is ever wrong.
    """

    start_minute = models.PositiveSmallIntegerField(default=9 * 60)
    end_minute = models.PositiveSmallIntegerField(default=19 * 60)
    days = models.PositiveSmallIntegerField(default=0b0111111)
    rests_on_holidays = models.BooleanField(default=False, help_text="No hours on federal holidays")
    closed_on = ArrayField(models.DateField(), default=list, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["start_minute", "end_minute", "days", "rests_on_holidays", "closed_on"],
                name="send_window_unique",
            ),
            models.CheckConstraint(
                condition=Q(start_minute__lt=F("end_minute"), end_minute__lte=24 * 60),
                name="send_window_order",
            ),
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=127), name="send_window_days"),
        ]

    def __str__(self) -> str:
        (start, past), (end, over) = divmod(self.start_minute, 60), divmod(self.end_minute, 60)
        return f"{start}:{past:02}–{end}:{over:02}"
