from django.db import models

from audiences.models.upload_part import UploadPart


class ContactImportPart(UploadPart):
    """A piece of a file of contacts that is still to be taken in."""

    of = models.ForeignKey("audiences.ContactImport", on_delete=models.CASCADE, related_name="parts")

    account_path = "of__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["of", "first_row"], name="contact_import_part_place")]

    def __str__(self) -> str:
        return f"{self.of_id}: from row {self.first_row}"
