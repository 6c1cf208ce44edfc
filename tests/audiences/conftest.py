"""Fixtures of this folder."""

from tests.sandbox_process import start_sandbox

__all__ = ["start_sandbox"]
