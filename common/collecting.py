"""Python's garbage collector in processes that live long and make many short-lived objects."""

import gc

YOUNG_OBJECTS = 10_000
YOUNG_ROUNDS, MIDDLE_ROUNDS = 20, 50


def collect_rarely() -> None:
    """Look for garbage less often, and never again among what exists now: modules, models, settings.

    For a process that has just begun to work. Reference counts free nearly all that a batch or a call
    makes; by its defaults Python looks for cycles after every 700 objects, and a sender spent a third of
    its processor time in that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, MIDDLE_ROUNDS)
