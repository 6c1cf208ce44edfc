from django.db import models


class QueueSign(models.Model):
    """When a process that works on a queue was last seen; on the database's real clock."""

    queue = models.CharField(max_length=20, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} at {self.seen_at:%F %T}"
