"""Documents of calls: what is played, what is refused with which code, and where the way leads then."""

import pytest
from twilio.request_validator import RequestValidator

from sandbox.voice import markup
from tests.sandbox.calls import FROM, OFFICE, PERSON, answers, api, asked, over, place, statuses
from tests.sandbox_process import SandboxProcess
from tests.webhook_sink import Hook, Sink

XML = "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("<Response><Say>Hi</Response>", XML, 12100),
        ("", XML, 12100),
        ("\n<?xml version='1.0'?><Response/>", XML, 12100),
        ("<Answer/>", XML, 12102),
        ("<Response/>", "application/json", 12300),
        ("<Response/>", "", 12300),
        ("<Response><say>Hi</say></Response>", XML, 12200),
        ("<Response><Say loud='yes'>Hi</Say></Response>", XML, 12200),
        ("<Response>Hi</Response>", XML, 12200),
        ("<Response><Say> </Say></Response>", XML, 13520),
        ("<Response><Say>" + "x" * 4097 + "</Say></Response>", XML, 13521),
        ("<Response><Gather timeout='soon'/></Response>", XML, 13313),
        ("<Response><Gather numDigits='0'/></Response>", XML, 13314),
        ("<Response><Gather finishOnKey='12'/></Response>", XML, 13310),
        ("<Response><Gather method='PUT'/></Response>", XML, 13312),
        ("<Response><Gather><Dial>+13125550177</Dial></Gather></Response>", XML, 13320),
        ("<Response><Dial timeout='0'>+13125550177</Dial></Response>", XML, 13212),
        ("<Response><Dial/></Response>", XML, 13223),
        ("<Response><Dial><Say>Hi</Say></Dial></Response>", XML, 13215),
        ("<Response><Dial>" + "<Number>+13125550177</Number>" * 11 + "</Dial></Response>", XML, 12200),
        ("<Response><Dial><Number sendDigits='x'>+13125550177</Number></Dial></Response>", XML, 13222),
        ("<Response><Record maxLength='long'/></Response>", XML, 13612),
        ("<Response><Redirect/></Response>", XML, 12200),
        ("<Response><Pause length='-1'/></Response>", XML, 13910),
    ],
)
def test_a_wrong_document_is_refused_with_twilios_code(body: str, kind: str, code: int) -> None:
    with pytest.raises(markup.Refused) as refused:
        markup.parse(body, kind)
    assert refused.value.code == code


def test_a_right_document_becomes_verbs() -> None:
    gather, pause, hangup = markup.parse(
        "<?xml version='1.0' encoding='UTF-8'?><Response><Gather numDigits='1' finishOnKey=''>"
        "<Say voice='alice'>One <break/> two\n three</Say></Gather><Pause length='2'/><Hangup/></Response>",
        XML,
    )
    assert gather.children[0].text == "One two three"
    assert (pause.number("length", 1), hangup.name) == (2, "Hangup")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, "<Response><Say>Hi", 12100), (200, "<Response><Sing/></Response>", 12200), (500, "oops", 11200)],
)
def test_a_broken_document_ends_the_call_and_is_noted(
    sandbox: SandboxProcess, sink: Sink, status: int, body: str, code: int
) -> None:
    sink.answer = lambda hook: (status, body) if "/answer/" in hook.path else (200, "<Response/>")
    told = over(sandbox, place(sandbox, sink).json()["sid"])
    assert told["status"] == "completed"
    assert told["heard"] == ["An application error has occurred. Goodbye."]
    (error,) = sandbox.ledger("call_error")
    assert (error["code"], error["attempt"], error["phone"]) == (code, "a1", PERSON)


def test_the_fallback_is_asked_with_the_error(sandbox: SandboxProcess, sink: Sink) -> None:
    def answer(hook: Hook) -> tuple[int, str]:
        if "/answer/" in hook.path:
            return 500, ""
        return 200, "<Response><Say>Sorry.</Say></Response>" if "/fallback/" in hook.path else "<Response/>"

    sink.answer = answer
    sid = place(sandbox, sink, FallbackUrl=f"{sink.base_url}/fallback/a1").json()["sid"]
    assert over(sandbox, sid)["heard"] == ["Sorry."]
    assert asked(sink, "fallback")[0].fields["ErrorCode"] == "11200"


def test_a_document_may_come_with_the_call(sandbox: SandboxProcess, sink: Sink) -> None:
    twiml = "<Response><Say>Hello.</Say><Hangup/><Say>Never.</Say></Response>"
    sid = place(sandbox, sink, Url=None, Twiml=twiml).json()["sid"]
    assert over(sandbox, sid)["heard"] == ["Hello."]
    assert asked(sink, "answer") == []


