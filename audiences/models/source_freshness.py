from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

FRESH_MINUTES = 15
"""How old the mirror may be before people are asked after at the source, unless an account sets another."""
LEAST_MINUTES, MOST_MINUTES = 5, 24 * 60


class SourceFreshness(models.Model):
    """How old an account lets its mirror be when campaigns send; without a row the default holds."""

    account = models.OneToOneField(
        "accounts.Account", on_delete=models.CASCADE, related_name="source_freshness"
    )
    minutes = models.PositiveSmallIntegerField(
        default=FRESH_MINUTES, validators=[MinValueValidator(LEAST_MINUTES), MaxValueValidator(MOST_MINUTES)]
    )

    class Meta:
        verbose_name_plural = "source freshness"
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes__gte=LEAST_MINUTES, minutes__lte=MOST_MINUTES),
                name="source_freshness_minutes",
            )
        ]

    def __str__(self) -> str:
        return f"{self.minutes} minutes"
