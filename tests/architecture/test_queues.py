"""Every task has a queue, and every queue and ring is one that exists."""

from celery.beat import Scheduler

from config.celery import QUEUE_OF, QUEUES, RINGS, app


def test_every_task_names_its_queue() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith(("celery.", "bench."))}
    assert ours == set(QUEUE_OF)
    assert set(QUEUE_OF.values()) <= set(QUEUES)


def test_every_ring_comes_as_beat_starts() -> None:
    """Beat forgets its schedule; hourly work must not wait for a run of an hour."""
    schedule = Scheduler(app).schedule
    assert {name for name in RINGS if not schedule[name].is_due().is_due} == set()
    again = next(schedule["openings"])
    assert not again.is_due().is_due


def test_every_ring_expires_and_rings_a_task_that_exists() -> None:
    for name, ring in RINGS.items():
        assert ring["task"] in QUEUE_OF, name
        assert ring["options"]["expires"] <= max(ring["schedule"], 2), name
