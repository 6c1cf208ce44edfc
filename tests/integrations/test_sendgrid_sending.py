"""The sender's email client over HTTP: what leaves, what does not, and what is known afterwards."""

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from integrations.messaging import IN_PARTS, DeliveryState, Letter, ProviderError, Receipt, Recipient, Remedy
from integrations.sendgrid import batches, request
from integrations.sendgrid.client import SendGridAccess, SendGridPool
from tests.contracts.specifications import load

ATTEMPT = UUID("0192d2c0-0000-7000-8000-000000000001")
LETTER = Letter(
    from_="office@comfort.example",
    from_name="Comfort Air, “the” office",
    text="Hi -tr-name-,\n\nit is time. 10 % off → now.",
    html="<p>Hi -tr-name-</p>",
    reply_to="desk@comfort.example",
)
PERSON = Recipient(
    attempt_id=ATTEMPT, to="pat@example.org", subject="Time for a tune-up?", to_name="Pat Doe",
    values={"-tr-name-": "Pat"}, unsubscribe_url="https://go.example/u/abc/",
)  # fmt: skip


def people(count: int, *, bad: Sequence[int] = ()) -> list[Recipient]:
    return [
        replace(PERSON, attempt_id=UUID(int=n), to=f"{'bad' if n in bad else 'p'}{n}@example.org")
        for n in range(count)
    ]


def send(url: str, *, claim_seconds: float = 3.0) -> str:
    async def once() -> str:
        async with SendGridPool(4) as pool:
            client = pool.client(SendGridAccess("SG.key", url))
            return await client.send(LETTER, [PERSON], not_after=time.monotonic() + claim_seconds)

    return asyncio.run(once())


def handed_over(
    url: str, to: Sequence[Recipient], *, claim_seconds: float = 30.0
) -> dict[str, Receipt | ProviderError]:
    async def once() -> list[batches.End]:
        async with SendGridPool(4) as pool:
            client = pool.client(SendGridAccess("SG.key", url))
            return await batches.hand_over(client, LETTER, to, not_after=time.monotonic() + claim_seconds)

    ends = asyncio.run(once())
    assert sorted(person.to for person, _ in ends) == sorted(person.to for person in to), "each once"
    return {person.to: result for person, result in ends}


