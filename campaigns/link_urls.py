"""What customers tap on. The paths stand in texts that were sent: they never change."""

from django.urls import path

from campaigns.views import short_links

urlpatterns = [
    path("proof/<slug:challenge>/", short_links.proof, name="short-link-proof"),
    path("<str:code>", short_links.follow, name="short-link"),
]
