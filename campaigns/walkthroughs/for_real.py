"""Sending what a walkthrough showed to oneself: as tests, by the doors and limits that all tests have.

A text leaves with its links as they were written, for the short addresses of a walkthrough lead nowhere.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.models import User
from campaigns import drawing, said, trials, units
from campaigns.drawing import DrawnNode
from campaigns.models import Walkthrough
from campaigns.walkthroughs import scene
from common.phone import display_phone
from conversations import footers, rendering, trial_texts
from conversations.trial_texts import TrialRefused

MOST = 10
"""Messages that one press sends."""


@dataclass
class Sent:
    """What became of each message that was asked for: its name and where it went, or why it did not."""

    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """For whoever pressed the button."""
        parts = [f"On the way, marked as tests: {', '.join(self.sent)}."] if self.sent else []
        return " ".join([*parts, *dict.fromkeys(self.refused)]) or "There was nothing to send."


def messages(walk: Walkthrough) -> list[tuple[int, Mapping[str, Any]]]:
    """The workflow's own texts and emails that the walkthrough has come to, with the numbers of their
    events."""
    events = walk.shown.get("events", [])
    return [
        (number, event)
        for number, event in enumerate(events)
        if event["kind"] in ("text", "email") and event.get("node")
    ]


def send(
    walk: Walkthrough, chosen: Sequence[int], *, phone: str, by: User, token: uuid.UUID, now: datetime
) -> Sent:
    """Send these messages, by the numbers of their events, to this phone (E.164, "" for none) and to the
    mailbox of whoever asks. The same token twice sends nothing twice."""
    done = Sent()
    nodes = drawing.read(walk.graph).by_key
    found = [(n, event) for n, event in messages(walk) if n in set(chosen)]
    for number, event in found[:MOST]:
        node = nodes.get(str(event["node"]))
        if node is None:
            continue
        once = uuid.uuid5(token, f"{number} {phone}")
        try:
            if event["kind"] == "text":
                _text(walk, node, event, phone, by, once, now)
                done.sent.append(f"“{node.name}” to {display_phone(phone)}")
            else:
                _email(walk, node, event, by, once, now)
                done.sent.append(f"“{node.name}” to {by.email}")
        except TrialRefused as refused:
            done.refused.append(str(refused))
    if len(found) > MOST:
        done.refused.append(f"Not sent: {len(found) - MOST} more. At most {MOST} go at once.")
    return done


def _text(
    walk: Walkthrough, node: DrawnNode, event: Mapping[str, Any], phone: str, by: User, once: uuid.UUID,
    now: datetime,
) -> None:  # fmt: skip
    if not phone:
        raise TrialRefused("No text was sent: write your phone, with its area code.")
    number = scene.number_of(walk.account)
    if number is None:
        raise TrialRefused("No text was sent: the account has no number in use.")
    known, speaks = event["known"], str(event["language"])
    wordings = said.wordings(node.settings)
    language = speaks if speaks in wordings else "en"
    body = rendering.render(wordings[language].body, known, language)
    line = footers.wording(walk.account).line(speaks)
    if str(event["body"]).endswith(line) and not body.endswith(line):
        body = footers.with_footer(body, line)
    trial_texts.send_words(walk.account, body, number=number, phone=phone, by=by, token=once, now=now)


def _email(
    walk: Walkthrough, node: DrawnNode, event: Mapping[str, Any], by: User, once: uuid.UUID, now: datetime
) -> None:
    language = str(event["language"])
    language = language if language in said.wordings(node.settings) else "en"
    trials.email(
        walk.account, node.settings, language, event["known"], by=by, token=once, now=now,
        mailbox=units.mailbox(walk.account_id), mark=trial_texts.MARK,
    )  # fmt: skip
