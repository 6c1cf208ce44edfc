from django.db import models

from common import clock


class MessageTemplate(models.Model):
    """The words of a text or email before merge fields are filled; equal words of one account share a row."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    subject = models.CharField(max_length=200, blank=True, default="", db_default="")  # of an email
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "sha256"], name="message_template_body")]

    def __str__(self) -> str:
        return self.body[:40]
