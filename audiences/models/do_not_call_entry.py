from django.db import models
from django.db.models import Q


class DoNotCallEntry(models.Model):
    """One phone of one list, in E.164. No row of its own but the key: a list may have five million."""

    pk = models.CompositePrimaryKey("phone", "list")
    phone = models.CharField(max_length=16)
    list = models.ForeignKey(
        "audiences.DoNotCallList", on_delete=models.CASCADE, related_name="entries", db_index=False
    )

    account_path = "list__account"

    class Meta:
        verbose_name_plural = "do-not-call entries"
        constraints = [
            models.CheckConstraint(
                condition=Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"), name="do_not_call_entry_e164"
            )
        ]

    def __str__(self) -> str:
        return self.phone
