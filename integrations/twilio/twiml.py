"""What a call says and does, as Twilio reads it: built by the SDK's own builder, never out of strings."""

from collections.abc import Sequence
from dataclasses import dataclass

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

MOST_RUNG = 10
"""Phones that one Dial may ring at once."""
LONGEST_TALK = 4 * 3600  # seconds that two people may talk before the provider ends it
LONGEST_MESSAGE = 180  # seconds of a voicemail
_VOICES = {"en": "en-US", "es": "es-MX"}
_POST = "POST"


@dataclass(frozen=True, slots=True)
class Said:
    """Words, and the language (ISO 639-1) they are spoken in."""

    words: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Played:
    """A sound file at an address that the provider can read."""

    url: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in whole seconds."""

    seconds: int = 1


Piece = Said | Played | Pause


@dataclass(frozen=True, slots=True)
class Rung:
    """One phone that a Dial rings. `news` is told when it is answered and when it is over; whoever answers
    hears `first` (an address of ours) before both are connected."""

    phone: str
    news: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """That a conversation is recorded, and who is told when that is stored."""

    news: str


def tell(pieces: Sequence[Piece]) -> str:
    """Say these and hang up."""
    response = VoiceResponse()
    _speak(response, pieces)
    response.hangup()
    return str(response)


def say_first(pieces: Sequence[Piece]) -> str:
    """Say these to whoever has answered a Dial; both are connected afterwards."""
    response = VoiceResponse()
    _speak(response, pieces)
    return str(response)


def ask(pieces: Sequence[Piece], *, action: str, seconds: int = 6, otherwise: Sequence[Piece] = ()) -> str:
    """Say these and take one key at any time, `seconds` after the last word at the latest; without one say
    `otherwise` and hang up. The key is posted to `action`."""
    response = VoiceResponse()
    _gather(response, pieces, action, seconds)
    _speak(response, otherwise)
    response.hangup()
    return str(response)


def ask_then(pieces: Sequence[Piece], *, action: str, then: str, seconds: int = 3) -> str:
    """As `ask`, but go on at the address `then` where no key was pressed."""
    response = VoiceResponse()
    _gather(response, pieces, action, seconds)
    response.redirect(then, method=_POST)
    return str(response)


def connect(
    phones: Sequence[Rung],
    *,
    action: str,
    seconds: int,
    caller_id: str = "",
    before: Sequence[Piece] = (),
    recording: Recording | None = None,
) -> str:
    """Say `before`, then ring these phones at once for so many seconds; the first that answers is connected.
    What came of it is posted to `action`. Without `caller_id` they see who is calling us."""
    response = VoiceResponse()
    _speak(response, before)
    options: dict[str, object] = {"caller_id": caller_id} if caller_id else {}
    if recording:
        options |= {
            "record": "record-from-answer-dual", "recording_status_callback": recording.news,
            "recording_status_callback_method": _POST, "recording_status_callback_event": "completed",
        }  # fmt: skip
    dial: Dial = response.dial(
        action=action, method=_POST, timeout=seconds, time_limit=LONGEST_TALK, **options
    )
    for rung in phones[:MOST_RUNG]:
        how: dict[str, str] = {"url": rung.first, "method": _POST} if rung.first else {}
        if rung.news:
            how |= {
                "status_callback": rung.news, "status_callback_method": _POST,
                "status_callback_event": "answered completed",
            }  # fmt: skip
        dial.number(rung.phone, **how)
    return str(response)


def take_message(pieces: Sequence[Piece], *, action: str, news: str) -> str:
    """Say these, then record what the caller says after the tone; an empty message is no message."""
    response = VoiceResponse()
    _speak(response, pieces)
    response.record(
        action=action, method=_POST, max_length=LONGEST_MESSAGE, play_beep=True, finish_on_key="#", timeout=5,
        trim="trim-silence", recording_status_callback=news, recording_status_callback_method=_POST,
        recording_status_callback_event="completed",
    )  # fmt: skip
    response.hangup()
    return str(response)


def nothing() -> str:
    """An answer to news that ask for none."""
    return str(VoiceResponse())


def hang_up() -> str:
    """End the call without a word."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _gather(response: VoiceResponse, pieces: Sequence[Piece], action: str, seconds: int) -> None:
    gather: Gather = response.gather(
        input="dtmf", num_digits=1, timeout=seconds, action=action, method=_POST, action_on_empty_result=False
    )
    _speak(gather, pieces)


def _speak(into: TwiML, pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        match piece:
            case Said(words, language):
                into.say(words, language=_VOICES.get(language, _VOICES["en"]))
            case Played(url):
                into.play(url)
            case Pause(seconds):
                into.pause(length=seconds)
