"""What the sandbox's tests say to Twilio's API, over plain HTTP."""

from typing import Any

import httpx

from tests.sandbox_process import SandboxProcess

FROM = "+13125550100"


def send(
    sandbox: SandboxProcess, to: str = "+12175550123", body: str = "Hello", **more: Any
) -> httpx.Response:
    """POST one message."""
    account = sandbox.credentials["account_sid"]
    return sandbox.http.post(
        f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json",
        data={"To": to, "From": FROM, "Body": body, **more},
        auth=(account, sandbox.credentials["auth_token"]),
    )


def listed(sandbox: SandboxProcess, **query: Any) -> dict[str, Any]:
    """GET one page of the message list."""
    account = sandbox.credentials["account_sid"]
    answer = sandbox.http.get(
        f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json",
        params=query,
        auth=(account, sandbox.credentials["auth_token"]),
    )
    answer.raise_for_status()
    page: dict[str, Any] = answer.json()
    return page
