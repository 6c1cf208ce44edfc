import json
from hashlib import blake2b
from itertools import count

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

    @property
    def seal(self) -> str:
        """Names what it is called and asks: two that differ have two seals."""
        said = json.dumps([self.name, self.rules], sort_keys=True, ensure_ascii=False)
        return blake2b(said.encode(), digest_size=12).hexdigest()

    def free_name(self, name: str) -> str:
        """A name close to this one that no audience of the account has."""
        taken = set(Audience.objects.filter(account=self.account_id).values_list("name", flat=True))
        tries = (f"{name[:105]} (copy{'' if n == 1 else f' {n}'})" for n in count(1))
        return next(free for free in tries if free not in taken)
