"""How the threads of one process take turns in Python."""

import sys

TURN_SECONDS = 0.0005
LONG_TURN_SECONDS = 0.02


def switch_often() -> None:
    """Let a thread that has its answer go on after half a millisecond, not after five.

    For a process in which one thread is always busy, an event loop say, and others ask the database for many
    small things: each answer waits for the busy one's turn to end, and Python ends it no sooner.
    """
    sys.setswitchinterval(TURN_SECONDS)


def switch_rarely() -> None:
    """Let a thread go on for twenty milliseconds where it does not wait for anything, not for five.

    For a process with many threads that all have short work to do and then wait, a web server's: who is
    interrupted in the middle of it queues again behind all others, and has them wait the longer.
    """
    sys.setswitchinterval(LONG_TURN_SECONDS)
