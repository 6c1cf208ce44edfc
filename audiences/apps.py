from django.apps import AppConfig


class AudiencesConfig(AppConfig):
    name = "audiences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import sealing, settings_sections  # models are not loaded before this
        from audiences import (
            checks,  # noqa: F401  (registers itself)
            contact_moments,
        )
        from audiences.models import Consent, ConsentBasis, OptOut
        from audiences.rules import mirror_fields, sales_fields

        sales_fields.declare()
        mirror_fields.declare()
        contact_moments.declare()

        sealing.register(OptOut, but=("lifted_at", "lifted_evidence", "lifted_provider_id", "lifted_by"))
        sealing.register(ConsentBasis)
        sealing.register(Consent, but=("ended_at", "ended_why"))

        settings_sections.register(
            "Connections", "audiences:connections", "manage_providers", 50,
            icon="plug", note="ServiceTitan and Twilio, and how far your data is mirrored",
        )  # fmt: skip
        settings_sections.register(
            "Consent basis", "audiences:consent", "view", 70,
            icon="shield", note="On what ground the company texts its customers at all: declared once",
        )  # fmt: skip
        settings_sections.register(
            "Limits & consents", "audiences:limits", "view", 72,
            icon="shield-check", note="How often one home is touched, and which people agreed to what",
        )  # fmt: skip
        settings_sections.register(
            "Do-not-call lists", "audiences:do_not_call", "view", 74,
            icon="phone-off", note="Phones that nothing automatic reaches unasked",
        )  # fmt: skip
