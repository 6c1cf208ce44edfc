"""The contractor wired to a sandbox, as conversations' tests have it; an account that can launch."""

from collections.abc import Iterator

import pytest

from tests.campaigns.launch_form import ready  # noqa: F401  (fixture)
from tests.conversations.conftest import company  # noqa: F401  (fixtures)
from tests.sandbox_process import sandbox  # noqa: F401  (fixture)


@pytest.fixture(scope="session", autouse=True)
def unhurried_walkthroughs() -> Iterator[None]:
    """A walkthrough may take as long as it takes where tests share a slow machine."""
    from campaigns.walkthroughs import stage  # models are ready only once tests run

    usual = stage.LONGEST_SECONDS, stage.MOST_HELD
    stage.LONGEST_SECONDS = stage.MOST_HELD = 120.0
    yield
    stage.LONGEST_SECONDS, stage.MOST_HELD = usual
