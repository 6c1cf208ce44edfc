"""Where providers call us. The paths are part of what is registered at them: they never change."""

from django.urls import path

from conversations import webhooks

urlpatterns = [
    path("twilio/messages/inbound", webhooks.inbound_text, name="twilio-inbound"),
    path("twilio/messages/status/<uuid:attempt>", webhooks.text_status, name="twilio-status"),
]
