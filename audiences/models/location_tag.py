from django.db import models


class LocationTag(models.Model):
    """A tag on a service location, as ServiceTitan has it."""

    location = models.ForeignKey("audiences.Location", on_delete=models.CASCADE, db_index=False)
    tag = models.ForeignKey("audiences.Tag", on_delete=models.CASCADE)

    account_path = "location__account"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["location", "tag"], name="location_tag_unique")]

    def __str__(self) -> str:
        return f"{self.location_id}: {self.tag_id}"
