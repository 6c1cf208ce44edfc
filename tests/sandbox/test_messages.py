"""Sending: the lifecycle, refusals, the rate queue, opt-outs, reading back."""

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
from twilio.request_validator import RequestValidator

from tests.sandbox.messages import FROM, listed, send
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Sink


def test_message_is_queued_then_sent_then_delivered_with_signed_callbacks(
    sandbox: SandboxProcess, sink: Sink
) -> None:
    answer = send(sandbox, body="Tune-up?", StatusCallback=sink.callback("a-17"))
    assert answer.status_code == 201
    message = answer.json()
    assert (message["status"], message["num_segments"], message["error_code"]) == ("queued", "1", None)
    sink.wait(lambda: len(sink.hooks) >= 2)
    assert set(sink.statuses(message["sid"])) == {"sent", "delivered"}
    validator = RequestValidator(sandbox.credentials["auth_token"])
    for hook in sink.hooks:
        assert hook.path == "/webhooks/twilio/messages/status/a-17"
        assert validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])
        assert not validator.validate(hook.url + "x", hook.fields, hook.headers["X-Twilio-Signature"])
    assert "RawDlrDoneDate" in sink.hooks[1].fields
    (entry,) = sandbox.ledger("message")
    assert (entry["attempt"], entry["sid"], entry["to"]) == ("a-17", message["sid"], "+12175550123")
    callbacks = sandbox.wait_for("callback", 2, sid=message["sid"])
    assert [(c["status"], c["answer"], c["attempt"]) for c in callbacks] == [
        ("sent", 200, "a-17"),
        ("delivered", 200, "a-17"),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": "12175550123"}, 21211),
        ({"To": ""}, 21604),
        ({"From": "+15005550006"}, 21606),
        ({"From": "Prairie"}, 21212),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"StatusCallback": "http://bad_host/x"}, 21609),
        ({"ValidityPeriod": "0"}, 21624),
        ({"To": "+13615550104"}, 21614),
    ],
)
def test_bad_request_is_refused_with_twilios_code(
    sandbox: SandboxProcess, change: dict[str, str], code: int
) -> None:
    answer = send(sandbox, to=change.get("To", "+12175550123"), **change)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert sandbox.ledger("message") == []
    assert [entry["code"] for entry in sandbox.ledger("refusal")] == [code]


def test_wrong_token_or_account_is_refused(sandbox: SandboxProcess) -> None:
    account = sandbox.credentials["account_sid"]
    url = f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json"
    assert sandbox.http.get(url, auth=(account, "wrong")).json()["code"] == 20003
    other = url.replace(account, "AC" + "0" * 32)
    assert sandbox.http.get(other, auth=(account, sandbox.credentials["auth_token"])).status_code == 404


