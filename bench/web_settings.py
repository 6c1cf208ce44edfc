"""The product's settings, for a web process that also serves what its callbacks are measured against."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web"
# Where the product's own redirects are answered.
MIDDLEWARE = [
    *MIDDLEWARE[: MIDDLEWARE.index("campaigns.views.short_links.LeadingOnMiddleware")],  # noqa: F405
    "bench.web.UnrecordedMiddleware",
    *MIDDLEWARE[MIDDLEWARE.index("campaigns.views.short_links.LeadingOnMiddleware") :],  # noqa: F405
]
