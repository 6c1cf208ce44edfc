from django.db import models


class OwnId(models.Model):
    """What another program of the account calls a contact; files with such a column find people by it."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="own_ids")
    value = models.CharField(max_length=100)
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="own_ids")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "value"], name="own_id_value")]

    def __str__(self) -> str:
        return self.value
