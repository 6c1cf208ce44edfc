from django.db import models


class DoNotCallPart(models.Model):
    """A piece of an uploaded list that is still to be read: whole rows, about a megabyte of them."""

    list = models.ForeignKey("audiences.DoNotCallList", on_delete=models.CASCADE, related_name="parts")
    first_row = models.PositiveIntegerField(help_text="The number of its first row in the file")
    rows = models.PositiveIntegerField()
    text = models.TextField()

    account_path = "list__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "first_row"], name="do_not_call_part_place")]

    def __str__(self) -> str:
        return f"{self.list_id}: from row {self.first_row}"
