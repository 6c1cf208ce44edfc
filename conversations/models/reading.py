from django.db import models
from django.db.models import Q


class Reading(models.Model):
    """How an incoming message was understood: label, and which version of which rule said so.

    A trigger refuses to change it, but for label and outcome where a correction on file says exactly that.
    """

    class Outcome(models.TextChoices):
        OPT_OUT = "opt_out"
        HOLD = "hold"
        ROUTE = "route"

    message = models.OneToOneField(
        "conversations.Message", primary_key=True, on_delete=models.PROTECT, related_name="reading"
    )
    label = models.CharField(max_length=20)
    outcome = models.CharField(max_length=7, choices=Outcome)
    detector = models.CharField(max_length=40)
    rule = models.CharField(max_length=60, blank=True)
    score = models.FloatField(default=1.0)

    account_path = "message__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["opt_out", "hold", "route"]), name="reading_outcome"
            )
        ]

    def __str__(self) -> str:
        return self.label
