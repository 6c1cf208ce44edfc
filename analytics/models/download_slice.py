"""DownloadSlice: keys of rows that a download has still to write."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class DownloadSlice(models.Model):
    """Up to some thousands of keys, the newest first; gone once they are written."""

    download = models.ForeignKey(
        "analytics.Download", on_delete=models.CASCADE, related_name="slices", db_index=False
    )
    position = models.PositiveIntegerField()
    keys = ArrayField(models.BigIntegerField())

    account_path = "download__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["download", "position"], name="download_slice_position")
        ]

    def __str__(self) -> str:
        return f"{self.download_id} {self.position}"
