"""Telling the stories of a Hypothesis state machine against the real database.

`TRUCKROLL_STORIES` tells so many instead of the few that every run of the tests can afford;
`TRUCKROLL_STORIES_SHRINK=0` spares the look for the shortest one that fails.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

LENGTH = 30  # steps of a story, unless it says otherwise
ATTEMPTS = 3  # a machine that stalls for seconds lets a real lock or pace come in between


def tell_stories(
    machine: type[RuleBasedStateMachine], few: int, *, same: bool = False, length: int = LENGTH
) -> bool:
    """Tell them all; whether an attempt came to its end with no promise broken, which raises.

    `same`: these few are the same in every run, and only a longer telling looks for others.
    """
    stories = int(os.environ.get("TRUCKROLL_STORIES", few))
    shrinks = os.environ.get("TRUCKROLL_STORIES_SHRINK", "1") == "1"
    for _ in range(ATTEMPTS):
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=stories, stateful_step_count=length, deadline=None,
                    derandomize=same and stories <= few,
                    suppress_health_check=list(HealthCheck), print_blob=True, database=None,
                    phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
                ),
            )  # fmt: skip
        except FlakyStrategyDefinition:  # the same choices led elsewhere: that says nothing of a promise
            continue
        return True
    return False
