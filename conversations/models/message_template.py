from django.db import models
from django.db.models import Value

from common import clock


class MessageTemplate(models.Model):
    """The words of a text or email before merge fields are filled; equal words of one account share a row."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    subject = models.CharField(max_length=200, blank=True, default="", db_default="")  # of an email
    body = models.TextField()
    content = models.JSONField(
        default=dict, db_default=Value({}, models.JSONField()), blank=True,
        help_text="All its words have beside these two: other languages, an email's design, pictures",
    )  # fmt: skip
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "sha256"], name="message_template_body")]

    def __str__(self) -> str:
        return self.body[:40]
