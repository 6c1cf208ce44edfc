from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import settings_sections
        from audiences import contact_sections
        from campaigns import (  # models come first
            call_entries,
            contact_moments,
            contact_section,
            receivers,
            rule_fields,
            thread_entries,
        )
        from conversations import call_sources, timeline_sources

        receivers.connect()
        rule_fields.declare()
        contact_moments.declare()
        timeline_sources.register(thread_entries.SOURCE)
        call_sources.register(call_entries.SOURCE)
        contact_sections.register(contact_section.SECTION)
        settings_sections.register(
            "First run", "campaigns:first_run", "view", 5,
            icon="list-checks", note="From an empty account to a first small launch",
        )  # fmt: skip
        settings_sections.register(
            "Launches", "campaigns:launch_settings", "manage_compliance", 74,
            icon="rocket", note="Above how many people a launch needs a second person",
        )  # fmt: skip
        settings_sections.register(
            "Bookings", "campaigns:bookings", "manage_providers", 55,
            icon="calendar-check", note="Whether workflows ask your office or create the job",
        )  # fmt: skip
        settings_sections.register(
            "Links", "campaigns:links", "manage_providers", 58,
            icon="link", note="Short links: your domain, expiry, and what web analytics reads",
        )  # fmt: skip
        settings_sections.register(
            "Numbers", "campaigns:numbers", "manage_numbers", 60,
            icon="smartphone", note="What you text from: rate, use today, pause",
        )  # fmt: skip
