from django.db import models


class Retry(models.Model):
    """A step that is another try of what failed there: it leads nowhere, the passage went on without it."""

    # No foreign key in the database: old steps are deleted in slices, and what is left here says nothing.
    step = models.OneToOneField(
        "campaigns.Step", on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )

    account_path = "step__campaign__account"

    def __str__(self) -> str:
        return str(self.step_id)
