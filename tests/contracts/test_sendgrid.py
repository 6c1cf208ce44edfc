"""SendGrid's own SDK against the sandbox, and its mail against SendGrid's description."""

import json
import time
from typing import Any

import httpx
import pytest
from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Content, CustomArg, From, Mail, Subject, To

from tests.contracts.specifications import load
from tests.sandbox_process import SandboxProcess


def post(sandbox: SandboxProcess, body: Any) -> httpx.Response:
    key = {"Authorization": f"Bearer {sandbox.credentials['sendgrid_key']}"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = sandbox.http.post(f"{sandbox.base_url}/v3/mail/send", content=content, headers=key)
    if answer.status_code in (400, 413):
        # Where no field is to blame the description says "null", SendGrid itself null.
        told = [{k: v for k, v in each.items() if v is not None} for each in answer.json()["errors"]]
        spec = load("sendgrid_tsg_mail_v3.json")
        spec.check_response("POST", "/v3/mail/send", answer.status_code, {"errors": told})
    return answer


def error(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["errors"][0]["field"]


def letter(*to: str, **more: Any) -> dict[str, Any]:
    """A mail of ours to these people, each with a substitution."""
    people = [
        {"to": [{"email": one}], "subject": f"Hi {n}", "substitutions": {"-tr-name-": f"<b>Pat {n}</b>"},
         "custom_args": {"attempt": f"a{n}"}}
        for n, one in enumerate(to)
    ]  # fmt: skip
    content = [
        {"type": "text/plain", "value": "Dear -tr-name-"},
        {"type": "text/html", "value": "<p>Dear -tr-name-</p><script>top.location = '/'</script>"},
    ]
    return {"personalizations": people, "from": {"email": "o@x.example"}, "content": content, **more}


def mail(to: str = "ada@example.org") -> Mail:
    made = Mail(From("office@prairiehome.example"), To(to), Subject("Reset your password"))
    made.add_content(Content("text/plain", "Open this link"))
    made.add_content(Content("text/html", "<p>Open this link</p>"))
    made.personalizations[0].add_custom_arg(CustomArg("attempt", "a1"))
    return made


def test_mail_of_the_sdk_is_accepted_kept_and_fits(contract_sandbox: SandboxProcess) -> None:
    spec = load("sendgrid_tsg_mail_v3.json")
    body = mail().get()
    spec.check_request("POST", "/v3/mail/send", body)
    client = SendGridAPIClient(contract_sandbox.credentials["sendgrid_key"], host=contract_sandbox.base_url)
    client.client.timeout = 10
    answer = client.send(mail())
    assert answer.status_code == 202
    assert answer.headers["X-Message-Id"]
    kept = contract_sandbox.http.get(f"{contract_sandbox.base_url}/mail.json").json()
    assert kept[0]["subject"] == "Reset your password"
    assert contract_sandbox.ledger("mail")[-1]["to"] == ["ada@example.org"]


def test_one_bad_address_refuses_the_whole_request(contract_sandbox: SandboxProcess) -> None:
    client = SendGridAPIClient(contract_sandbox.credentials["sendgrid_key"], host=contract_sandbox.base_url)
    before = len(contract_sandbox.ledger("mail"))
    body = {**mail().get(), "personalizations": [{"to": [{"email": "not-an-address"}]}]}
    with pytest.raises(BadRequestsError) as refused:
        client.client.mail.send.post(request_body=body)
    assert refused.value.to_dict["errors"][0]["field"] == "personalizations.0.to.0.email"
    assert len(contract_sandbox.ledger("mail")) == before


def test_wrong_key_is_refused(contract_sandbox: SandboxProcess) -> None:
    with pytest.raises(UnauthorizedError):
        SendGridAPIClient("SG.wrong", host=contract_sandbox.base_url).send(mail())


def test_each_recipient_reads_a_mail_of_their_own(contract_sandbox: SandboxProcess) -> None:
    body = letter("ann@example.org", "bob@example.org", reply_to={"email": "desk@x.example"})
    load("sendgrid_tsg_mail_v3.json").check_request("POST", "/v3/mail/send", body)
    answer = post(contract_sandbox, body)
    assert (answer.status_code, answer.content) == (202, b"")
    message_id = answer.headers["X-Message-Id"]
    [read] = contract_sandbox.mails_to("bob@example.org")
    assert (read["subject"], read["text"], read["reply_to"]) == (
        "Hi 1",
        "Dear <b>Pat 1</b>",
        "desk@x.example",
    )
    named = [contract_sandbox.mails_to(one)[0]["recipient"] for one in ("ann@example.org", "bob@example.org")]
    assert [one["args"] for one in named] == [{"attempt": "a0"}, {"attempt": "a1"}]
    ids = {one["sg_message_id"] for one in named}
    assert len(ids) == 2 and {one.partition(".")[0] for one in ids} == {message_id}
    entry = contract_sandbox.ledger("mail")[-1]
    assert (entry["message_id"], entry["attempts"], entry["recipients"]) == (message_id, ["a0", "a1"], 2)
    page = contract_sandbox.http.get(f"{contract_sandbox.base_url}/outbox/{message_id}/1")
    assert page.status_code == 200 and "<script>" not in page.text
    assert (
        "Dear &lt;b&gt;Pat 1&lt;/b&gt;" in page.text
        and "default-src 'none'" in page.headers["Content-Security-Policy"]
    )
    assert 'sandbox="allow-popups' in page.text and "allow-scripts" not in page.text
    assert contract_sandbox.http.get(f"{contract_sandbox.base_url}/outbox/{message_id}/2").status_code == 404


def test_what_a_request_may_hold(contract_sandbox: SandboxProcess) -> None:
    many = [f"p{n}@example.org" for n in range(1001)]
    assert error(post(contract_sandbox, letter(*many))) == (400, "personalizations")
    assert post(contract_sandbox, letter(*many[:1000])).status_code == 202
    twice = letter("ann@example.org")
    twice["personalizations"][0]["to"].append({"email": "Ann@example.org"})
    assert error(post(contract_sandbox, twice)) == (400, "personalizations.0")
    assert post(contract_sandbox, letter("ann@example.org", "ann@example.org")).status_code == 202
    full = letter("ann@example.org")
    full["personalizations"][0]["substitutions"] = {"-tr-name-": "é" * 5000}
    assert error(post(contract_sandbox, full)) == (400, "personalizations.0.substitutions")
    assert post(contract_sandbox, b" " * (30 * 1024 * 1024 + 1)).status_code == 413
    assert post(contract_sandbox, b" " * (40 * 1024 * 1024)).status_code == 413


def test_sandbox_mode_checks_and_sends_nothing(contract_sandbox: SandboxProcess) -> None:
    before = len(contract_sandbox.ledger("mail"))
    only = {"mail_settings": {"sandbox_mode": {"enable": True}}}
    assert post(contract_sandbox, letter("ann@example.org", **only)).status_code == 200
    assert post(contract_sandbox, letter("nobody", **only)).status_code == 400
    assert len(contract_sandbox.ledger("mail")) == before


@pytest.mark.parametrize(
    ("magic", "status", "field"),
    [
        ("refused", 400, "personalizations.1.to.0.email"), ("unnamed", 400, None),
        ("content", 400, "content"), ("large", 413, None),
        ("unauthorised", 401, None), ("forbidden", 403, "from"),
    ],
)  # fmt: skip
def test_a_magic_mailbox_refuses_its_whole_request(
    contract_sandbox: SandboxProcess, magic: str, status: int, field: str | None
) -> None:
    before = len(contract_sandbox.ledger("mail"))
    answer = post(contract_sandbox, letter("ann@example.org", f"magic-{magic}-3@example.org"))
    assert error(answer) == (status, field)
    assert len(contract_sandbox.ledger("mail")) == before


def test_too_many_requests_say_when_to_come_back(contract_sandbox: SandboxProcess) -> None:
    answer = post(contract_sandbox, letter("magic-throttled@example.org"))
    assert error(answer) == (429, None)
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 10
    assert answer.headers["X-RateLimit-Remaining"] == "0"
