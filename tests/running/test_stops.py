"""Fifty customers say STOP at one instant, each with a call to their phone hanging at the provider.

On the real web process, with a person looking at pages meanwhile.
"""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any

import httpx
import pytest

from tests.product import Product, wait_for
from tests.running.test_kills import ledger, load

pytestmark = pytest.mark.xdist_group("product")
STOPS = 50
MAIL, PASSWORD = "agent@load.example", "long-enough-password"
ANSWERED_WITHIN_SECONDS = 10  # the promise; Twilio itself gives up after 15
QUICK_SECONDS = 3  # a page on a machine that also runs the rest of the tests


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Whatever a test opens is closed after it."""
    with ExitStack() as stack:
        yield stack


def sign_in(url: str) -> httpx.Client:
    """A browser's session, without the browser."""
    client = httpx.Client(base_url=url, timeout=30)
    client.get("/login/")
    form = {"username": MAIL, "password": PASSWORD}
    answer = client.post("/login/", data={**form, "csrfmiddlewaretoken": client.cookies["csrftoken"]})
    assert answer.status_code == 302, answer.text
    return client


def test_fifty_stops_at_once_are_answered_while_pages_stay_quick(
    start_product: Callable[..., Product], opened: ExitStack
) -> None:
    product = start_product(
        TRUCKROLL_DEMO="0",
        TRUCKROLL_NOW="2026-12-01T18:00:00+00:00",
        TRUCKROLL_PASSWORD=PASSWORD,
        LOAD_RATE="1000",
    )
    sandbox = f"http://127.0.0.1:{(product.data / 'sandbox.port').read_text().strip()}"
    httpx.post(f"{sandbox}/customers", json={"mode": "silent"}).raise_for_status()
    slow = {"slow": {"rate": 1.0, "seconds": 28.0}, "callbacks": {"drop": 1.0}}
    httpx.post(f"{sandbox}/faults", json=slow).raise_for_status()
    product.signal("sending", signal.SIGSTOP)  # until somebody is there to look: calls hang for 28 s only
    facts = load(product, "launch", str(STOPS))
    added = product.manage("add_user", MAIL, "--role", "agent")
    assert added.returncode == 0, added.stderr
    browser = sign_in(product.url)
    opened.callback(browser.close)
    product.signal("sending", signal.SIGCONT)
    wait_for(lambda: len(ledger(sandbox, "message")) >= STOPS, seconds=60, what="calls")
    phones = [entry["to"] for entry in ledger(sandbox, "message")]

    def say_stop(phone: str) -> dict[str, Any]:
        body = {"body": "STOP", "to": facts["number"], "intent": "optout"}
        said = httpx.post(f"{sandbox}/customers/{phone}/say", json=body, timeout=60)
        answer: dict[str, Any] = said.json()
        return answer

    with ThreadPoolExecutor(STOPS) as pool:
        answers = [pool.submit(say_stop, phone) for phone in phones]
        pages: list[float] = []
        while not pages or not all(answer.done() for answer in answers):
            began = time.monotonic()
            assert browser.get("/").status_code == 200
            pages.append(time.monotonic() - began)
        results = [answer.result() for answer in answers]
    assert {result["status"] for result in results} == {200}
    assert max(result["seconds"] for result in results) < ANSWERED_WITHIN_SECONDS
    assert median(pages) < QUICK_SECONDS, pages
    report = load(product, "report")
    assert report["text_steps"] == {"skipped": STOPS}, report  # each ended while its call was still hanging
    assert report["reasons"] == {"skipped opted_out": STOPS}, report
    answered = {result["sid"]: result["answered_at"] for result in results}
    assert len(answered) == STOPS
    last = max(answered.values())
    assert not [entry for entry in ledger(sandbox, "message") if entry["received_at"] > last]
