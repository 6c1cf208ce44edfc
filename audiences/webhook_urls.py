"""Where ServiceTitan tells us of changes."""

from django.urls import path

from audiences import webhooks

urlpatterns = [path("servicetitan", webhooks.servicetitan, name="servicetitan-webhook")]