def test_sender_queue_drains_at_its_rate_and_expires_the_late(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_faults(segments_per_second=10)
    for n in range(20):
        assert send(sandbox, body=f"n {n}", StatusCallback=sink.callback(f"a{n}")).status_code == 201
    late = send(sandbox, body="too late", ValidityPeriod="1", StatusCallback=sink.callback("late")).json()
    sink.wait(lambda: sink.statuses(late["sid"]) == ["failed"])
    failed = next(h for h in sink.hooks if h.fields["MessageSid"] == late["sid"])
    assert failed.fields["ErrorCode"] == "30036"
    sink.wait(lambda: sum(h.fields["MessageStatus"] == "sent" for h in sink.hooks) == 20)
    times = [h.at for h in sink.hooks if h.fields["MessageStatus"] == "sent"]
    assert 1.5 < times[-1] - times[0] < 4.0  # 20 segments at 10 a second


def test_full_sender_queue_is_refused(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(segments_per_second=1, queue_seconds=3)
    codes = [send(sandbox, body=f"n {n}").json().get("code") for n in range(6)]
    assert codes[:3] == [None, None, None]
    assert codes[-1] == 21611


def test_stop_blocks_the_pair_until_start(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    phone = "+12175550131"
    said = sandbox.say(phone, " stop ", to=FROM)
    assert said["status"] == 200
    refused = send(sandbox, to=phone)
    assert (refused.status_code, refused.json()["code"]) == (400, 21610)
    assert send(sandbox, to=phone, From="+17735550100").status_code == 201  # the list is per sender
    (reply,) = sandbox.ledger("provider_reply")
    assert reply["to"] == phone
    assert "OptOutType" not in sink.inbound()[0].fields
    sandbox.say(phone, "START", to=FROM)
    assert send(sandbox, to=phone).status_code == 201
    sandbox.say(phone, "stop please", to=FROM)  # only whole bodies count
    assert send(sandbox, to=phone).status_code == 201


def test_blocking_can_be_switched_off_to_judge_the_product(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sandbox.set_faults(block_opted_out=False, opt_out_type=True)
    sandbox.say("+12175550131", "STOP", to=FROM)
    assert sink.inbound()[0].fields["OptOutType"] == "STOP"
    assert send(sandbox, to="+12175550131").status_code == 201


def test_inbound_webhook_carries_every_field_and_a_signature(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sandbox.say("+12175550140", "¿Cuánto cuesta? 👍", to=FROM)
    (hook,) = sink.inbound()
    needed = {
        "MessageSid",
        "SmsSid",
        "SmsMessageSid",
        "AccountSid",
        "From",
        "To",
        "Body",
        "NumMedia",
        "NumSegments",
    }
    assert needed | {"SmsStatus", "ApiVersion", "FromCity", "FromState", "FromZip", "FromCountry"} <= set(
        hook.fields
    )
    assert hook.fields["Body"] == "¿Cuánto cuesta? 👍"
    validator = RequestValidator(sandbox.credentials["auth_token"])
    assert validator.validate(hook.url, hook.fields, hook.headers["X-Twilio-Signature"])
    (entry,) = sandbox.ledger("inbound")
    assert entry["answer"] == 200
    assert entry["answered_at"] >= entry["sent_at"]


def test_failed_webhook_is_retried_once_with_the_same_token(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sink.answer = lambda hook: (503, "") if len(sink.hooks) < 9 else (200, "")
    sandbox.say("+12175550140", "hello", to=FROM)
    sink.wait(lambda: len(sink.inbound()) == 2)
    assert len({hook.headers["I-Twilio-Idempotency-Token"] for hook in sink.inbound()}) == 1
    tries = sandbox.wait_for("inbound", 2)
    assert [(t["tries"], t["answer"]) for t in tries] == [(1, 503), (2, 503)]
    sid = send(sandbox, StatusCallback=sink.callback("x") + "#rc=3").json()["sid"]
    sink.wait(lambda: sink.statuses(sid).count("sent") == 4)  # the URL's own retry count


def test_twiml_answer_becomes_a_text(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.set_webhook_base(sink.base_url)
    sink.answer = lambda _hook: (200, "<Response><Message>We will call you.</Message></Response>")
    sandbox.say("+12175550140", "help me", to=FROM)
    assert [m["body"] for m in sandbox.conversation("+12175550140")] == ["help me", "We will call you."]


def test_list_pages_are_stable_while_messages_arrive(sandbox: SandboxProcess) -> None:
    sids = [send(sandbox, body=f"n {n}").json()["sid"] for n in range(7)]
    send(sandbox, to="+12175550199")
    page = listed(sandbox, To="+12175550123", PageSize=3)
    got = [m["sid"] for m in page["messages"]]
    assert page["next_page_uri"].startswith("/2010-04-01/")
    while page["next_page_uri"]:
        send(sandbox, body="between pages")
        page = sandbox.http.get(
            sandbox.base_url + page["next_page_uri"],
            auth=(sandbox.credentials["account_sid"], sandbox.credentials["auth_token"]),
        ).json()
        got += [m["sid"] for m in page["messages"]]
    assert got == sids[::-1]


def test_date_filter_hides_what_is_not_sent_yet(sandbox: SandboxProcess) -> None:
    sandbox.set_faults(segments_per_second=0.01)
    send(sandbox)
    queued = send(sandbox, body="still queued").json()["sid"]
    day = {"DateSent>": "2020-01-01"}
    assert queued in [m["sid"] for m in listed(sandbox, To="+12175550123")["messages"]]
    assert queued not in [m["sid"] for m in listed(sandbox, To="+12175550123", **day)["messages"]]


def test_magic_recipients_provoke_their_outcome(sandbox: SandboxProcess, sink: Sink) -> None:
    def sid(last: str) -> str:
        answer = send(sandbox, to=f"+136155501{last}", StatusCallback=sink.callback(last))
        return str(answer.json()["sid"])

    gone, silent, early, thrice = sid("33"), sid("70"), sid("72"), sid("73")
    sink.wait(
        lambda: (
            len(sink.statuses(early)) == 2
            and len(sink.statuses(thrice)) == 6
            and bool(sink.statuses(gone)[1:])
        )
    )
    assert set(sink.statuses(gone)) == {"sent", "undelivered"}
    assert [h.fields.get("ErrorCode") for h in sink.hooks if h.fields["MessageSid"] == gone] == [
        None,
        "30006",
    ]
    assert sink.statuses(silent) == ["sent"]
    assert sink.statuses(early) == ["delivered", "sent"]
    with pytest.raises(httpx.TransportError):
        send(sandbox, to="+13615550174", StatusCallback=sink.callback("dropped"))
    assert "dropped" in [entry["attempt"] for entry in sandbox.ledger("message")]
    with pytest.raises(httpx.TransportError):
        send(sandbox, to="+13615550175", StatusCallback=sink.callback("never"))
    assert "never" not in [entry["attempt"] for entry in sandbox.ledger("message")]


def test_clock_file_moves_the_dates(sandbox: SandboxProcess) -> None:
    def hours_ahead() -> int:
        created = parsedate_to_datetime(send(sandbox).json()["date_created"]).timestamp()
        return round((created - time.time()) / 3600)

    assert hours_ahead() == 0
    sandbox.set_clock_offset(50 * 3600)
    time.sleep(0.6)
    assert hours_ahead() == 50
