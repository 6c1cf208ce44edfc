from django.db import models

from common import clock


class DestinationCheck(models.Model):
    """Whether a page that an account's links lead to answers: asked in the background, never a condition.

    `url` is what was asked: of a destination with merge fields, the site alone.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    url = models.TextField()
    digest = models.CharField(max_length=32)
    asked_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    finding = models.CharField(
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="What is wrong, in words; empty: it answers",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="destination_check_url")]
        indexes = [
            models.Index(
                fields=["asked_at"], name="destination_unchecked", condition=models.Q(checked_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return self.url
