"""Fixtures of the sandbox's own tests."""

from tests.sandbox_process import sandbox, start_sandbox
from tests.webhook_sink import sink

__all__ = ["sandbox", "sink", "start_sandbox"]
