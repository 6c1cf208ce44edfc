"""Where providers call us. The paths are part of what is registered at them: they never change."""

from django.urls import path

from conversations import call_webhooks, mail_webhooks, webhooks

urlpatterns = [
    path("twilio/messages/inbound", webhooks.inbound_text, name="twilio-inbound"),
    path("twilio/messages/status/<uuid:attempt>", webhooks.text_status, name="twilio-status"),
    path("twilio/calls/answer/<uuid:attempt>", call_webhooks.answer, name="twilio-call-answer"),
    path("twilio/calls/key/<uuid:attempt>", call_webhooks.key, name="twilio-call-key"),
    path("twilio/calls/dialed/<uuid:attempt>", call_webhooks.dialed, name="twilio-call-dialed"),
    path("twilio/calls/leg/<uuid:attempt>", call_webhooks.leg, name="twilio-call-leg"),
    path("twilio/calls/screen/<uuid:attempt>", call_webhooks.screen, name="twilio-call-screen"),
    path("twilio/calls/notice/<uuid:attempt>", call_webhooks.notice, name="twilio-call-notice"),
    path("twilio/calls/amd/<uuid:attempt>", call_webhooks.machine, name="twilio-call-amd"),
    path("twilio/calls/voicemail/<uuid:attempt>", call_webhooks.voicemail, name="twilio-call-voicemail"),
    path("twilio/calls/recording/<uuid:attempt>", call_webhooks.recording, name="twilio-call-recording"),
    path("twilio/calls/inbound", call_webhooks.inbound_call, name="twilio-call-inbound"),
    path("twilio/calls/inbound/status", call_webhooks.inbound_status, name="twilio-call-inbound-status"),
    path(
        "twilio/calls/inbound/ring/<uuid:attempt>", call_webhooks.inbound_ring,
        name="twilio-call-inbound-ring",
    ),
    path(
        "twilio/calls/inbound/key/<uuid:attempt>", call_webhooks.inbound_key, name="twilio-call-inbound-key"
    ),
    path(
        "twilio/calls/inbound/dialed/<uuid:attempt>", call_webhooks.inbound_dialed,
        name="twilio-call-inbound-dialed",
    ),
    path(
        "twilio/calls/inbound/message/<uuid:attempt>", call_webhooks.inbound_message,
        name="twilio-call-inbound-message",
    ),
    path("twilio/calls/status/<uuid:attempt>", webhooks.call_status, name="twilio-call-status"),
    path("sendgrid/events", mail_webhooks.events, name="sendgrid-events"),
    path("sendgrid/inbound", mail_webhooks.inbound_email, name="sendgrid-inbound"),
]  # fmt: skip
