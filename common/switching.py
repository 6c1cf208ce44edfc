"""How the threads of one process take turns in Python."""

import sys

TURN_SECONDS = 0.0005


def switch_often() -> None:
    """Let a thread that has its answer go on after half a millisecond, not after five.

    For a process in which one thread is always busy, an event loop say, and others ask the database for many
    small things: each answer waits for the busy one's turn to end, and Python ends it no sooner.
    """
    sys.setswitchinterval(TURN_SECONDS)
