from django.db import models
from django.db.models import Q

from common import clock


class Audience(models.Model):
    """A saved set of contacts. `rules` is read by `segments.py`, the only place that gives it meaning."""

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic"
        STATIC = "static"

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="audiences")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.DYNAMIC)
    rules = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="audience_name"),
            models.CheckConstraint(condition=Q(kind__in=["dynamic", "static"]), name="audience_kind"),
        ]

    def __str__(self) -> str:
        return self.name
