"""ReportChunk: a piece of a report's file, in the database, where every machine of a deployment finds it."""

from collections.abc import Iterator

from django.db import models
from django.db.models import Q


class ReportChunkQuerySet(models.QuerySet["ReportChunk"]):
    """Reading files back."""

    def content(self, report_id: int, form: str) -> Iterator[bytes]:
        """The pieces of one file in their order, one at a time."""
        mine = self.filter(report_id=report_id, form=form).order_by("position")
        for key in list(mine.values_list("pk", flat=True)):
            yield bytes(self.values_list("content", flat=True).get(pk=key))


class ReportChunk(models.Model):
    """At most 512 kB of the PDF or the CSV file of a report."""

    class Form(models.TextChoices):
        PDF = "pdf", "PDF"
        CSV = "csv", "CSV"

    report = models.ForeignKey("analytics.ComplianceReport", on_delete=models.CASCADE, related_name="chunks")
    form = models.CharField(max_length=3, choices=Form)
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    objects = ReportChunkQuerySet.as_manager()
    account_path = "report__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "form", "position"], name="report_chunk_position"),
            models.CheckConstraint(condition=Q(form__in=["pdf", "csv"]), name="report_chunk_form"),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.form} {self.position}"
