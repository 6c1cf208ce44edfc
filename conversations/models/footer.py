"""How an account words the line that its first text to a phone ends with."""

from django.db import models
from django.db.models import Q

from common import clock

LONGEST = 80


class Footer(models.Model):
    """The opt-out line of first texts, in two languages. An account without a row has the defaults.

    It can be worded, never switched off: each wording names STOP.
    """

    account = models.OneToOneField(
        "accounts.Account", on_delete=models.CASCADE, primary_key=True, related_name="footer"
    )
    english = models.CharField(max_length=LONGEST)
    spanish = models.CharField(max_length=LONGEST)
    changed_at = models.DateTimeField(default=clock.now)
    changed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(english__iregex=r"\mstop\M") & Q(spanish__iregex=r"\mstop\M"),
                name="footer_names_stop",
            )
        ]

    def __str__(self) -> str:
        return self.english
