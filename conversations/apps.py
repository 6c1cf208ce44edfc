from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import sealing, settings_sections  # models are not loaded before this
        from audiences import contact_sections
        from audiences.signals import contacts_merged, threads_to_merge
        from conversations import contact_moments, contact_section, merging, rule_fields
        from conversations.models import ReadingCorrection

        sealing.register(ReadingCorrection)
        contacts_merged.connect(merging.on_merged, dispatch_uid="conversations")
        threads_to_merge.connect(merging.on_threads_to_merge, dispatch_uid="conversations")
        rule_fields.declare()
        contact_moments.declare()
        contact_sections.register(contact_section.SECTION)
        settings_sections.register(
            "Hours", "conversations:hours", "view", 55,
            icon="clock", note="When campaigns may text, when your office is open, and the law by state",
        )  # fmt: skip
        settings_sections.register(
            "Opt-outs", "conversations:opt_outs", "view", 65,
            icon="ban", note="Import the people who asked to be left alone",
        )  # fmt: skip
        settings_sections.register(
            "Email look", "conversations:brand", "view", 61,
            icon="mail", note="Your colour and phone in every email, and the designs",
        )  # fmt: skip
        settings_sections.register(
            "Sending problems", "conversations:senders", "view", 63,
            icon="triangle-alert", note="Senders that paused themselves, their limits, and what codes mean",
        )  # fmt: skip
        settings_sections.register(
            "Calls", "conversations:calling", "view", 56,
            icon="phone", note="Who takes customers’ calls, how scripts call, and recording",
        )  # fmt: skip
        settings_sections.register(
            "Costs", "conversations:costs", "view", 64,
            icon="circle-dollar-sign", note="What texts, emails and calls cost, for estimates and figures",
        )  # fmt: skip
        settings_sections.register(
            "Sending", "conversations:sending", "view", 62,
            icon="send", note="Pause everything, and the opt-out line of first texts",
        )  # fmt: skip
