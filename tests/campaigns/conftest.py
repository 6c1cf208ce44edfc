"""The contractor wired to a sandbox, as conversations' tests have it."""

from tests.conversations.conftest import company  # noqa: F401  (fixtures)
from tests.sandbox_process import sandbox  # noqa: F401  (fixture)
