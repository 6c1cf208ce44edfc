"""Upkeep of the raw inbox. May be rung at any time, twice, or not at all."""

from celery import shared_task

from common import clock
from integrations.models import ProviderEvent


@shared_task
def keep_partitions() -> None:
    """Make the inbox's partitions for the months around the product's present one."""
    ProviderEvent.objects.ensure_partitions(clock.now())
