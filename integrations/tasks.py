"""Upkeep of the raw inbox. May be rung at any time, twice, or not at all."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from common import clock
from integrations.models import ProviderEvent

SHORTEST_DAYS = 62  # duplicates are sought in the month before


@shared_task
def keep_partitions() -> None:
    """Make the inbox's partitions for the months around the present one, and drop those that are too old."""
    now = clock.now()
    ProviderEvent.objects.ensure_partitions(now)
    if (days := settings.EVENT_RETENTION_DAYS) > 0:
        ProviderEvent.objects.drop_partitions(now - timedelta(days=max(days, SHORTEST_DAYS)))
