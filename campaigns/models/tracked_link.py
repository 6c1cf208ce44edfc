from django.db import models

from common import clock


class TrackedLink(models.Model):
    """One destination that a campaign's node sends people to, whatever version its words are of.

    `destination` is a template: merge fields in it are filled per person when the message is queued. A trap
    is a link that no person can see; whatever follows it is a machine.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="links")
    node_key = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField(help_text="Among the links of its words, as first seen")
    url = models.TextField(help_text="As written")
    destination = models.TextField(help_text="With what the account adds for its web analytics")
    digest = models.CharField(max_length=32, help_text="Of the destination")
    trap = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=clock.now)

    account_path = "campaign__account"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "node_key", "digest"], name="tracked_link_destination"
            )
        ]

    def __str__(self) -> str:
        return self.url
