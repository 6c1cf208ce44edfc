"""The people of calls: machines, callers of ours, natures under the seed, and phones in one's own hand."""

import collections

import pytest

from sandbox.voice import conduct
from tests.sandbox.calls import FROM, OFFICE, PERSON, answers, asked, over, place, statuses
from tests.sandbox_process import SandboxProcess, StartSandbox
from tests.webhook_sink import Hook, Sink

MAGIC = conduct.PREFIX
SAY = "<Response><Say>Please call us back at 312 555 0100.</Say></Response>"


@pytest.mark.parametrize(
    ("nn", "detection", "found"),
    [
        ("20", "Enable", "human"),
        ("30", "Enable", "machine_start"),
        ("30", "DetectMessageEnd", "machine_end_beep"),
        ("31", "DetectMessageEnd", "machine_end_silence"),
        ("32", "DetectMessageEnd", "machine_end_other"),
        ("33", "DetectMessageEnd", "unknown"),
        ("34", "Enable", "human"),
        ("35", "Enable", "machine_start"),
        ("36", "Enable", "fax"),
        ("37", "Enable", "unknown"),
    ],
)
def test_detection_says_who_answered_before_the_first_document(
    sandbox: SandboxProcess, sink: Sink, nn: str, detection: str, found: str
) -> None:
    answers(sink, answer=SAY)
    sid = place(sandbox, sink, to=MAGIC + nn, MachineDetection=detection).json()["sid"]
    told = over(sandbox, sid)
    assert asked(sink, "answer")[0].fields["AnsweredBy"] == found
    assert told["answered_by"] == found


