from django.db import models


class JobTag(models.Model):
    """A tag on a job, as ServiceTitan has it."""

    job = models.ForeignKey("audiences.Job", on_delete=models.CASCADE, db_index=False)
    tag = models.ForeignKey("audiences.Tag", on_delete=models.CASCADE)

    account_path = "job__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "tag"], name="job_tag_unique")]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.tag_id}"
