"""SendGrid's own SDK against the sandbox, and its mail against SendGrid's description."""

import pytest
from python_http_client.exceptions import BadRequestsError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Content, CustomArg, From, Mail, Subject, To

from tests.contracts.specifications import load
from tests.sandbox_process import SandboxProcess


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
