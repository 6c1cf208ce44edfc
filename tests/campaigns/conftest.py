"""The contractor wired to a sandbox, as conversations' tests have it; an account that can launch."""

from tests.campaigns.launch_form import ready  # noqa: F401  (fixture)
from tests.conversations.conftest import company  # noqa: F401  (fixtures)
from tests.sandbox_process import sandbox  # noqa: F401  (fixture)
