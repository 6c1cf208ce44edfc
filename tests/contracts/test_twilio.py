"""Twilio's own SDK, sync and async, against the sandbox; both sides against Twilio's description."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sandbox import magic
from tests.contracts.specifications import FOLDER, Specification, load
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Sink

FROM = "+13125550100"


@pytest.fixture
def spec() -> Specification:
    return load("twilio_api_v2010.messages-calls.json")


@pytest.fixture
def sync_http() -> Iterator[TwilioHttpClient]:
    http = TwilioHttpClient(timeout=20)
    yield http
    http.session.close()


class Recording(TwilioHttpClient):
    """The SDK's client, noting what it sends and gets."""

    def __init__(self) -> None:
        super().__init__(timeout=20)
        self.calls: list[tuple[str, str, dict[str, Any], int, str]] = []

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        response = super().request(method, url, *args, **kwargs)
        sent = kwargs.get("data") or (args[1] if len(args) > 1 else None) or {}
        self.calls.append((method, url, dict(sent), response.status_code, response.text))
        return response


def client(sandbox: SandboxProcess, http: Any) -> Client:
    made = Client(sandbox.credentials["account_sid"], sandbox.credentials["auth_token"], http_client=http)
    made.api.base_url = sandbox.base_url
    return made


def check(spec: Specification, http: Recording) -> None:
    """Every recorded call fits the description."""
    assert http.calls
    for method, url, sent, status, text in http.calls:
        path = urlsplit(url).path
        if method.upper() == "POST":
            spec.check_request(method, path, sent)
        if status < 400:
            spec.check_response(method, path, status, json.loads(text) if text else None)


def test_sync_sdk_sends_reads_lists_and_both_sides_fit(
    contract_sandbox: SandboxProcess, spec: Specification, sink: Sink
) -> None:
    http = Recording()
    twilio = client(contract_sandbox, http)
    made = [
        twilio.messages.create(
            to="+12175550111",
            from_=FROM,
            body=f"n {n}",
            status_callback=sink.callback(f"s{n}"),
            validity_period=3600,
            smart_encoded=True,
        )
        for n in range(5)
    ]
    assert made[0].status == "queued"
    assert isinstance(made[0].date_created, datetime)
    sink.wait(lambda: len(sink.hooks) == 10)
    fetched = twilio.messages(made[0].sid).fetch()
    assert (fetched.status, fetched.body) == ("delivered", "n 0")
    listed = list(twilio.messages.list(to="+12175550111", page_size=2))
    assert [m.sid for m in listed] == [m.sid for m in reversed(made)]
    since = twilio.messages.list(to="+12175550111", date_sent_after=datetime(2020, 1, 1, tzinfo=UTC))
    assert len(since) == 5
    numbers = twilio.incoming_phone_numbers.list()
    assert FROM in [number.phone_number for number in numbers]
    assert numbers[0].sms_url.endswith("/webhooks/twilio/messages/inbound")
    changed = twilio.incoming_phone_numbers(numbers[1].sid).update(sms_url="http://127.0.0.1:9/other")
    assert changed.sms_url == "http://127.0.0.1:9/other"
    twilio.messages(made[1].sid).update(body="")
    assert twilio.messages(made[1].sid).fetch().body == ""
    assert twilio.messages(made[2].sid).delete()
    check(spec, http)


# The SDK still builds aiohttp's old BasicAuth.
@pytest.mark.filterwarnings(
    "ignore:.*BasicAuth:DeprecationWarning", "ignore:The 'auth' parameter:DeprecationWarning"
)
def test_async_sdk_sends_and_fits(contract_sandbox: SandboxProcess, spec: Specification) -> None:
    async def run() -> list[Any]:
        async with AsyncTwilioHttpClient(timeout=20) as http:
            twilio = client(contract_sandbox, http)
            return await asyncio.gather(
                *(
                    twilio.messages.create_async(to="+12175550112", from_=FROM, body=f"async {n}")
                    for n in range(20)
                )
            )

    made = asyncio.run(run())
    assert len({message.sid for message in made}) == 20
    assert {message.status for message in made} == {"queued"}


@pytest.mark.parametrize(
    ("last", "status", "code"), [("04", 400, 21614), ("06", 400, 21610), ("17", 429, 20429)]
)
def test_refusal_reaches_the_sdk_as_its_exception(
    contract_sandbox: SandboxProcess, sync_http: TwilioHttpClient, last: str, status: int, code: int
) -> None:
    with pytest.raises(TwilioRestException) as raised:
        client(contract_sandbox, sync_http).messages.create(to=f"+136155501{last}", from_=FROM, body="x")
    assert (raised.value.status, raised.value.code) == (status, code)
    assert raised.value.uri.endswith("/Messages.json")


def test_every_refusal_code_is_in_twilios_dictionary_with_its_words() -> None:
    load("twilio_api_v2010.messages-calls.json")
    known = {
        c["code"]
        for c in json.loads((FOLDER / "twilio_error_codes_2023-05.subset.json").read_text())["codes"]
    }
    younger = {20003, 20404, 20429, 30036, 30047, 39999}  # not in the 2023 dictionary
    codes = {code for code, _ in magic.REFUSED.values()}
    codes |= {code for _, code in magic.UNDELIVERED.values() if code}
    assert codes - known <= younger


def test_callback_signature_survives_unknown_fields_and_queries(
    contract_sandbox: SandboxProcess, sync_http: TwilioHttpClient, sink: Sink
) -> None:
    validator = RequestValidator(contract_sandbox.credentials["auth_token"])
    contract_sandbox.set_faults(callbacks={"unknown_field": 1.0})
    try:
        client(contract_sandbox, sync_http).messages.create(
            to="+12175550113", from_=FROM, body="x", status_callback=sink.callback("q") + "?a=1&b=%C3%A9#rc=2"
        )
        sink.wait(lambda: len(sink.hooks) == 2)
    finally:
        contract_sandbox.clear_faults()
    for hook in sink.hooks:
        assert hook.fields["FutureField"]
        assert "#" not in hook.url
        assert validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])
    needed = {"MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "To", "From", "AccountSid", "ApiVersion"}
    assert needed <= set(sink.hooks[0].fields)


def test_a_wrong_signature_is_wrong(
    contract_sandbox: SandboxProcess, sync_http: TwilioHttpClient, sink: Sink
) -> None:
    validator = RequestValidator(contract_sandbox.credentials["auth_token"])
    contract_sandbox.set_faults(callbacks={"bad_signature": 1.0})
    try:
        client(contract_sandbox, sync_http).messages.create(
            to="+12175550114", from_=FROM, body="x", status_callback=sink.callback("bad")
        )
        sink.wait(lambda: len(sink.hooks) == 2)
    finally:
        contract_sandbox.clear_faults()
    assert not validator.validate(
        sink.hooks[0].url, sink.hooks[0].fields, sink.hooks[0].headers["X-Twilio-Signature"]
    )
