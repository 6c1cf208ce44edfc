"""What the page of a walkthrough shows: its transcript, the path on the diagram, and what can be done."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns import drawing, editor_page
from campaigns.drawing import Drawing
from campaigns.editor_page import Picture
from campaigns.models import Walkthrough
from campaigns.walkthroughs import for_real
from common.phone import display_phone
from common.spoken import LANGUAGES


@dataclass(frozen=True)
class Moment:
    """One event of the transcript: what it holds, when it is where the contact lives, and its step."""

    number: int
    event: dict[str, Any]
    day: str  # set where a new day begins
    time: str
    until: str = ""
    step: str = ""  # the name of the step that it belongs to

    @property
    def to(self) -> str:
        """Where it goes, as people write it."""
        return _address(str(self.event.get("to", "")))


@dataclass(frozen=True)
class Standing:
    """What can be done now, and when what is due next is due."""

    offers: dict[str, Any]
    due: str
    node: str


@dataclass(frozen=True)
class Shown:
    """The whole page of a walkthrough."""

    moments: list[Moment]
    standing: Standing
    picture: Picture
    walked: list[str]  # ids of the ways that were gone
    visits: dict[str, int]  # key → how often the contact was there
    here: str  # key of the step where they stand; "" where the passage is over
    now: str
    zone: str
    sendable: list[Moment]


def of(walk: Walkthrough) -> Shown:
    """A walkthrough as its page shows it, of what was kept with it."""
    drawn = drawing.read(walk.graph)
    shown, zone = walk.shown, ZoneInfo(walk.shown.get("zone", "UTC"))
    events = shown.get("events", [])
    moments = _moments(events, drawn, zone)
    offers = shown.get("stands", {"over": True})
    picture = editor_page.picture(drawn, walk.account)
    path = shown.get("path", [])
    by_number = {moment.number: moment for moment in moments}
    due = offers.get("due")
    return Shown(
        moments=moments,
        standing=Standing(offers, _instant(due, zone) if due else "", _name(drawn, offers.get("node", ""))),
        picture=picture, walked=_walked(path, picture, drawn),
        visits=dict(Counter(each["key"] for each in path)), here=str(offers.get("node", "")),
        now=_instant(shown["now"], zone) if "now" in shown else "", zone=_zone_words(zone, shown),
        sendable=[by_number[number] for number, _ in for_real.messages(walk)],
    )  # fmt: skip


def as_whom(walk: Walkthrough) -> str:
    """Whose eyes it is walked with."""
    if walk.contact is not None:
        return walk.contact.name
    return f"a sample person who reads {LANGUAGES.get(walk.sample, 'English')}"


def _moments(events: list[dict[str, Any]], drawn: Drawing, zone: ZoneInfo) -> list[Moment]:
    found, last = [], ""
    for number, event in enumerate(events):
        at = datetime.fromisoformat(event["at"]).astimezone(zone)
        day = f"{at:%A}, {at:%B} {at.day}"
        until = event.get("until")
        found.append(
            Moment(
                number, event, day if day != last else "", _hour(at),
                _instant(until, zone) if until else "", _name(drawn, event.get("node", "")),
            )
        )  # fmt: skip
        last = day
    return found


def _walked(path: list[dict[str, str]], picture: Picture, drawn: Drawing) -> list[str]:
    ways = {
        (way.place.source, way.place.label): way.id for card in picture.cards.values() for way in card.ways
    }
    gone = [ways.get((each["key"], each["way"]), "") for each in path if each["way"]]
    return [*(["way-top"] if path and drawn.first else []), *dict.fromkeys(filter(None, gone))]


def _name(drawn: Drawing, key: str) -> str:
    node = drawn.by_key.get(key)
    return node.name if node else ""


def _instant(iso: str, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(iso).astimezone(zone)
    return f"{at:%a}, {at:%b} {at.day}, {_hour(at)}"


def _hour(at: datetime) -> str:
    return f"{at.hour % 12 or 12}:{at:%M} {'am' if at.hour < 12 else 'pm'}"


def _zone_words(zone: ZoneInfo, shown: dict[str, Any]) -> str:
    at = datetime.fromisoformat(shown["now"]).astimezone(zone) if "now" in shown else None
    return f"{at:%Z}" if at else ""


def _address(value: str) -> str:
    return display_phone(value) if value.startswith("+") else value
