from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import receivers, thread_entries  # models are not loaded before this
        from conversations import timeline_sources

        receivers.connect()
        timeline_sources.register(thread_entries.SOURCE)
