"""Calls: the life of one, keys, transfers, machines, errors, and what the ledger says of it."""

import pytest
from twilio.request_validator import RequestValidator

from tests.sandbox.calls import (
    FROM,
    OFFICE,
    PERSON,
    answers,
    api,
    asked,
    over,
    place,
    statuses,
)
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Sink

MENU = (
    '<Response><Gather numDigits="1" timeout="4" action="../key/a1"><Say>Hi from Acme. Press 1 to talk.</Say>'
    "</Gather><Say>Goodbye.</Say></Response>"
)
TRANSFER = (
    f'<Response><Dial callerId="{FROM}" timeout="20" action="../dialed/a1"><Number statusCallback='
    f'"../status/child" statusCallbackEvent="initiated ringing answered completed">{OFFICE}</Number></Dial>'
    "</Response>"
)


def test_a_person_hears_the_script_and_the_callbacks_are_signed_and_numbered(
    sandbox: SandboxProcess, sink: Sink
) -> None:
    answers(sink, answer=MENU)
    call = place(sandbox, sink).json()
    assert (call["status"], call["direction"], call["to"]) == ("queued", "outbound-api", PERSON)
    told = over(sandbox, call["sid"])
    assert told["heard"] == ["Hi from Acme. Press 1 to talk.", "Goodbye."]
    sink.wait(lambda: len(statuses(sink, call["sid"])) == 4)
    assert sorted(statuses(sink, call["sid"]), key=lambda one: one[1]) == [
        ("initiated", "0"),
        ("ringing", "1"),
        ("in-progress", "2"),
        ("completed", "3"),
    ]
    validator = RequestValidator(sandbox.credentials["auth_token"])
    for hook in sink.hooks:
        assert validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])
    last = next(hook for hook in sink.hooks if hook.fields["CallStatus"] == "completed")
    assert last.fields["CallbackSource"] == "call-progress-events"
    assert int(last.fields["CallDuration"]) >= 4
    assert {"Timestamp", "From", "To", "ApiVersion", "Direction"} <= set(last.fields)
    (entry,) = sandbox.ledger("call")
    assert (entry["attempt"], entry["sid"]) == ("a1", call["sid"])


def test_a_key_leads_on_and_a_transfer_bridges(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=MENU, key=TRANSFER)
    sandbox.steer(PERSON, keys=["1"])
    sandbox.steer(OFFICE, rings=3, talks=30)
    sid = place(sandbox, sink).json()["sid"]
    told = over(sandbox, sid)
    assert told["digits"] == "1"
    assert asked(sink, "key")[0].fields["Digits"] == "1"
    (dialed,) = asked(sink, "dialed")
    assert (dialed.fields["DialCallStatus"], dialed.fields["DialBridged"]) == ("completed", "true")
    assert int(dialed.fields["DialCallDuration"]) == pytest.approx(30, abs=4)
    (leg,) = sandbox.ledger("leg")
    assert (leg["sid"], leg["parent"], leg["to"]) == (dialed.fields["DialCallSid"], sid, OFFICE)
    begin, end = sandbox.ledger("bridge")
    assert (begin["change"], end["change"], begin["phones"]) == ("begin", "end", [PERSON, OFFICE])
    sink.wait(lambda: len(statuses(sink, leg["sid"])) == 4)
    child = next(hook for hook in sink.hooks if hook.fields["CallSid"] == leg["sid"])
    assert child.fields["ParentCallSid"] == sid
    assert child.fields["Direction"] == "outbound-dial"


@pytest.mark.parametrize(
    ("answers_", "status", "count"),
    [("busy", "busy", 3), ("no_answer", "no-answer", 3), ("failed", "failed", 2)],
)
def test_nobody_is_reached(
    sandbox: SandboxProcess, sink: Sink, answers_: str, status: str, count: int
) -> None:
    sandbox.steer(PERSON, answers=answers_)
    sid = place(sandbox, sink, Timeout="15").json()["sid"]
    assert over(sandbox, sid)["status"] == status
    sink.wait(lambda: len(statuses(sink, sid)) == count)
    assert dict(statuses(sink, sid))[status] == str(count - 1)
    assert asked(sink, "answer") == []
    assert api(sandbox, "GET", f"Calls/{sid}.json").json()["duration"] is None


def test_a_call_is_answered_by_hand(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=MENU)
    sandbox.steer(PERSON, by_hand=True)
    sid = place(sandbox, sink).json()["sid"]
    sink.wait(lambda: ("ringing", "1") in statuses(sink, sid))
    assert sandbox.on_the_phone(PERSON, "press", digits="1").status_code == 409
    assert sandbox.on_the_phone(PERSON, "answer").status_code == 200
    sink.wait(lambda: bool(asked(sink, "answer")))
    assert sandbox.on_the_phone(PERSON, "press", digits="2").status_code == 200
    sink.wait(lambda: bool(asked(sink, "key")))
    assert asked(sink, "key")[0].fields["Digits"] == "2"
    assert over(sandbox, sid)["status"] == "completed"
