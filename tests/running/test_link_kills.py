"""kill -9 of the web process while links are followed: every click that was answered is on record."""

import signal
import threading

import httpx
import pytest

from bench.events import web_process
from campaigns.models import Click
from config.processes import signal_group
from conversations.models import Message
from tests.campaigns.linking import BOOK, code_of, launch, make_account, path_of
from tests.product import wait_for

PEOPLE = 12
ANSWERED = 300  # before the process dies


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("noon")
def test_no_answered_click_is_lost_with_the_web_process() -> None:
    account, _ = make_account()
    launch(account)
    path = path_of(code_of(Message.objects.get(), BOOK))
    answered: list[str] = []
    dead = threading.Event()

    def follow(url: str, person: int) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            for n in range(100_000):
                name = f"phone {person} {n}"
                try:
                    answer = client.get(url, headers={"User-Agent": name})
                except httpx.HTTPError:
                    return
                if answer.status_code == 302:
                    answered.append(name)
                if dead.is_set():
                    return

    with web_process() as server:
        people = [
            threading.Thread(target=follow, args=(f"{server.url}{path}", person)) for person in range(PEOPLE)
        ]
        for person in people:
            person.start()
        wait_for(lambda: len(answered) >= ANSWERED, seconds=60, what="clicks")
        signal_group(server.pid, signal.SIGKILL)
        dead.set()
        for person in people:
            person.join(30)
    assert len(answered) >= ANSWERED
    kept = set(Click.objects.values_list("user_agent", flat=True))
    assert set(answered) - kept == set()
    assert len(kept) <= len(answered) + PEOPLE, "at most one each was on its way"
