from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import settings_sections  # models are not loaded before this

        settings_sections.register(
            "Connections", "audiences:connections", "manage_providers", 50,
            icon="plug", note="ServiceTitan and Twilio, and how far your data is mirrored",
        )  # fmt: skip
        settings_sections.register(
            "Consent", "audiences:consent", "view", 70,
            icon="shield", note="On what ground your customers may be texted",
        )  # fmt: skip
