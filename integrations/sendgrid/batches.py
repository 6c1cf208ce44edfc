"""A letter to many, of whom one may be refused: everybody else's leaves all the same.

SendGrid takes a request whole or not at all. A refusal proves that nobody in it was mailed, so the same
people may be asked for again in smaller requests, until whoever it was about is refused alone. All that
happens while the claim is young; who is left over then goes back to the queue, and comes again in smaller
requests.
"""

from collections import deque
from collections.abc import Sequence

from integrations.messaging import IN_PARTS, DeliveryState, Letter, ProviderError, Receipt, Recipient, Remedy
from integrations.sendgrid import errors
from integrations.sendgrid.client import EmailClient
from integrations.sendgrid.request import may_exist, provider_id

End = tuple[Recipient, Receipt | ProviderError]


async def hand_over(
    client: EmailClient, letter: Letter, people: Sequence[Recipient], *, not_after: float
) -> list[End]:
    """Hand a letter over for at most 1,000 people; how it ended for each of them.

    `not_after` is monotonic: no request begins after it. Raises nothing of the provider's.
    """
    possible, ends = list[Recipient](), list[End]()
    for one in people:
        if may_exist(one.to):
            possible.append(one)
        else:
            ends.append((one, errors.no_mailbox()))
    waiting = deque([possible] if possible else [])
    divided = False
    while waiting:
        part = waiting.popleft()
        try:
            message_id = await client.send(letter, part, not_after=not_after)
        except errors.Refused as refused:
            if refused.may_divide and len(part) > 1:
                divided = True
                waiting.extendleft(reversed(_parts(part, refused.places)))
            elif refused.permanent:
                ends += [(one, refused) for one in part]
            else:  # too fast: nobody else is asked for now
                ends += [(one, refused) for one in [*part, *_all(waiting)]]
                waiting.clear()
        except ProviderError as error:
            told = _in_parts() if divided and error.accepted == "no" else error
            ends += [(one, told) for one in part]
        else:
            ends += [(one, _receipt(message_id, one)) for one in part]
    return ends


def _parts(part: list[Recipient], places: frozenset[int]) -> list[list[Recipient]]:
    """A refused request in smaller ones: whom SendGrid named alone, the others together; else halves."""
    named = [part[place] for place in sorted(places) if place < len(part)]
    if named and len(named) < len(part):
        others = [one for place, one in enumerate(part) if place not in places]
        return [others, *([one] for one in named)]
    middle = len(part) // 2
    return [part[:middle], part[middle:]]


def _all(parts: deque[list[Recipient]]) -> list[Recipient]:
    return [one for part in parts for one in part]


def _receipt(message_id: str, one: Recipient) -> Receipt:
    return Receipt(provider_id(message_id, one.attempt_id), "202", DeliveryState.ACCEPTED, segments=0)


def _in_parts() -> ProviderError:
    return ProviderError(
        "Not sent yet: its request was refused because of somebody else in it",
        permanent=False, accepted="no", code=IN_PARTS, remedy=Remedy.RETRY_LATER,
    )  # fmt: skip
