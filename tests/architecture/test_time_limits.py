"""Times that the product promises, as it keeps them: tests of its parts give themselves more."""

import subprocess
import sys

LIMITS = """
import django; django.setup()
from campaigns.walkthroughs import stage
print(stage.MOST_HELD, stage.LONGEST_SECONDS, stage._LOCK_WAIT)
"""


def test_a_walkthrough_is_in_nobodys_way_for_longer_than_adr_18_says() -> None:
    """In a process of its own, where no fixture has given it more."""
    said = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, check=True).stdout
    held, longest, waits = map(float, said.split())
    assert held * 1.5 <= 2.0, "with a quarter of that for the last statement and one for a stalled process"
    assert longest <= 10.0 and waits < 1.0
