"""Faults of calls: refusals, ambiguous creation, unreliable news, pace, and what survives a kill."""

import threading
import time
from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from sandbox.voice import conduct
from tests.sandbox.calls import PERSON, answers, api, asked, over, place, statuses
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Sink

MAGIC = conduct.PREFIX
SAY = "<Response><Say>Hello.</Say></Response>"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"To": "12175550140"}, 400, 21211),
        ({"To": ""}, 400, 21201),
        ({"From": None}, 400, 21213),
        ({"From": "Prairie"}, 400, 21212),
        ({"From": "+15005550006"}, 400, 21210),
        ({"Url": None}, 400, 21205),
        ({"Url": "ftp://example.com/x"}, 400, 21205),
        ({"Url": None, "ApplicationSid": "AP" + "0" * 32}, 400, 21218),
        ({"Url": None, "Twiml": "<Response>"}, 400, 12100),
        ({"Url": None, "Twiml": "<Response>" + " " * 4000 + "</Response>"}, 400, 20001),
        ({"Method": "PUT"}, 400, 21209),
        ({"Timeout": "601"}, 400, 21208),
        ({"SendDigits": "12x"}, 400, 21206),
        ({"StatusCallback": "http://bad_host/x"}, 400, 21609),
        ({"StatusCallbackEvent": "ended"}, 400, 21626),
        ({"MachineDetection": "Maybe"}, 400, 21207),
        *(({"To": MAGIC + nn}, status, code) for nn, (code, status) in conduct.REFUSED.items()),
    ],
)
def test_a_bad_request_is_refused_with_twilios_code(
    sandbox: SandboxProcess, sink: Sink, change: dict[str, str], status: int, code: int
) -> None:
    answer = place(sandbox, sink, **{"to": change.get("To", PERSON), **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sandbox.ledger("call") == []
    assert [entry["code"] for entry in sandbox.ledger("call_refusal")] == [code]


def test_credentials_are_asked_for(sandbox: SandboxProcess) -> None:
    account = sandbox.credentials["account_sid"]
    url = f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Calls.json"
    assert sandbox.http.post(url, data={}, auth=(account, "wrong")).json()["code"] == 20003
    assert sandbox.http.get(url, auth=(account, "wrong")).status_code == 401


@pytest.mark.parametrize("fault", ["accept_then_drop", "error_after_accept"])
def test_a_call_whose_answer_was_lost_goes_on_and_can_be_found(
    sandbox: SandboxProcess, sink: Sink, fault: str
) -> None:
    answers(sink, answer=SAY)
    sandbox.set_faults(calls={fault: 1.0})
    if fault == "accept_then_drop":
        with pytest.raises(httpx.TransportError):
            place(sandbox, sink, attempt="ghost")
    else:
        assert place(sandbox, sink, attempt="ghost").status_code == 503
    (entry,) = sandbox.ledger("call")
    assert entry["attempt"] == "ghost"
    (listed,) = api(sandbox, "GET", "Calls.json", params={"To": PERSON, "From": entry["from"]}).json()[
        "calls"
    ]
    assert listed["sid"] == entry["sid"]
    assert over(sandbox, entry["sid"])["heard"] == ["Hello."]
    sink.wait(lambda: len(statuses(sink, entry["sid"])) == 4)
    assert sandbox.ledger("message") == [] and sandbox.ledger("refusal") == []


def test_a_call_refused_or_cut_before_it_was_taken_does_not_exist(
    sandbox: SandboxProcess, sink: Sink
) -> None:
    sandbox.set_faults(calls={"drop_before_accept": 1.0})
    with pytest.raises(httpx.TransportError):
        place(sandbox, sink)
    sandbox.set_faults(calls={"drop_before_accept": 0.0, "http_429": 1.0})
    assert place(sandbox, sink).json()["code"] == 20429
    sandbox.set_faults(calls={"http_429": 0.0, "http_500": 1.0})
    assert place(sandbox, sink).status_code == 500
    assert sandbox.ledger("call") == [] and len(sandbox.ledger("call_dropped")) == 1
    assert api(sandbox, "GET", "Calls.json").json()["calls"] == []


def test_faults_of_texts_leave_calls_alone(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(http_429=1.0, accept_then_drop=1.0)
    assert place(sandbox, sink).status_code == 201


def test_calls_beyond_the_limit_are_refused(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(calls={"most_at_once": 1})
    answers(sink, answer="<Response><Pause length='30'/></Response>")
    assert place(sandbox, sink).status_code == 201
    assert place(sandbox, sink).json()["code"] == 10004


def test_calls_are_placed_at_the_accounts_pace(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(calls={"per_second": 10})
    made = [place(sandbox, sink).json() for _ in range(6)]
    assert [call["status"] for call in made] == ["queued"] * 6
    assert 250 < int(made[-1]["queue_time"]) <= 500
    begun = sandbox.wait_for("call_status", 6, status="initiated")
    placed = sandbox.ledger("call")
    assert [call["sid"] for call in begun] == [call["sid"] for call in placed]
    for nth, call in enumerate(begun):  # none before its turn
        assert call["at"] >= placed[0]["at"] + nth / 10 - 0.001


def test_news_is_lost_repeated_and_out_of_order(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=SAY)

    def told(**callbacks: object) -> list[tuple[str, str]]:
        sandbox.clear_faults()
        sandbox.set_faults(calls={"callbacks": callbacks})
        sid = place(sandbox, sink).json()["sid"]
        over(sandbox, sid)
        sandbox.settle()
        return statuses(sink, sid)

    whole = [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]
    assert sorted(told(), key=lambda one: one[1]) == whole
    assert told(drop=1.0) == []
    assert ("completed", "3") not in told(drop_final=1.0)
    assert len(told(duplicate=1.0)) == 12
    reversed_ = told(reverse=True)
    assert reversed_[0] == ("completed", "3") and reversed_[-1] == ("initiated", "0")
    assert sorted(told(shuffle=True, shuffle_seconds=0.4), key=lambda one: one[1]) == whole
    dropped = [one for one in sandbox.ledger("call_callback") if one["error"] == "dropped"]
    assert len(dropped) == 5


def test_documents_are_asked_twice_and_badly_signed_where_told(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=SAY)
    sandbox.set_faults(calls={"documents": {"repeat": 1.0}})
    told = over(sandbox, place(sandbox, sink).json()["sid"])
    assert told["heard"] == ["Hello."]
    first, second = asked(sink, "answer")
    assert first.headers["I-Twilio-Idempotency-Token"] == second.headers["I-Twilio-Idempotency-Token"]
    sandbox.set_faults(calls={"documents": {"repeat": 0.0, "bad_signature": 1.0}})
    over(sandbox, place(sandbox, sink, attempt="bad").json()["sid"])
    validator = RequestValidator(sandbox.credentials["auth_token"])
    hook = asked(sink, "answer")[-1]
    assert not validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])


@pytest.mark.parametrize(("nn", "count"), [("74", 0), ("75", 12), ("77", 3)])
def test_magic_phones_lose_and_repeat_news(sandbox: SandboxProcess, sink: Sink, nn: str, count: int) -> None:
    sid = place(sandbox, sink, to=MAGIC + nn).json()["sid"]
    over(sandbox, sid)
    sandbox.settle()
    assert len(statuses(sink, sid)) == count


def test_a_call_is_cancelled_or_ended_or_sent_elsewhere(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(
        sink, answer="<Response><Pause length='300'/></Response>", on="<Response><Say>New.</Say></Response>"
    )
    sandbox.steer(PERSON, by_hand=True)
    sid = place(sandbox, sink).json()["sid"]
    sink.wait(lambda: ("ringing", "1") in statuses(sink, sid))
    assert api(sandbox, "POST", f"Calls/{sid}.json", data={"Url": "http://x.example"}).json()["code"] == 21220
    assert (
        api(sandbox, "POST", f"Calls/{sid}.json", data={"Status": "canceled"}).json()["status"] == "canceled"
    )
    assert api(sandbox, "POST", f"Calls/{sid}.json", data={"Status": "completed"}).json()["code"] == 21220
    sandbox.steer(PERSON)
    sandbox.http.delete(f"{sandbox.base_url}/phones/{PERSON}")
    for change in ({"Url": f"{sink.base_url}/on/a1"}, {"Twiml": "<Response><Say>New.</Say></Response>"}):
        sid = place(sandbox, sink).json()["sid"]
        sandbox.wait_for("call_twiml", 1, sid=sid)
        assert api(sandbox, "POST", f"Calls/{sid}.json", data={"Status": "canceled"}).status_code == 200
        assert api(sandbox, "POST", f"Calls/{sid}.json", data=change).status_code == 200
        assert over(sandbox, sid)["heard"] == ["New."]
    sid = place(sandbox, sink).json()["sid"]
    sandbox.wait_for("call_twiml", 1, sid=sid)
    ended = api(sandbox, "POST", f"Calls/{sid}.json", data={"Status": "completed"}).json()
    assert (ended["status"], ended["answered_by"]) == ("completed", None)
    assert api(sandbox, "DELETE", f"Calls/{sid}.json").status_code == 204
    assert api(sandbox, "GET", f"Calls/{sid}.json").status_code == 404


def test_what_a_call_asked_is_shown_a_quarter_of_an_hour_after_its_end(
    sandbox: SandboxProcess, sink: Sink
) -> None:
    on = "<Response><Redirect>/webhooks/twilio/calls/dialed/a7</Redirect></Response>"
    answers(sink, answer=on, dialed=SAY)
    sid = place(sandbox, sink, attempt="a7").json()["sid"]
    over(sandbox, sid)

    def shown() -> list[dict[str, Any]]:
        page = api(sandbox, "GET", f"Calls/{sid}/Events.json").json()
        assert (page["page"], page["next_page_uri"]) == (0, None)
        return [event["request"] for event in page["events"]]

    assert shown() == [], "it is over for a moment only"
    sandbox.http.post(f"{sandbox.base_url}/settings", json={"call_speed": 10_000_000})
    time.sleep(0.05)
    placed, *documents = shown()
    assert placed["url"].endswith(f"/Calls/{sid}.json")
    assert placed["parameters"]["status_callback"].endswith("/status/a7")
    assert [request["url"].rpartition("/")[2] for request in documents] == ["a7", "a7"]
    sandbox.set_faults(calls={"hides_requests": True})
    assert shown() == []
    assert api(sandbox, "GET", "Calls/CAnobody/Events.json").status_code == 404


def test_the_list_is_filtered_and_paged(sandbox: SandboxProcess, sink: Sink) -> None:
    sids = [place(sandbox, sink, to=f"+1217555014{n}").json()["sid"] for n in range(5)]
    for sid in sids:
        over(sandbox, sid)
    page = api(sandbox, "GET", "Calls.json", params={"PageSize": 2}).json()
    found = [call["sid"] for call in page["calls"]]
    while page["next_page_uri"]:
        page = sandbox.http.get(
            sandbox.base_url + page["next_page_uri"],
            auth=(sandbox.credentials["account_sid"], sandbox.credentials["auth_token"]),
        ).json()
        found += [call["sid"] for call in page["calls"]]
    assert found == list(reversed(sids))

    def count(**query: str) -> int:
        return len(api(sandbox, "GET", "Calls.json", params=query).json()["calls"])

    assert count(To="+12175550143") == 1
    assert (count(Status="completed"), count(Status="busy")) == (5, 0)
    assert (count(**{"StartTime>": "2020-01-01"}), count(**{"StartTime<": "2020-01-01"})) == (5, 0)
    assert (count(StartTime="2020-01-01"), count(ParentCallSid=sids[0])) == (0, 0)
    assert api(sandbox, "GET", "Calls.json", params={"StartTime": "soon"}).status_code == 400


def test_calls_survive_a_kill(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Pause length='300'/></Response>")
    sandbox.set_faults(calls={"per_second": 2})
    sids = [place(sandbox, sink, attempt=f"k{n}").json()["sid"] for n in range(3)]
    sandbox.wait_for("call_twiml", 1, sid=sids[0])
    sandbox.kill()
    answers(sink, answer=SAY)
    sandbox.start()
    assert over(sandbox, sids[0])["status"] == "completed"
    assert over(sandbox, sids[2])["heard"] == ["Hello."]
    sink.wait(
        lambda: (
            ("completed", "3") in statuses(sink, sids[0]) and ("completed", "3") in statuses(sink, sids[2])
        )
    )
    numbers = [number for _, number in statuses(sink, sids[2])]
    assert sorted(numbers) == ["0", "1", "2", "3"]


def test_reset_cuts_every_line(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Pause length='300'/></Response>")
    sandbox.steer(PERSON, answers="busy")
    place(sandbox, sink)
    place(sandbox, sink, to="+12175550141")
    sink.wait(lambda: len(asked(sink, "answer")) == 1)
    sandbox.reset()
    seen = len(sink.hooks)
    assert sandbox.http.get(f"{sandbox.base_url}/healthz").json()["live_calls"] == 0
    assert api(sandbox, "GET", "Calls.json").json()["calls"] == []
    time.sleep(0.4)
    assert len(sink.hooks) == seen
    answers(sink, answer=SAY)
    assert over(sandbox, place(sandbox, sink).json()["sid"])["status"] == "completed"


def test_too_many_requests_at_once(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(calls={"concurrency_limit": 3, "latency_seconds": 0.3})
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(place(sandbox, sink).status_code)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(201) >= 3 and codes.count(429) >= 1
    assert len(sandbox.ledger("call")) == codes.count(201)
