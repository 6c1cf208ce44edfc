"""Every address of the product: each app brings its own list."""

from django.urls import URLPattern, URLResolver, include, path

from accounts.views.styleguide import styleguide
from config import health, metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/", include("conversations.webhook_urls")),  # first: callbacks come by the thousand
    path("l/", include("campaigns.link_urls")),
    path("webhooks/", include("audiences.webhook_urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("styleguide/", styleguide, name="styleguide"),
    path("", include("analytics.urls")),
    path("", include("accounts.urls")),
    path("", include("audiences.urls")),
    path("", include("conversations.urls")),
    path("", include("conversations.queue_urls")),
    path("", include("campaigns.urls")),
]

handler403 = "accounts.views.errors.forbidden"
handler404 = "accounts.views.errors.not_found"
handler500 = "accounts.views.errors.broken"