def refused(url: str, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        send(url, **options)
    return caught.value


def answering(status: int, errors: Any = None, **headers: str) -> Any:
    async def handler(_: web.Request) -> web.StreamResponse:
        if errors is None:
            return web.Response(status=status, headers=headers)
        return web.json_response({"errors": errors}, status=status, headers=headers)

    return handler


def test_an_accepted_letter_fits_the_description_and_names_each_attempt(server: Any) -> None:
    server.handler = answering(202, **{"X-Message-Id": "abc-def"})
    assert send(server.url) == "abc-def"
    [asked] = server.requests
    assert (asked.method, asked.path) == ("POST", "/v3/mail/send")
    assert asked.headers["Authorization"] == "Bearer SG.key"
    body = json.loads(asked.body)
    load("sendgrid_tsg_mail_v3.json").check_request("POST", "/v3/mail/send", body)
    assert body["from"] == {"email": LETTER.from_, "name": LETTER.from_name}
    assert body["reply_to"] == {"email": "desk@comfort.example"}
    assert body["content"] == [
        {"type": "text/plain", "value": LETTER.text}, {"type": "text/html", "value": LETTER.html}
    ]  # fmt: skip
    assert body["personalizations"] == [
        {
            "to": [{"email": "pat@example.org", "name": "Pat Doe"}],
            "subject": "Time for a tune-up?",
            "headers": {
                "Message-ID": f"<{ATTEMPT}@comfort.example>",
                "List-Unsubscribe": "<https://go.example/u/abc/>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "custom_args": {"attempt": str(ATTEMPT)},
            "substitutions": {"-tr-name-": "Pat"},
        }
    ]
    assert body["tracking_settings"]["click_tracking"]["enable"] is False
    assert "subject" not in body


def test_a_thousand_people_are_one_request_that_fits_the_description(server: Any) -> None:
    server.handler = answering(202, **{"X-Message-Id": "abc-def"})
    ends = handed_over(server.url, people(1000))
    body = json.loads(server.requests[0].body)
    load("sendgrid_tsg_mail_v3.json").check_request("POST", "/v3/mail/send", body)
    assert (len(server.requests), len(body["personalizations"])) == (1, 1000)
    assert ends["p7@example.org"] == Receipt(f"abc-def.{UUID(int=7).hex}", "202", DeliveryState.ACCEPTED, 0)
    assert len({end.provider_id for end in ends.values() if isinstance(end, Receipt)}) == 1000


@pytest.mark.parametrize("name", ["", "The office <boss@example.org>"])
@pytest.mark.parametrize(
    "written", ["ann@example.org;", "<ann@example.org>", "ann@example.org,b@example.org"]
)
def test_no_other_mailbox_is_read_into_the_one_that_was_asked_about(written: str, name: str) -> None:
    built = request.built(replace(LETTER, from_=written, from_name=name, reply_to=""), [PERSON])
    assert built["from"] == {"email": written} | ({"name": name} if name else {})
    assert request.built(replace(LETTER, reply_to=written), [PERSON])["reply_to"] == {"email": written}
    assert not request.may_exist(written)


@pytest.mark.parametrize(
    ("mailbox", "may"),
    [
        ("ann@example.org", True), ("o'neil+ac.2@mail.example.co.uk", True), ("jürgen@müller.example", True),
        ("ann@localhost", False), ("ann@@example.org", False), ("ann..b@example.org", False),
        (".ann@example.org", False), ("ann.@example.org", False), ("ann @example.org", False),
        ("ann@example..org", False), ("@example.org", False), ("@", False), ("", False),
        ("a" * 65 + "@example.org", False), ("ann@example.org\nBcc: b@example.org", False),
    ],
)  # fmt: skip
def test_what_cannot_be_a_mailbox_is_known_before_anybody_is_asked(mailbox: str, may: bool) -> None:
    assert request.may_exist(mailbox) is may


class Judging:
    """Refuses a request for the sake of some mailboxes, as `telling` says it; takes the others."""

    def __init__(self, telling: str, bad: Sequence[int] = (), most: int = 1000, **headers: str) -> None:
        self.telling, self.bad, self.most, self.headers = telling, bad, most, headers
        self.asked: list[int] = []
        self.taken: list[str] = []

    async def __call__(self, asked: web.Request) -> web.StreamResponse:
        mail = json.loads(await asked.read())
        to = [part["to"][0]["email"] for part in mail["personalizations"]]
        self.asked.append(len(to))
        if len(to) > self.most:
            return web.json_response({"errors": [{"message": "Too large", "field": None}]}, status=413)
        guilty = [place for place, one in enumerate(to) if one.startswith("bad")]
        if guilty:
            field = {
                "first": f"personalizations.{guilty[0]}.to.0.email", "nothing": None, "content": "content",
                "argument": f"personalizations.{guilty[0]}.custom_args", "shared": "from.email",
            }.get(self.telling)  # fmt: skip
            told = [{"message": "Bad words", "field": field}]
            if self.telling == "all":
                told = [{"message": "Bad", "field": f"personalizations.{n}.to.0.email"} for n in guilty]
            return web.json_response({"errors": told}, status=400)
        self.taken += to
        return web.Response(status=202, headers={"X-Message-Id": f"m{len(self.asked)}"})


@pytest.mark.parametrize(
    ("telling", "code", "state", "most_requests"),
    [
        ("first", "invalid_recipient", DeliveryState.FAILED, 7),
        ("all", "invalid_recipient", DeliveryState.FAILED, 5),
        ("argument", "refused", DeliveryState.REJECTED, 7),
        ("nothing", "refused", DeliveryState.REJECTED, 60),
        ("content", "refused", DeliveryState.REJECTED, 60),
    ],
)  # fmt: skip
def test_a_refused_request_is_divided_until_the_guilty_are_alone(
    server: Any, telling: str, code: str, state: DeliveryState, most_requests: int
) -> None:
    bad = (0, 500, 999)
    server.handler = judge = Judging(telling, bad)
    ends = handed_over(server.url, people(1000, bad=bad))
    guilty = {to: end for to, end in ends.items() if isinstance(end, ProviderError)}
    assert set(guilty) == {f"bad{n}@example.org" for n in bad}
    for error in guilty.values():
        assert (error.code, error.state, error.permanent, error.accepted) == (code, state, True, "no")
        assert "Bad" in error.message, "in the provider’s words"
    assert sorted(judge.taken) == sorted(to for to in ends if to not in guilty), "each of the others once"
    assert judge.asked[0] == 1000 and len(judge.asked) <= most_requests


def test_a_request_that_is_too_large_goes_in_halves(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.handler = judge = Judging("nothing", most=300)
    ends = handed_over(server.url, people(1000))
    assert all(isinstance(end, Receipt) for end in ends.values())
    assert judge.asked == [1000, 500, 250, 250, 500, 250, 250]
    judge.asked, judge.most = [], 1000
    monkeypatch.setattr(request, "MOST_BYTES", 100_000)
    assert all(isinstance(end, Receipt) for end in handed_over(server.url, people(1000)).values())
    assert max(judge.asked) < 500, "what is known to be too large is not asked for"


def test_what_all_share_is_refused_for_all_at_once(server: Any) -> None:
    server.handler = judge = Judging("shared")
    ends = handed_over(server.url, people(50, bad=[3]))
    assert {end.code for end in ends.values() if isinstance(end, ProviderError)} == {"bad_sender"}
    assert (len(ends), judge.asked) == (50, [50])


def test_a_bad_address_is_no_part_of_any_request(server: Any) -> None:
    server.handler = judge = Judging("nothing")
    ends = handed_over(server.url, [*people(3), replace(PERSON, to="nobody@localhost")])
    error = ends["nobody@localhost"]
    assert isinstance(error, ProviderError)
    assert (error.code, error.state, error.remedy) == (
        "invalid_recipient", DeliveryState.FAILED, Remedy.MAILBOX_INVALID
    )  # fmt: skip
    assert judge.asked == [3]
    assert handed_over(server.url, [replace(PERSON, to="@")]) and judge.asked == [3]


def test_who_had_no_time_to_leave_says_so_and_was_not_mailed(server: Any) -> None:
    class Slow(Judging):
        async def __call__(self, asked: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.2)
            return await super().__call__(asked)

    server.handler = judge = Slow("nothing", [1])
    ends = handed_over(server.url, people(64, bad=[1]), claim_seconds=0.3)
    left = {to: end for to, end in ends.items() if isinstance(end, ProviderError)}
    assert {(end.code, end.accepted, end.permanent) for end in left.values()} == {(IN_PARTS, "no", False)}
    assert sorted(judge.taken) == sorted(to for to in ends if to not in left)
    assert 2 <= len(judge.asked) < 7


def test_whoever_is_too_fast_asks_for_nobody_else(server: Any) -> None:
    first = Judging("first", [2])

    async def then_throttled(asked: web.Request) -> web.StreamResponse:
        if not first.asked:
            return await first(asked)
        reset = {"X-RateLimit-Reset": str(int(time.time()) + 20)}
        return web.json_response({"errors": []}, status=429, headers=reset)

    server.handler = then_throttled
    ends = handed_over(server.url, people(10, bad=[2]))
    assert {end.code for end in ends.values() if isinstance(end, ProviderError)} == {"429"}
    assert (len(ends), len(server.requests)) == (10, 2)


@pytest.mark.parametrize(
    ("status", "field", "code", "accepted", "permanent", "state", "remedy"),
    [
        (400, "personalizations.0.to.0.email", "invalid_recipient", "no", True, DeliveryState.FAILED,
         Remedy.MAILBOX_INVALID),
        (400, "content.0.value", "refused", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (400, None, "refused", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (401, None, "unauthorised", "no", True, DeliveryState.REJECTED, Remedy.STOP_ACCOUNT),
        (403, "from", "bad_sender", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (403, None, "unauthorised", "no", True, DeliveryState.REJECTED, Remedy.STOP_ACCOUNT),
        (413, None, "too_large", "no", True, DeliveryState.REJECTED, Remedy.FIX_SETTINGS),
        (429, None, "429", "no", False, None, Remedy.RETRY_LATER),
        (408, None, "408", "unknown", False, None, Remedy.NONE),
        (500, None, "500", "unknown", False, None, Remedy.NONE),
        (503, None, "503", "unknown", False, None, Remedy.NONE),
    ],
)  # fmt: skip
def test_every_refusal_has_one_meaning(
    server: Any,
    status: int,
    field: Any,
    code: str,
    accepted: str,
    permanent: bool,
    state: Any,
    remedy: Remedy,
) -> None:
    server.handler = answering(status, [{"message": "Does not contain a valid address.", "field": field}])
    error = refused(server.url)
    assert (error.code, error.accepted, error.permanent) == (code, accepted, permanent)
    assert (error.state, error.remedy) == (state, remedy)
    assert len(server.requests) == 1, "nothing is ever tried again here"


def test_a_throttled_email_says_when_to_come_back(server: Any) -> None:
    server.handler = answering(429, [], **{"X-RateLimit-Reset": str(int(time.time()) + 30)})
    assert 25 < (refused(server.url).retry_after or 0) <= 30
    server.handler = answering(429, [], **{"X-RateLimit-Reset": "1e300"})
    assert refused(server.url).retry_after == 300, "never for long, whatever the clocks say"


@pytest.mark.parametrize("body", ["<html>502</html>", "[]", '{"errors": []}', '{"errors": [null]}', ""])
def test_an_answer_without_readable_errors_is_understood_by_its_status(server: Any, body: str) -> None:
    async def gateway(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text=body)

    server.handler = gateway
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "502")


def test_an_answer_that_never_comes_is_unknown(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.claimed_http.TOTAL_SECONDS", 0.3)

    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1.0)
        return web.Response()

    server.handler = silence
    error = refused(server.url)
    assert (error.accepted, error.code) == ("unknown", "timeout")


def test_a_cut_connection_and_an_acceptance_without_a_name_are_unknown(server: Any) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = drop
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "disconnected")
    server.handler = answering(202)
    assert (refused(server.url).accepted, refused(server.url).code) == ("unknown", "unreadable")


def test_nothing_leaves_without_a_connection_or_once_the_claim_is_too_old(server: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert (refused(nobody).accepted, refused(nobody).code) == ("no", "unreachable")
    server.handler = answering(202, **{"X-Message-Id": "a"})
    assert (refused(server.url, claim_seconds=-1).accepted, server.requests) == ("no", [])
