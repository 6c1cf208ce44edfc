"""Twilio's own SDK places, reads and changes calls at the sandbox; both sides against its description."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from integrations.twilio import twiml
from sandbox.voice import conduct, markup
from tests.contracts.specifications import FOLDER, Specification, load
from tests.contracts.test_twilio import Recording, check, client
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Hook, Sink

FROM = "+13125550100"
PERSON = "+12175550161"
# Rung by one test alone: the sandbox is shared and lists every call ever placed to a number.
NEIGHBOUR = "+12175550162"


@pytest.fixture
def spec() -> Specification:
    return load("twilio_api_v2010.messages-calls.json")


@pytest.fixture
def sync_http() -> Iterator[TwilioHttpClient]:
    http = TwilioHttpClient(timeout=20)
    yield http
    http.session.close()


def ended(twilio: Any, sid: str) -> Any:
    """The call once it is over."""
    deadline = time.monotonic() + 15
    while (call := twilio.calls(sid).fetch()).status in ("queued", "ringing", "in-progress"):
        assert time.monotonic() < deadline, call.status
        time.sleep(0.05)
    return call


def test_calls_of_the_sdk_fit_on_both_sides(
    contract_sandbox: SandboxProcess, spec: Specification, sink: Sink
) -> None:
    def answer(hook: Hook) -> tuple[int, str]:
        if "/answer/" in hook.path:
            return 200, "<Response><Record maxLength='5' action='/dial/c1'/></Response>"
        return 200, "<Response><Dial record='record-from-answer'>+13125550177</Dial></Response>"

    sink.answer = answer
    http = Recording()
    twilio = client(contract_sandbox, http)
    call = twilio.calls.create(
        to=PERSON,
        from_=FROM,
        url=f"{sink.base_url}/answer/c1",
        method="POST",
        fallback_url=f"{sink.base_url}/fallback/c1",
        status_callback=f"{sink.base_url}/status/c1",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        timeout=20,
        time_limit=600,
        machine_detection="DetectMessageEnd",
        machine_detection_timeout=20,
        async_amd="true",
        async_amd_status_callback=f"{sink.base_url}/amd/c1",
        record=True,
        recording_channels="dual",
        recording_status_callback=f"{sink.base_url}/recording/c1",
        recording_status_callback_event=["in-progress", "completed"],
    )
    assert (call.status, call.direction, call.date_created.tzinfo) == ("queued", "outbound-api", UTC)
    done = ended(twilio, call.sid)
    assert (done.status, int(done.duration) > 0) == ("completed", True)
    sink.wait(lambda: len([hook for hook in sink.hooks if "/status/" in hook.path]) == 4)
    last = max((h for h in sink.hooks if "/status/" in h.path), key=lambda h: h.fields["SequenceNumber"])
    assert {"CallDuration", "RecordingUrl", "RecordingSid", "RecordingDuration"} <= set(last.fields)
    sink.wait(lambda: len([hook for hook in sink.hooks if "/recording/" in hook.path]) == 2)
    children = twilio.calls.list(parent_call_sid=call.sid)
    assert [child.direction for child in children] == ["outbound-dial"]
    assert len(twilio.calls.list(to=PERSON, page_size=1)) == 1
    assert call.sid in [
        one.sid for one in twilio.calls.list(start_time_after=datetime(2020, 1, 1, tzinfo=UTC))
    ]
    assert twilio.calls.list(to=PERSON, status="busy") == []
    recordings = twilio.calls(call.sid).recordings.list()
    assert {one.source for one in recordings} == {"OutboundAPI", "RecordVerb", "DialVerb"}
    twilio.calls(call.sid).recordings(recordings[0].sid).fetch()
    assert twilio.calls(call.sid).recordings(recordings[0].sid).delete()
    live = twilio.calls.create(to=PERSON, from_=FROM, twiml="<Response><Pause length='600'/></Response>")
    assert twilio.calls(live.sid).update(status="completed").status in ("completed", "canceled")
    number = twilio.incoming_phone_numbers.list(phone_number=FROM)[0]
    assert number.voice_url.endswith("/webhooks/twilio/calls/inbound")
    assert number.update(voice_url="http://127.0.0.1:9/own").voice_url == "http://127.0.0.1:9/own"
    number.update(voice_url="")
    check(spec, http)
    validator = RequestValidator(contract_sandbox.credentials["auth_token"])
    for hook in sink.hooks:
        assert validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])


# The SDK still builds aiohttp's old BasicAuth.
@pytest.mark.filterwarnings(
    "ignore:.*BasicAuth:DeprecationWarning", "ignore:The 'auth' parameter:DeprecationWarning"
)
def test_the_asynchronous_sdk_places_calls(contract_sandbox: SandboxProcess, sink: Sink) -> None:
    async def run() -> list[Any]:
        async with AsyncTwilioHttpClient(timeout=20) as http:
            twilio = client(contract_sandbox, http)
            return await asyncio.gather(
                *(twilio.calls.create_async(to=NEIGHBOUR, from_=FROM, url=sink.base_url) for _ in range(10))
            )

    made = asyncio.run(run())
    assert len({call.sid for call in made}) == 10


@pytest.mark.parametrize(
    ("nn", "status", "code"), [("03", 400, 21215), ("09", 429, 20429), ("10", 429, 10004)]
)
def test_refusals_reach_the_sdk_as_its_exception(
    contract_sandbox: SandboxProcess, sync_http: TwilioHttpClient, nn: str, status: int, code: int
) -> None:
    with pytest.raises(TwilioRestException) as raised:
        client(contract_sandbox, sync_http).calls.create(
            to=conduct.PREFIX + nn, from_=FROM, url="http://x.example/"
        )
    assert (raised.value.status, raised.value.code) == (status, code)


def test_every_code_is_in_twilios_dictionary() -> None:
    load("twilio_api_v2010.messages-calls.json")
    dictionary = json.loads((FOLDER / "twilio_error_codes_2023-05.subset.json").read_text())
    known = {entry["code"] for entry in dictionary["codes"]}
    younger = {20003, 20404, 20429, 10001}
    assert {code for code, _ in conduct.REFUSED.values()} - known <= younger


def test_what_the_sdk_writes_is_understood() -> None:
    """Documents built by Twilio's own library pass the sandbox's strict reading."""
    said = VoiceResponse()
    gather = Gather(num_digits=1, timeout=6, action="/key/a1", action_on_empty_result=True, finish_on_key="")
    gather.say("Hi from Acme. Press 1 to talk to us, 9 to stop.", voice="Polly.Joanna", language="en-US")
    gather.pause(length=1)
    gather.play("https://files.example/hi.mp3", loop=1)
    said.append(gather)
    dial = Dial(
        caller_id=FROM,
        timeout=20,
        action="/dialed/a1",
        answer_on_bridge=True,
        record="record-from-answer-dual",
        recording_status_callback="/recording/a1",
        recording_status_callback_event="completed",
        time_limit=600,
    )
    dial.number(
        "+13125550177",
        url="/agent/a1",
        status_callback="/status/a1",
        status_callback_event="initiated ringing answered completed",
        machine_detection="DetectMessageEnd",
        amd_status_callback="/amd/a1",
    )
    said.append(dial)
    said.record(action="/voicemail/a1", max_length=120, play_beep=True, finish_on_key="#", timeout=5)
    said.redirect("/again/a1", method="POST")
    said.reject(reason="busy")
    said.hangup()
    verbs = markup.parse(str(said), "text/xml")
    assert [verb.name for verb in verbs] == ["Gather", "Dial", "Record", "Redirect", "Reject", "Hangup"]


def test_what_the_product_says_is_understood() -> None:
    said = [twiml.Said("Hi from Acme."), twiml.Pause(1), twiml.Played("https://files.example/hi.mp3")]
    rung = twiml.Rung("+13125550177", news="https://x.example/status/a1", first="https://x.example/agent/a1")
    recording = twiml.Recording(news="https://x.example/recording/a1")
    written = (
        twiml.tell(said),
        twiml.say_first(said),
        twiml.ask(said, action="/key/a1", otherwise=[twiml.Said("Adiós.", "es")]),
        twiml.ask_then(said, action="/key/a1", then="/again/a1"),
        twiml.connect([rung] * 10, action="/dialed/a1", seconds=20, caller_id=FROM, recording=recording),
        twiml.connect([rung], action="/dialed/a1", seconds=20, before=said),
        twiml.take_message(said, action="/voicemail/a1", news="/recording/a1"),
        twiml.hang_up(),
        twiml.nothing(),
    )
    verbs = [[verb.name for verb in markup.parse(document, "text/xml")] for document in written]
    assert verbs[2] == ["Gather", "Say", "Hangup"]
    assert verbs[5] == ["Say", "Pause", "Play", "Dial"]
    assert verbs[6] == ["Say", "Pause", "Play", "Record", "Hangup"]
    assert verbs[8] == []
