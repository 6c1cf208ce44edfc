from django.db import models

from audiences.models.upload_part import UploadPart


class DoNotCallPart(UploadPart):
    """A piece of an uploaded do-not-call list that is still to be read."""

    list = models.ForeignKey("audiences.DoNotCallList", on_delete=models.CASCADE, related_name="parts")

    account_path = "list__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "first_row"], name="do_not_call_part_place")]

    def __str__(self) -> str:
        return f"{self.list_id}: from row {self.first_row}"
