from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import settings_sections
        from campaigns import receivers, thread_entries  # models are not loaded before this
        from conversations import timeline_sources

        receivers.connect()
        timeline_sources.register(thread_entries.SOURCE)
        settings_sections.register(
            "First run", "campaigns:first_run", "view", 5,
            icon="list-checks", note="From an empty account to a first small launch",
        )  # fmt: skip
        settings_sections.register(
            "Numbers", "campaigns:numbers", "manage_numbers", 60,
            icon="smartphone", note="What you text from: rate, use today, pause",
        )  # fmt: skip
