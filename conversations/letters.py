"""Claimed emails as requests: those of one sender and one shell leave together, each with what is its own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conversations.candidates import Claim, EmailPart
from conversations.emails import shells
from conversations.emails.shells import Shell
from integrations.messaging import Letter, Recipient
from integrations.sendgrid.request import MOST_RECIPIENTS

_LONGEST_NAME = 100
_MESSAGE_ID = re.compile(r"<[!-~]{1,250}>")  # as a header may hold it; customers' programs write anything
_NOT_OF_NAMES = re.compile(r"[,;<>\"\x00-\x1f]+")  # SendGrid refuses a request for one of the first two


@dataclass(frozen=True, slots=True)
class Request:
    """Claims that leave together, and what is said to the provider of each, in the same order."""

    connection_id: int
    letter: Letter
    claims: list[Claim]
    people: list[Recipient]


def requests(claims: Sequence[Claim]) -> list[Request]:
    """These emails in as few requests as they fit. An email with more words of its own than the provider
    fills in goes alone, filled by us; those of a request that was refused go with half as many others."""
    together: dict[tuple[object, ...], list[Claim]] = {}
    alone = list[Claim]()
    for claim in claims:
        email = _part(claim)
        if email.shell is None or shells.size(email.slots) > shells.LARGEST_SLOTS:
            alone.append(claim)
            continue
        sender = (claim.connection_id, claim.from_, claim.from_name, email.reply_to)
        together.setdefault((*sender, email.shell, email.divisions), []).append(claim)
    made = [_request(part) for group in together.values() for part in _in_reach(group)]
    return made + [_filled(claim) for claim in alone]


def _in_reach(group: list[Claim]) -> Iterator[list[Claim]]:
    most = max(1, MOST_RECIPIENTS >> _part(group[0]).divisions)
    return (group[begin : begin + most] for begin in range(0, len(group), most))


def _request(claims: list[Claim]) -> Request:
    first, email = claims[0], _part(claims[0])
    assert email.shell is not None
    letter = Letter(
        from_=first.from_,
        from_name=first.from_name,
        text=email.shell.text,
        html=email.shell.html,
        reply_to=email.reply_to,
    )
    people = [_person(claim, shells.substitutions(_part(claim).slots)) for claim in claims]
    return Request(first.connection_id, letter, claims, people)


def _filled(claim: Claim) -> Request:
    """One email whose words are all in the letter."""
    email = _part(claim)
    text, html = claim.body, ""
    if isinstance(email.shell, Shell):
        _, html, text = shells.whole(email.shell, email.slots)
    letter = Letter(
        from_=claim.from_, from_name=claim.from_name, text=text, html=html, reply_to=email.reply_to
    )
    return Request(claim.connection_id, letter, [claim], [_person(claim, {})])


def _person(claim: Claim, values: dict[str, str]) -> Recipient:
    email = _part(claim)
    return Recipient(
        attempt_id=claim.attempt_id,
        to=claim.to,
        subject=claim.subject or "",
        to_name=_name(email.to_name),
        values=values,
        unsubscribe_url=email.unsubscribe_url,
        in_reply_to=email.in_reply_to if _MESSAGE_ID.fullmatch(email.in_reply_to) else "",
    )


def _name(name: str) -> str:
    """A name as it may stand in a header."""
    return " ".join(_NOT_OF_NAMES.sub(" ", name).split())[:_LONGEST_NAME]


def _part(claim: Claim) -> EmailPart:
    assert claim.email is not None
    return claim.email
