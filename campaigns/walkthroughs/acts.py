"""What somebody may do in a walkthrough, as forms send it and as it is kept."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from conversations.models import PlannedCall
from conversations.threads import MAX_BODY

Act: TypeAlias = dict[str, Any]
MOST = 200
NEXT, REFUSE, REPLY, MAIL = "next", "refuse", "reply", "mail"
CLICK, LEAVE, BOOK = "click", "leave", "book"
ANSWER, KEY, TRANSFER, HANG_UP, OUTCOME = "answer", "key", "transfer", "hang_up", "outcome"
MADE, DISMISSED = "made", "dismissed"

PICKS_UP, VOICEMAIL, NO_ANSWER, BUSY = "picks_up", "voicemail", "no_answer", "busy"
ANSWERS = {
    PICKS_UP: "Picks up", VOICEMAIL: "Voicemail", NO_ANSWER: "Does not answer", BUSY: "Is busy",
}  # fmt: skip
"""What becomes of a scripted call."""
KEYS = ("1", "2", "9", "5")
"""The keys with a meaning, and one that has none."""


class Unreadable(Exception):
    """What was sent is no act."""


def read(posted: Mapping[str, str]) -> Act:
    """The act that a form asks for. Raises Unreadable."""
    do = posted.get("do", "")
    if do not in _READ:
        raise Unreadable("There is no such act.")
    return {"do": do, **_READ[do](posted)}


def _bare(posted: Mapping[str, str]) -> Act:
    return {}


def _words(posted: Mapping[str, str]) -> Act:
    words = posted.get("words", "").replace("\0", "").strip()
    if not words:
        raise Unreadable("Write what the customer answers. Nothing was done.")
    if len(words) > MAX_BODY:
        raise Unreadable(f"An answer has at most {MAX_BODY:,} characters here. Nothing was done.")
    return {"words": words}


def _number(posted: Mapping[str, str]) -> Act:
    typed = posted.get("n", "")
    if not (typed.isascii() and typed.isdigit() and len(typed) < 6):
        raise Unreadable("There is no such link.")
    return {"n": int(typed)}


def _one_of(name: str, known: tuple[str, ...]) -> Callable[[Mapping[str, str]], Act]:
    def read_one(posted: Mapping[str, str]) -> Act:
        if posted.get(name) not in known:
            raise Unreadable("Choose one of the answers.")
        return {name: posted[name]}

    return read_one


_READ: dict[str, Callable[[Mapping[str, str]], Act]] = {
    NEXT: _bare, REFUSE: _bare, REPLY: _words, MAIL: _words, CLICK: _number, LEAVE: _bare, BOOK: _bare,
    ANSWER: _one_of("how", tuple(ANSWERS)), KEY: _one_of("key", KEYS),
    TRANSFER: _one_of("taken", ("yes", "no")), HANG_UP: _bare,
    OUTCOME: _one_of("outcome", tuple(PlannedCall.Outcome.values)), MADE: _bare, DISMISSED: _bare,
}  # fmt: skip
