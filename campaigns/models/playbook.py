from django.db import models


class Playbook(models.Model):
    """A named group of campaigns. An archived one is offered to no launch; its campaigns go on."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="playbooks")
    name = models.CharField(max_length=120)
    position = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Among the account’s, then by name"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="playbook_name")]

    def __str__(self) -> str:
        return self.name
