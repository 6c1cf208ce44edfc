from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear of new jobs and bookings, to credit them; tell threads of the credit."""
        from accounts import settings_sections
        from analytics import attribution, call_lists, contact_moments, list_figures, thread_entries
        from analytics.downloads import lists, people
        from analytics.sending import source
        from audiences.signals import job_papers_changed, jobs_changed, threads_to_merge
        from campaigns import figures
        from campaigns.signals import job_booked
        from conversations import timeline_sources

        settings_sections.register(
            "Compliance reports", "analytics:reports", "manage_compliance", 80,
            icon="file-text", note="Opt-outs and consent as an attorney reads them, as PDF and CSV",
        )  # fmt: skip
        settings_sections.register(
            "Recounts", "analytics:recounts", "manage_account", 85,
            icon="list-checks", note="Every counter against the rows it counts, each night and on demand",
        )  # fmt: skip
        job_booked.connect(attribution.on_job_booked, dispatch_uid="analytics.credit")
        jobs_changed.connect(attribution.on_jobs_changed, dispatch_uid="analytics.credit")
        threads_to_merge.connect(attribution.on_contacts_merged, dispatch_uid="analytics.credit")
        job_papers_changed.connect(attribution.on_job_papers_changed, dispatch_uid="analytics.credit")
        timeline_sources.register(thread_entries.SOURCE)
        contact_moments.declare()
        figures.register(list_figures.of)
        lists.declare()
        people.declare()
        call_lists.declare()
        source.declare()
