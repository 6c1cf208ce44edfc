"""Where providers call us. The paths are part of what is registered at them: they never change."""

from django.urls import path

from conversations import mail_webhooks, webhooks

urlpatterns = [
    path("twilio/messages/inbound", webhooks.inbound_text, name="twilio-inbound"),
    path("twilio/messages/status/<uuid:attempt>", webhooks.text_status, name="twilio-status"),
    path("sendgrid/events", mail_webhooks.events, name="sendgrid-events"),
    path("sendgrid/inbound", mail_webhooks.inbound_email, name="sendgrid-inbound"),
]
