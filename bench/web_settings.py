"""The product's settings, for a web process that also serves what its callbacks are measured against."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web"
