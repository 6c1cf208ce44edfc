"""What the sandbox's tests say to Twilio's API of calls, and the documents they answer with."""

import time
from typing import Any

import httpx

from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Hook, Sink

FROM = "+13125550100"
PERSON = "+12175550140"
OFFICE = "+13125550177"
EVENTS = ["initiated", "ringing", "answered", "completed"]


def place(
    sandbox: SandboxProcess, sink: Sink, to: str = PERSON, attempt: str = "a1", **more: Any
) -> httpx.Response:
    """POST one call whose documents and callbacks are the sink's."""
    account = sandbox.credentials["account_sid"]
    form: dict[str, Any] = {
        "To": to,
        "From": FROM,
        "Url": f"{sink.base_url}/webhooks/twilio/calls/answer/{attempt}",
        "StatusCallback": f"{sink.base_url}/webhooks/twilio/calls/status/{attempt}",
        "StatusCallbackEvent": EVENTS,
        **more,
    }
    return sandbox.http.post(
        f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Calls.json",
        data={name: value for name, value in form.items() if value is not None},
        auth=(account, sandbox.credentials["auth_token"]),
    )


def api(sandbox: SandboxProcess, method: str, path: str, **more: Any) -> httpx.Response:
    """Any other request below the account."""
    account = sandbox.credentials["account_sid"]
    url = f"{sandbox.base_url}/2010-04-01/Accounts/{account}/{path}"
    return sandbox.http.request(method, url, auth=(account, sandbox.credentials["auth_token"]), **more)


def over(sandbox: SandboxProcess, sid: str, seconds: float = 15.0) -> dict[str, Any]:
    """A call's story once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        told: dict[str, Any] = sandbox.http.get(f"{sandbox.base_url}/calls/{sid}.json").json()
        if told["ended"] is not None:
            return told
        assert time.monotonic() < deadline, told
        time.sleep(0.03)


def answers(sink: Sink, **documents: str) -> None:
    """Let the sink answer with TwiML by the path's last but one part: answer, key, dialed, voicemail …"""

    def answer(hook: Hook) -> tuple[int, str]:
        return 200, documents.get(hook.path.rsplit("/", 2)[1], "<Response/>")

    sink.answer = answer


def statuses(sink: Sink, sid: str) -> list[tuple[str, str]]:
    """Status callbacks of one call as (CallStatus, SequenceNumber), in order of arrival."""
    return [
        (hook.fields["CallStatus"], hook.fields["SequenceNumber"])
        for hook in sink.hooks
        if hook.fields.get("CallSid") == sid and "SequenceNumber" in hook.fields
    ]


def asked(sink: Sink, part: str) -> list[Hook]:
    """Requests whose path has `part`."""
    return [hook for hook in sink.hooks if f"/{part}/" in hook.path]
