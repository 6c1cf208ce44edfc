"""A worker's view of the product's Celery application, with two tasks that only tests ring."""

import os

import django
import redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from common import loops  # noqa: E402
from config.celery import app  # noqa: E402


def note(text: str) -> None:
    """Leave a word for the test."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.rpush("notes", text)


@app.task(name="probe.loop", queue="engine")
def loop() -> None:
    """Loop as the engine does, and say how it ended."""
    note("began")
    for _ in loops.loop_until(20):
        loops.nap(5)
    note("told to stop" if loops.should_stop() else "time over")


@app.task(name="probe.query", queue="engine")
def query() -> None:
    """One query over the worker's reused connection."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        note(f"backend {cursor.fetchone()[0]}")
