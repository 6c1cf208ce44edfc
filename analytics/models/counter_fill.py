from django.db import models


class CounterFill(models.Model):
    """Columns that a migration began to count while the product ran, until their past is counted, too.

    `since` is the transaction that began it: once every older one is over, each change counts itself. There
    is no row where nothing is left to do.
    """

    name = models.CharField(max_length=20, unique=True)
    since = models.DecimalField(max_digits=20, decimal_places=0, help_text="pg_current_xact_id()")
    cursor = models.BigIntegerField(default=0, help_text="The last campaign that was counted")

    def __str__(self) -> str:
        return self.name
