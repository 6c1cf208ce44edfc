from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put this app's sections into Settings, and note sign-ins."""
        from accounts import receivers, settings_sections  # models are not loaded before this

        receivers.connect()
        settings_sections.register_own()
