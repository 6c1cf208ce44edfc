from django.db import models
from django.db.models import F, Q

LONGEST_WORDS = 480


class AccountHours(models.Model):
    """When an account's campaigns may reach people, and what answers customers outside business hours.

    Accounts without a row have the product's default window and answer nobody by themselves.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, related_name="hours")
    window = models.ForeignKey("audiences.SendWindow", on_delete=models.PROTECT, related_name="+")
    rests_on_closed_days = models.BooleanField(
        default=True, help_text="Whether the window's closed days are the account's"
    )
    changed_at = models.DateTimeField(help_text="When the window became what it is")
    asked_again_at = models.DateTimeField(
        null=True, blank=True, help_text="When all that had waited for the former window was made due"
    )
    answers = models.BooleanField(
        default=True, help_text="After-hours answers, as soon as there are business hours"
    )
    answer_words = models.CharField(max_length=LONGEST_WORDS, blank=True, help_text="Blank: our own words")

    class Meta:
        verbose_name_plural = "account hours"
        constraints = [
            models.CheckConstraint(
                condition=Q(asked_again_at__isnull=True) | Q(asked_again_at__gte=F("changed_at")),
                name="account_hours_asked_again",
            )
        ]

    def __str__(self) -> str:
        return str(self.window)
