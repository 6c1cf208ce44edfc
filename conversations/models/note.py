from django.db import models

from common import clock


class Note(models.Model):
    """Something an agent wrote for colleagues; never sent to the customer."""

    thread = models.ForeignKey("conversations.Thread", on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL)
    body = models.TextField()
    at = models.DateTimeField(default=clock.now)

    account_path = "thread__account"

    def __str__(self) -> str:
        return self.body[:40]
