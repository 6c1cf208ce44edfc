"""TwiML for calls: a body becomes verbs, or is refused with Twilio's code. Stricter than Twilio, which only
warns of some of what is refused here: a document that is not as described ends the call."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field

NOT_XML = 12100
WRONG_ROOT = 12102
NOT_DESCRIBED = 12200
WRONG_TYPE = 12300
XML_TYPES = frozenset({"text/xml", "application/xml", "text/html"})
MOST_CHARACTERS = 4096
MOST_NUMBERS = 10
KEYS = "0123456789*#"
SPEECH_MARKS = frozenset(
    {"break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"}
)  # SSML inside Say


class Refused(Exception):
    """A document that Twilio would not play."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Verb:
    """One element: its name, attributes, own words and children."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Verb", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A whole number among the attributes; `parse` has seen that it is one."""
        return int(self.attributes.get(name) or default)


def _whole(least: int, most: int = 86_400) -> Callable[[str], bool]:
    return lambda value: value.isdigit() and least <= int(value) <= most


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda value: value in words


def _words_of(*words: str) -> Callable[[str], bool]:
    return lambda value: bool(value.split()) and set(value.split()) <= set(words)


def _anything(_value: str) -> bool:
    return True


_METHOD, _BOOL = _one_of("GET", "POST"), _one_of("true", "false")
_EVENTS = _words_of("initiated", "ringing", "answered", "completed")
_RECORDING_EVENTS = _words_of("in-progress", "completed", "absent")
# Per verb: attribute -> (is the value good?, Twilio's code where it is not).
Rules = dict[str, tuple[Callable[[str], bool], int]]
_VOICE: Rules = {
    "voice": (_anything, NOT_DESCRIBED),
    "language": (_anything, NOT_DESCRIBED),
    "loop": (_whole(0, 1000), 13510),
}
_RECORDED: Rules = {
    "recordingStatusCallback": (_anything, NOT_DESCRIBED),
    "recordingStatusCallbackMethod": (_METHOD, NOT_DESCRIBED),
    "recordingStatusCallbackEvent": (_RECORDING_EVENTS, NOT_DESCRIBED),
    "trim": (_one_of("trim-silence", "do-not-trim"), NOT_DESCRIBED),
}
ATTRIBUTES: dict[str, Rules] = {
    "Response": {},
    "Say": _VOICE,
    "Play": {"loop": (_whole(0, 1000), 13410), "digits": (_anything, NOT_DESCRIBED)},
    "Pause": {"length": (_whole(0), 13910)},
    "Hangup": {},
    "Reject": {"reason": (_one_of("rejected", "busy"), NOT_DESCRIBED)},
    "Redirect": {"method": (_METHOD, 13710)},
    "Gather": {
        "action": (_anything, NOT_DESCRIBED),
        "method": (_METHOD, 13312),
        "timeout": (_whole(0), 13313),
        "numDigits": (_whole(1), 13314),
        "finishOnKey": (lambda value: len(value) < 2 and value in KEYS, 13310),
        "input": (_one_of("dtmf"), NOT_DESCRIBED),
        "actionOnEmptyResult": (_BOOL, NOT_DESCRIBED),
        "language": (_anything, NOT_DESCRIBED),
    },
    "Record": {
        "action": (_anything, NOT_DESCRIBED),
        "method": (_METHOD, 13610),
        "timeout": (_whole(1), 13611),
        "maxLength": (_whole(1, 14_400), 13612),
        "finishOnKey": (lambda value: set(value) <= set(KEYS), 13613),
        "playBeep": (_BOOL, 13616),
        **_RECORDED,
    },
    "Dial": {
        "action": (_anything, NOT_DESCRIBED),
        "method": (_METHOD, 13210),
        "timeout": (_whole(1, 600), 13212),
        "hangupOnStar": (_BOOL, 13213),
        "callerId": (_anything, 13214),
        "timeLimit": (_whole(1, 86_400), 13216),
        "record": (
            _one_of(
                "true",
                "false",
                "do-not-record",
                "record-from-answer",
                "record-from-ringing",
                "record-from-answer-dual",
                "record-from-ringing-dual",
            ),
            13217,
        ),
        "answerOnBridge": (_BOOL, 13219),
        "ringTone": (_anything, NOT_DESCRIBED),
        **_RECORDED,
    },
    "Number": {
        "url": (_anything, NOT_DESCRIBED),
        "method": (_METHOD, 13221),
        "sendDigits": (re.compile(r"[0-9*#wW]+").fullmatch, 13222),  # type: ignore[dict-item]
        "statusCallback": (_anything, NOT_DESCRIBED),
        "statusCallbackMethod": (_METHOD, NOT_DESCRIBED),
        "statusCallbackEvent": (_EVENTS, NOT_DESCRIBED),
        "machineDetection": (_one_of("Enable", "DetectMessageEnd"), NOT_DESCRIBED),
        "machineDetectionTimeout": (_whole(3, 60), NOT_DESCRIBED),
        "machineDetectionSpeechThreshold": (_whole(1000, 6000), NOT_DESCRIBED),
        "machineDetectionSpeechEndThreshold": (_whole(500, 5000), NOT_DESCRIBED),
        "machineDetectionSilenceTimeout": (_whole(2000, 10_000), NOT_DESCRIBED),
        "amdStatusCallback": (_anything, NOT_DESCRIBED),
        "amdStatusCallbackMethod": (_METHOD, NOT_DESCRIBED),
    },
}
# What may stand inside what, and the code where something else does.
CHILDREN: dict[str, tuple[frozenset[str], int]] = {
    "Response": (
        frozenset({"Say", "Play", "Pause", "Gather", "Dial", "Record", "Redirect", "Hangup", "Reject"}),
        NOT_DESCRIBED,
    ),
    "Gather": (frozenset({"Say", "Play", "Pause"}), 13320),
    "Dial": (frozenset({"Number"}), 13215),
}


