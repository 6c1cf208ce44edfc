from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class ContactImportRow(models.Model):
    """A row of an imported file that made no contact: rejected, or somebody whom an earlier row had named."""

    class Kind(models.TextChoices):
        REJECTED = "rejected"
        REPEATED = "repeated"

    pk = models.CompositePrimaryKey("of", "number")
    of = models.ForeignKey(
        "audiences.ContactImport", on_delete=models.CASCADE, related_name="kept_rows", db_index=False
    )
    number = models.PositiveIntegerField(help_text="Its number in the file")
    kind = models.CharField(max_length=8, choices=Kind)
    cells = ArrayField(models.TextField())
    why = models.TextField()

    account_path = "of__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["rejected", "repeated"]), name="contact_import_row_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.of_id}: row {self.number}"
