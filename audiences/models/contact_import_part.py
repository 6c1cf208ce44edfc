from django.db import models


class ContactImportPart(models.Model):
    """A piece of an uploaded file that is still to be taken in: whole rows, about a megabyte of them."""

    of = models.ForeignKey("audiences.ContactImport", on_delete=models.CASCADE, related_name="parts")
    first_row = models.PositiveIntegerField(help_text="The number of its first row in the file")
    rows = models.PositiveIntegerField()
    text = models.TextField()

    account_path = "of__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["of", "first_row"], name="contact_import_part_place")]

    def __str__(self) -> str:
        return f"{self.of_id}: from row {self.first_row}"