def parse(body: str, content_type: str) -> tuple[Verb, ...]:
    """The verbs of a document. Raises Refused."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in XML_TYPES:
        raise Refused(WRONG_TYPE, f"Invalid Content-Type: {kind or 'none'}")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as wrong:
        raise Refused(NOT_XML, f"Document parse failure: {wrong}") from wrong
    if root.tag != "Response":
        raise Refused(WRONG_ROOT, f"The root element must be Response, not {root.tag}")
    return _verb(root).children


def _verb(element: ET.Element) -> Verb:
    name, rules = element.tag, ATTRIBUTES[element.tag]
    for attribute, value in element.attrib.items():
        if attribute not in rules:
            raise Refused(NOT_DESCRIBED, f"Attribute '{attribute}' is not allowed in element '{name}'")
        good, code = rules[attribute]
        if not good(value):
            raise Refused(code, f"{name}: Invalid {attribute} value: {value}")
    if name == "Say":
        strange = [child.tag for child in element.iter() if child is not element]
        if set(strange) - SPEECH_MARKS:
            raise Refused(NOT_DESCRIBED, f"Say: unexpected element {strange[0]}")
        return Verb(name, dict(element.attrib), _said("".join(element.itertext())))
    allowed, code = CHILDREN.get(name, (frozenset(), NOT_DESCRIBED))
    for child in element:
        if child.tag not in allowed:
            raise Refused(code, f"Element '{child.tag}' is not allowed in element '{name}'")
    children = tuple(_verb(child) for child in element)
    verb = Verb(name, dict(element.attrib), (element.text or "").strip(), children)
    _check_words(verb)
    return verb


def _said(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise Refused(13520, "Say: Invalid text")
    if len(words) > MOST_CHARACTERS:
        raise Refused(13521, "Say: character limits exceeded")
    return words


def _check_words(verb: Verb) -> None:
    """Elements without words where Twilio needs some, and words where it needs none."""
    if verb.name in ("Response", "Gather", "Pause", "Hangup", "Reject", "Record") and verb.text:
        raise Refused(NOT_DESCRIBED, f"{verb.name} takes no words: {verb.text[:60]}")
    if verb.name in ("Redirect", "Number") and not verb.text:
        raise Refused(NOT_DESCRIBED if verb.name == "Redirect" else 13223, f"{verb.name} is empty")
    if verb.name == "Play" and not verb.text and not verb.get("digits"):
        raise Refused(NOT_DESCRIBED, "Play is empty")
    if verb.name == "Dial":
        if not verb.text and not verb.children:
            raise Refused(13223, "Dial: nobody to call")
        if len(verb.children) > MOST_NUMBERS:
            raise Refused(NOT_DESCRIBED, f"Dial: more than {MOST_NUMBERS} numbers")
