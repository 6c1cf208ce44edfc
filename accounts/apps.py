from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put this app's sections into Settings."""
        from accounts import settings_sections

        settings_sections.register_own()
