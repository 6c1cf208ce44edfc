from django.db import models
from django.db.models import Q


class ImportedContact(models.Model):
    """What one import did with one contact. `added` ones are its own, and may go with it."""

    class Outcome(models.TextChoices):
        ADDED = "added"
        UPDATED = "updated"
        MERGED = "merged"
        UNCHANGED = "unchanged"

    pk = models.CompositePrimaryKey("of", "contact")
    of = models.ForeignKey(
        "audiences.ContactImport", on_delete=models.CASCADE, related_name="contacts", db_index=False
    )
    contact = models.ForeignKey("audiences.Contact", on_delete=models.CASCADE, related_name="imports")
    outcome = models.CharField(max_length=9, choices=Outcome)

    account_path = "of__account"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["added", "updated", "merged", "unchanged"]),
                name="imported_contact_outcome",
            )
        ]

    def __str__(self) -> str:
        return f"{self.of_id}: {self.contact_id} {self.outcome}"
