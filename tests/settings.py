"""The product's settings, with a data folder that belongs to this test session alone.

Loaded before any conftest. Workers of a parallel run inherit the folder through the environment.
"""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
os.environ["TRUCKROLL_TESTING"] = "1"
os.environ.setdefault("TRUCKROLL_TEST_DATA", str(_ROOT / ".test-data" / str(os.getpid())))
os.environ["TRUCKROLL_DATA"] = os.environ["TRUCKROLL_TEST_DATA"]
for _name in list(os.environ):
    if _name.startswith(("TWILIO_", "SENDGRID_", "SERVICETITAN_", "TRUCKROLL_NOW", "PUBLIC_URL", "PORT")):
        del os.environ[_name]  # no test may ever reach a real provider

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # signing in happens in most tests
