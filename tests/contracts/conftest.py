"""A sandbox for the whole module: contract tests do not disturb each other."""

from collections.abc import Iterator

import pytest

from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import sink

__all__ = ["contract_sandbox", "sink"]


@pytest.fixture(scope="module")
def contract_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox with a small demo tenant and silent customers, fast."""
    options = ("--demo", "--demo-customers", "120", "--customers", "silent")
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox"), options=options, speed=600)
    yield process
    process.close()
