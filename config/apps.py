from django.apps import AppConfig


class RunningConfig(AppConfig):
    """The composition of the product; makes `shared_task` use our Celery application in every process."""

    name = "config"

    def ready(self) -> None:
        """Import the Celery application once Django's apps are there."""
        from config import alive, celery  # noqa: F401

        alive.leave_marks()
