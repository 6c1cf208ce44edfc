from django.db import models


class SyncCursor(models.Model):
    """How far one ServiceTitan export has been applied; stored with the rows it brought."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="sync_cursors")
    entity = models.CharField(max_length=40)
    continue_from = models.TextField(blank=True)
    shape = models.SmallIntegerField(
        db_default=0, default=0, help_text="of the rows that it brought, by servicetitan_sync.SHAPES"
    )
    rows = models.BigIntegerField(default=0)
    synced_at = models.DateTimeField(null=True, blank=True)
    complete_at = models.DateTimeField(
        null=True, blank=True, help_text="when the end of the export was last reached"
    )
    expected = models.BigIntegerField(
        null=True, blank=True, help_text="rows that the source counted before the first page; blank: unknown"
    )
    busy_seconds = models.FloatField(db_default=0.0, default=0.0, help_text="spent on fetching and applying")
    error = models.TextField(blank=True, help_text="what stopped the last run")
    skipped = models.BigIntegerField(default=0, help_text="odd rows passed over so far")
    last_skipped = models.TextField(blank=True, help_text="the latest of them, in words")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "entity"], name="sync_cursor_entity")]

    def __str__(self) -> str:
        return self.entity
