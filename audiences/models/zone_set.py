from django.contrib.postgres.fields import ArrayField
from django.db import models


class ZoneSet(models.Model):
    """The candidate time zones and state rules of a contact; contacts with the same ones share a row.

    Openings are computed per zone set, so that engine and sender compare instants only.
    """

    key = models.CharField(max_length=200, unique=True)
    zones = ArrayField(models.CharField(max_length=64))
    states = ArrayField(models.CharField(max_length=2), default=list)

    def __str__(self) -> str:
        return self.key