def test_detection_beside_the_call_is_told_on_its_own(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Pause length='10'/></Response>")
    asks = {"AsyncAmd": "true", "AsyncAmdStatusCallback": f"{sink.base_url}/webhooks/twilio/calls/amd/a1"}
    place(sandbox, sink, to=f"{MAGIC}30", MachineDetection="DetectMessageEnd", **asks)
    sink.wait(lambda: len(asked(sink, "amd")) == 1)
    assert "AnsweredBy" not in asked(sink, "answer")[0].fields
    (news,) = asked(sink, "amd")
    assert news.fields["AnsweredBy"] == "machine_end_beep"
    assert int(news.fields["MachineDetectionDuration"]) == 8000


def test_a_machine_keeps_only_what_comes_after_its_beep(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Say>Hello.</Say><Pause length='9'/><Say>We called.</Say></Response>")
    sid = place(sandbox, sink, to=f"{MAGIC}30").json()["sid"]
    over(sandbox, sid)
    assert [(one["words"], one["tape"]) for one in sandbox.ledger("heard")] == [
        ("Hello.", "none"),
        ("We called.", "whole"),
    ]
    (voicemail,) = sandbox.ledger("voicemail")
    assert (voicemail["words"], voicemail["to"]) == (["We called."], f"{MAGIC}30")


def test_a_person_who_hangs_up_hears_half(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=SAY)
    sid = place(sandbox, sink, to=f"{MAGIC}25").json()["sid"]
    assert over(sandbox, sid)["status"] == "completed"
    (heard,) = sandbox.ledger("heard")
    assert heard["whole"] is False
    assert sandbox.ledger("call_status")[-1]["by"] == "phone"


def test_who_hangs_up_while_a_transfer_rings_ends_it(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = f'<Dial callerId="{FROM}" action="../dialed/a1" timeout="600">{OFFICE}</Dial>'
    answers(sink, answer=f"<Response>{dial}</Response>")
    sandbox.steer(OFFICE, answers="no_answer")
    sid = place(sandbox, sink).json()["sid"]
    sandbox.wait_for("leg", 1, phone=OFFICE)  # however long the document took to come
    assert sandbox.on_the_phone(PERSON, "hangup").status_code == 200
    over(sandbox, sid)
    sink.wait(lambda: len(asked(sink, "dialed")) == 1)
    assert asked(sink, "dialed")[0].fields["DialCallStatus"] == "canceled"
    assert asked(sink, "dialed")[0].fields["CallStatus"] == "completed"
    assert sandbox.ledger("bridge") == []


def test_calls_to_a_phone_go_as_planned_one_by_one(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.steer(PERSON, next=[{"answers": "busy"}, {"answers": "no_answer"}])
    ends = [over(sandbox, place(sandbox, sink, Timeout="10").json()["sid"])["status"] for _ in range(3)]
    assert ends == ["busy", "no-answer", "completed"]
    magic = [over(sandbox, place(sandbox, sink, to=f"{MAGIC}43").json()["sid"])["status"] for _ in range(2)]
    assert magic == ["busy", "completed"]


def test_a_wrong_conduct_is_refused(sandbox: SandboxProcess) -> None:
    url = f"{sandbox.base_url}/phones/{PERSON}"
    for wish in ({"answer": "human"}, {"answers": "robot"}, {"keys": ["x"]}, {"rings": "soon"}, {"next": 3}):
        assert sandbox.http.post(url, json=wish).status_code == 400, wish
    assert sandbox.on_the_phone(PERSON, "hangup").status_code == 409
    assert sandbox.on_the_phone(PERSON, "dance").status_code == 409


def test_a_customer_calls_us_and_is_put_through(sandbox: SandboxProcess, sink: Sink) -> None:
    def answer(hook: Hook) -> tuple[int, str]:
        if hook.path.endswith("/calls/inbound"):
            return 200, f'<Response><Dial answerOnBridge="true" action="/dialed/x">{OFFICE}</Dial></Response>'
        return 200, "<Response/>"

    sink.answer = answer
    sandbox.set_webhook_base(sink.base_url)
    sandbox.steer(OFFICE, rings=5, talks=10)
    called = sandbox.on_the_phone(PERSON, "call", to="+17735550100").json()
    told = over(sandbox, called["sid"])
    assert (told["direction"], told["to"], told["status"]) == ("inbound", "+17735550100", "completed")
    first = sink.hooks[0]
    assert (first.fields["CallStatus"], first.fields["Direction"]) == ("ringing", "inbound")
    assert (first.fields["From"], first.fields["To"]) == (PERSON, "+17735550100")
    order = [(one["sid"] == called["sid"], one["status"]) for one in sandbox.ledger("call_status")]
    assert order.index((False, "in-progress")) < order.index((True, "in-progress"))  # answered by the bridge
    (child,) = [one for one in sandbox.ledger("leg") if one["sid"] != called["sid"]]
    assert child["from"] == PERSON  # the office sees who calls
    sink.wait(lambda: any(hook.path.endswith("/inbound/status") for hook in sink.hooks))


def test_a_caller_nobody_answers_gives_up(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = f'<Response><Dial answerOnBridge="true" timeout="60">{OFFICE}</Dial></Response>'
    sink.answer = lambda _hook: (200, dial)
    sandbox.set_webhook_base(sink.base_url)
    sandbox.steer(OFFICE, answers="no_answer")
    sid = sandbox.on_the_phone(PERSON, "call", gives_up_after=8).json()["sid"]
    assert over(sandbox, sid)["status"] == "no-answer"


def test_a_call_can_be_rejected(sandbox: SandboxProcess, sink: Sink) -> None:
    sink.answer = lambda _hook: (200, '<Response><Reject reason="busy"/></Response>')
    sandbox.set_webhook_base(sink.base_url)
    told = over(sandbox, sandbox.on_the_phone(PERSON, "call").json()["sid"])
    assert (told["status"], told["answered"]) == ("busy", None)


def test_a_number_can_have_its_own_voice_url(sandbox: SandboxProcess, sink: Sink) -> None:
    sandbox.http.post(
        f"{sandbox.base_url}/settings", json={"numbers": {FROM: {"voice_url": f"{sink.base_url}/own/voice"}}}
    )
    over(sandbox, sandbox.on_the_phone(PERSON, "call", to=FROM).json()["sid"])
    assert sink.hooks[0].path == "/own/voice"


def test_natures_repeat_under_a_seed_and_who_said_stop_never_asks_to_talk() -> None:
    phones = [f"+1{area}555{n:04d}" for area in range(200, 220) for n in range(40)]
    first = [conduct.drawn(1, phone, 0, False) for phone in phones]
    assert first == [conduct.drawn(1, phone, 0, False) for phone in phones]
    shares = collections.Counter(one.answers for one in first)
    for kind, percent in conduct.SHARES.items():
        assert abs(shares[kind] / len(phones) * 100 - percent) < 5, kind
    pressed = collections.Counter(key for one in first for key in one.keys)
    assert min(pressed["1"], pressed["2"], pressed["9"]) > 4
    assert {key for phone in phones for key in conduct.drawn(1, phone, 1, True).keys} == {"9"}


def test_demo_customers_follow_their_nature_and_agents_answer(
    start_sandbox: StartSandbox, sink: Sink
) -> None:
    sandbox = start_sandbox("--demo", "--demo-customers", "60", speed=600)
    answers(sink, answer=SAY)
    people = sandbox.http.get(f"{sandbox.base_url}/").text.split("/c/")[1:31]
    phones = [row.split('"')[0].replace("%2B", "+") for row in people]
    sids = [
        place(sandbox, sink, to=phone, attempt=phone[-4:], Timeout="20").json()["sid"] for phone in phones
    ]
    ends = collections.Counter(over(sandbox, sid)["status"] for sid in sids)
    assert ends["completed"] and ends["no-answer"]
    agent = place(sandbox, sink, to="+13125550188").json()["sid"]
    assert over(sandbox, agent)["status"] == "completed"


def test_a_phone_is_taken_over_in_the_middle(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Gather timeout='6000' action='../key/a1'/></Response>")
    sandbox.steer(PERSON, keys=["1"], thinks=5000)
    sid = place(sandbox, sink).json()["sid"]
    sink.wait(lambda: ("in-progress", "2") in statuses(sink, sid))
    assert sandbox.on_the_phone(PERSON, "take").status_code == 200
    assert sandbox.on_the_phone(PERSON, "press", digits="9#").status_code == 200
    sink.wait(lambda: len(asked(sink, "key")) == 1)
    assert asked(sink, "key")[0].fields["Digits"] == "9"


def test_the_pages_show_a_call_and_let_a_person_act(sandbox: SandboxProcess, sink: Sink) -> None:
    gather = "<Gather numDigits='1' action='../key/a1'><Say>&lt;b&gt; Press.</Say></Gather>"
    answers(sink, answer=f"<Response>{gather}</Response>")
    url = f"{sandbox.base_url}/phone/{PERSON}"
    assert "Hold it in my hand" in sandbox.http.get(url).text
    sandbox.http.post(url, data={"do": "hold"})
    sid = place(sandbox, sink).json()["sid"]
    sink.wait(lambda: ("ringing", "1") in statuses(sink, sid))
    assert "ringing" in sandbox.http.get(f"{url}/now").text
    assert over(sandbox, place(sandbox, sink, attempt="second").json()["sid"])["status"] == "busy"
    assert PERSON in sandbox.http.get(f"{sandbox.base_url}/calls").text
    sandbox.http.post(url, data={"do": "answer"})
    sink.wait(lambda: len(asked(sink, "answer")) == 1)
    sandbox.wait_for("heard", 1, sid=sid)
    shown = sandbox.http.get(f"{url}/now").text
    assert "&lt;b&gt; Press." in shown and "<b> Press" not in shown
    sandbox.http.post(url, data={"do": "press 7"})
    sink.wait(lambda: len(asked(sink, "key")) == 1)
    over(sandbox, sid)
    told = sandbox.http.get(f"{sandbox.base_url}/calls/{sid}").text
    assert "Pressed 7" in told and "The product got 7" in told
    wrong = sandbox.http.post(url, data={"do": "hangup"})
    assert 'role="alert"' in sandbox.http.get(sandbox.base_url + wrong.headers["location"]).text
    sandbox.http.post(url, data={"do": "call", "to": FROM})
    assert "Nobody is calling" not in sandbox.http.get(f"{url}/now").text
    sandbox.http.post(url, data={"do": "hangup"})


def test_who_missed_a_call_may_call_back(start_sandbox: StartSandbox, sink: Sink) -> None:
    sandbox = start_sandbox("--demo", "--demo-customers", "150", speed=20_000)
    sandbox.set_webhook_base(sink.base_url)
    sink.answer = lambda _hook: (200, "<Response><Hangup/></Response>")
    people = sandbox.http.get(f"{sandbox.base_url}/").text.split("/c/")[1:91]
    phones = [row.split('"')[0].replace("%2B", "+") for row in people]
    for phone in phones:
        sandbox.steer(phone, answers="no_answer")
        place(sandbox, sink, to=phone, attempt=phone[-4:], Timeout="10")
    (back, *_) = sandbox.wait_for("leg", 1, direction="inbound")
    assert (back["to"], back["phone"] in phones) == (FROM, True)