def test_digits_are_gathered_until_the_finishing_key(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(
        sink,
        answer='<Response><Gather action="../key/a1?x=1" timeout="3"><Say>Zip?</Say></Gather></Response>',
        key="<Response><Redirect>../on/a1</Redirect></Response>",
        on="<Response><Say>Thanks.</Say></Response>",
    )
    sandbox.steer(PERSON, keys=["60601#5"])
    told = over(sandbox, place(sandbox, sink).json()["sid"])
    (key,) = asked(sink, "key")
    assert (key.fields["Digits"], key.fields["FinishedOnKey"]) == ("60601", "#")
    assert key.url.endswith("/key/a1?x=1")
    assert told["heard"][-1] == "Thanks."


def test_a_gather_without_keys_falls_through_or_tells(sandbox: SandboxProcess, sink: Sink) -> None:
    gather = '<Gather action="../key/a1" timeout="2"{}><Say>Press.</Say></Gather><Say>Bye.</Say>'
    answers(sink, answer=f"<Response>{gather.format('')}</Response>")
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == ["Press.", "Bye."]
    assert asked(sink, "key") == []
    empty = gather.format(' actionOnEmptyResult="true"')
    answers(sink, answer=f"<Response>{empty}</Response>")
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == ["Press."]
    assert asked(sink, "key")[0].fields["Digits"] == ""


def test_a_caller_is_recorded_and_the_media_can_be_fetched(sandbox: SandboxProcess, sink: Sink) -> None:
    record = (
        '<Response><Record action="../voicemail/a1" maxLength="30"'
        ' recordingStatusCallback="../recording/a1"/><Say>Nothing heard.</Say></Response>'
    )
    answers(sink, answer=record)
    sandbox.steer(PERSON, speaks=10)
    sid = place(sandbox, sink).json()["sid"]
    over(sandbox, sid)
    (left,) = asked(sink, "voicemail")
    assert int(left.fields["RecordingDuration"]) == pytest.approx(15, abs=2)  # with 5 s of silence
    sink.wait(lambda: len(asked(sink, "recording")) == 1)
    (news,) = asked(sink, "recording")
    assert (news.fields["RecordingStatus"], news.fields["RecordingSource"]) == ("completed", "RecordVerb")
    name = left.fields["RecordingSid"]
    assert left.fields["RecordingUrl"].endswith(f"/Recordings/{name}")
    assert sandbox.http.get(left.fields["RecordingUrl"]).status_code == 401
    media = api(sandbox, "GET", f"Recordings/{name}.wav")
    assert media.content.startswith(b"RIFF") and media.headers["Content-Type"] == "audio/x-wav"
    assert api(sandbox, "GET", f"Recordings/{name}.mp3").content.startswith(b"\xff\xfb")
    listed = api(sandbox, "GET", f"Calls/{sid}/Recordings.json").json()["recordings"]
    assert [one["sid"] for one in listed] == [name]
    assert api(sandbox, "DELETE", f"Recordings/{name}.json").status_code == 204
    assert api(sandbox, "GET", f"Recordings/{name}.json").status_code == 404


def test_who_says_nothing_leaves_no_recording(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer='<Response><Record action="../voicemail/a1"/><Say>Nothing heard.</Say></Response>')
    sandbox.steer(PERSON, speaks=0)
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == ["Nothing heard."]
    assert asked(sink, "voicemail") == [] and sandbox.ledger("recording") == []


def test_the_first_of_several_phones_takes_the_call(sandbox: SandboxProcess, sink: Sink) -> None:
    agents = ["+13125550171", "+13125550172", "+13125550173"]
    numbers = "".join(f"<Number>{agent}</Number>" for agent in agents)
    answers(
        sink, answer=f'<Response><Dial action="../dialed/a1" callerId="{FROM}">{numbers}</Dial></Response>'
    )
    sandbox.steer(agents[0], rings=12)
    sandbox.steer(agents[1], rings=4, talks=10)
    sandbox.steer(agents[2], answers="busy", rings=1)
    sid = place(sandbox, sink).json()["sid"]
    over(sandbox, sid)
    (dialed,) = asked(sink, "dialed")
    legs = {leg["to"]: leg["sid"] for leg in sandbox.ledger("leg")}
    assert dialed.fields["DialCallSid"] == legs[agents[1]]
    ends = {one["sid"]: one["status"] for one in sandbox.ledger("call_status")}
    assert [ends[legs[agent]] for agent in agents] == ["canceled", "completed", "busy"]
    listed = api(sandbox, "GET", "Calls.json", params={"ParentCallSid": sid}).json()["calls"]
    assert {call["to"] for call in listed} == set(agents)


@pytest.mark.parametrize(
    ("kind", "status"), [("busy", "busy"), ("no_answer", "no-answer"), ("failed", "failed")]
)
def test_a_transfer_that_finds_nobody_goes_on_with_its_action(
    sandbox: SandboxProcess, sink: Sink, kind: str, status: str
) -> None:
    dial = f'<Response><Dial callerId="{FROM}" timeout="10" action="../dialed/a1">{OFFICE}</Dial></Response>'
    answers(sink, answer=dial, dialed="<Response><Say>Nobody is here.</Say></Response>")
    sandbox.steer(OFFICE, answers=kind)
    told = over(sandbox, place(sandbox, sink).json()["sid"])
    assert told["heard"] == ["Nobody is here."]
    fields = asked(sink, "dialed")[0].fields
    assert (fields["DialCallStatus"], fields["DialBridged"]) == (status, "false")
    assert "DialCallDuration" not in fields and sandbox.ledger("bridge") == []


def test_a_dial_without_action_goes_on_in_the_same_document(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = f"<Dial callerId='{FROM}'><Number>{OFFICE}</Number></Dial><Say>Bye.</Say>"
    answers(sink, answer=f"<Response>{dial}</Response>")
    sandbox.steer(OFFICE, talks=5)
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == ["Bye."]


def test_a_stranger_cannot_be_the_caller_id(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = f'<Response><Dial callerId="+12125550100" action="../dialed/a1">{OFFICE}</Dial></Response>'
    answers(sink, answer=dial)
    over(sandbox, place(sandbox, sink).json()["sid"])
    assert asked(sink, "dialed")[0].fields["DialCallStatus"] == "failed"
    assert [error["code"] for error in sandbox.ledger("call_error")] == [13214]


def test_the_called_side_hears_a_word_first_and_may_leave(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = (
        f'<Response><Dial callerId="{FROM}" action="../dialed/a1"><Number url="../agent/a1">{OFFICE}</Number>'
        "</Dial></Response>"
    )
    answers(sink, answer=dial, agent="<Response><Say>A customer.</Say></Response>")
    sandbox.steer(OFFICE, talks=5)
    over(sandbox, place(sandbox, sink).json()["sid"])
    (whispered,) = [one for one in sandbox.ledger("heard") if one["phone"] == OFFICE]
    assert whispered["words"] == "A customer."
    begin = sandbox.ledger("bridge")[0]
    assert whispered["id"] < begin["id"]
    answers(sink, answer=dial, agent="<Response><Hangup/></Response>")
    over(sandbox, place(sandbox, sink).json()["sid"])
    assert asked(sink, "dialed")[-1].fields["DialBridged"] == "false"
    assert len(sandbox.ledger("bridge")) == 2


def test_a_bridge_can_be_recorded(sandbox: SandboxProcess, sink: Sink) -> None:
    dial = (
        f'<Response><Dial callerId="{FROM}" record="record-from-answer-dual" action="../dialed/a1"'
        f' recordingStatusCallback="../recording/a1">{OFFICE}</Dial></Response>'
    )
    answers(sink, answer=dial)
    sandbox.steer(OFFICE, talks=20)
    over(sandbox, place(sandbox, sink).json()["sid"])
    sink.wait(lambda: len(asked(sink, "recording")) == 1)
    (news,) = asked(sink, "recording")
    assert (news.fields["RecordingSource"], news.fields["RecordingChannels"]) == ("DialVerb", "2")
    assert asked(sink, "dialed")[0].fields["RecordingSid"] == news.fields["RecordingSid"]


def test_a_file_is_fetched_before_it_is_played(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer=f"<Response><Play>{sandbox.base_url}/healthz</Play><Say>Bye.</Say></Response>")
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == [
        f"{sandbox.base_url}/healthz",
        "Bye.",
    ]
    answers(sink, answer=f"<Response><Play>{sandbox.base_url}/nothing</Play><Say>Bye.</Say></Response>")
    assert over(sandbox, place(sandbox, sink).json()["sid"])["heard"] == ["Bye."]
    assert [error["code"] for error in sandbox.ledger("call_error")] == [11200]


def test_documents_can_be_asked_by_get(sandbox: SandboxProcess, sink: Sink) -> None:
    answers(sink, answer="<Response><Say>Hello.</Say></Response>")
    sid = place(sandbox, sink, Method="GET", StatusCallbackMethod="GET").json()["sid"]
    assert over(sandbox, sid)["heard"] == ["Hello."]
    sink.wait(lambda: len(statuses(sink, sid)) == 4)
    validator = RequestValidator(sandbox.credentials["auth_token"])
    for hook in sink.hooks:
        assert f"CallSid={sid}" in hook.url
        assert validator.validate(hook.url, {}, hook.headers["X-Twilio-Signature"])
