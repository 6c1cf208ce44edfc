from django.db import models


class Playbook(models.Model):
    """A named group of campaigns."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="playbooks")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="playbook_name")]

    def __str__(self) -> str:
        return self.name
