"""DownloadChunk: a piece of a download's file, in the database, where every machine finds it."""

from django.db import models


class DownloadChunk(models.Model):
    """Some hundred kB of a file, from its byte `begins`; those of CSV files are deflated."""

    download = models.ForeignKey(
        "analytics.Download", on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    begins = models.PositiveBigIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes of the file that it holds")
    content = models.BinaryField()

    account_path = "download__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["download", "begins"], name="download_chunk_place"),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="download_chunk_size"),
        ]

    def __str__(self) -> str:
        return f"{self.download_id} {self.begins}"
