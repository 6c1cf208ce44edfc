from django.db import models


class Canary(models.Model):
    """The few who go first in one occurrence of a campaign; the others enter once it is `opened_at`."""

    intake = models.OneToOneField("campaigns.Intake", on_delete=models.CASCADE, related_name="canary")
    people = models.PositiveIntegerField(help_text="Who entered first")
    among = models.PositiveIntegerField(help_text="Who would have entered then, they included")
    rest_at = models.DateTimeField(
        null=True, blank=True, help_text="The others’ turn; blank until the first ones have had theirs"
    )
    opened_at = models.DateTimeField(null=True, blank=True, help_text="From then on the others enter")
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="Why it paused the campaign")

    account_path = "intake__campaign__account"

    def __str__(self) -> str:
        return f"{self.people} of {self.among} of {self.intake_id}"
