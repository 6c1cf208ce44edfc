"""The pages for people: they find, show, escape, send and turn knobs."""

from tests.sandbox.messages import send
from tests.sandbox_process import SandboxProcess, StartSandbox
from tests.webhook_sink import Sink


def page(sandbox: SandboxProcess, path: str) -> str:
    answer = sandbox.http.get(f"{sandbox.base_url}{path}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_customers_are_found_by_name_and_phone(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox("--demo", "--demo-customers", "50", "--customers", "silent")
    send(sandbox, to="+14155550177")
    whole = page(sandbox, "/")
    assert "+14155550177" in whole
    assert "Stranger" in page(sandbox, "/?q=(415) 555-0177")
    assert "Nobody matches" in page(sandbox, "/?q=zzzzzz")


def test_typing_as_a_customer_reaches_the_product_and_shows_its_answer(
    sandbox: SandboxProcess, sink: Sink
) -> None:
    sandbox.set_webhook_base(sink.base_url)
    send(sandbox, to="+12175550150", body="Hello <b>you</b>")
    url = f"{sandbox.base_url}/c/+12175550150"
    answer = sandbox.http.post(url, data={"body": "<i>hi</i>", "to": "+17735550100"})
    assert answer.status_code == 303
    shown = page(sandbox, answer.headers["location"])
    assert "&lt;i&gt;hi&lt;/i&gt;" in shown
    assert "<b>you</b>" not in shown
    assert "answered: 200" in shown
    assert sink.inbound()[0].fields["To"] == "+17735550100"
    assert "inbound 1" in page(sandbox, "/ledger?kind=inbound")


def test_knobs_change_and_refuse(sandbox: SandboxProcess) -> None:
    turn = f"{sandbox.base_url}/knobs"
    assert sandbox.http.post(turn, data={"do": "faults", "faults": '{"http_429": 1.0}'}).status_code == 303
    assert send(sandbox).status_code == 429
    wrong = sandbox.http.post(turn, data={"do": "faults", "faults": "not json"})
    assert "wrong=" in wrong.headers["location"]
    assert 'role="alert"' in page(sandbox, wrong.headers["location"])
    sandbox.http.post(turn, data={"do": "heal"})
    assert send(sandbox).status_code == 201
    sandbox.http.post(turn, data={"do": "mode", "mode": "demo"})
    assert sandbox.http.get(f"{sandbox.base_url}/healthz").json()["customers"] == "demo"


def test_outbox_shows_mail_text(sandbox: SandboxProcess) -> None:
    mail = {
        "personalizations": [{"to": [{"email": "ada@example.org"}]}],
        "from": {"email": "office@prairiehome.example"},
        "subject": "Reset your password",
        "content": [{"type": "text/plain", "value": "Go to http://localhost/reset/abc"}],
    }
    key = {"Authorization": f"Bearer {sandbox.credentials['sendgrid_key']}"}
    assert sandbox.http.post(f"{sandbox.base_url}/v3/mail/send", json=mail, headers=key).status_code == 202
    assert "http://localhost/reset/abc" in page(sandbox, "/outbox")
