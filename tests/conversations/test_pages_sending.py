"""Settings, Sending, and the banner that everybody sees."""

import json
import time

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role
from common import clock
from conversations import footers, pausing
from conversations.models import Footer, SendingPause
from tests import factories

PAUSE, RESUME, SENDING = "/settings/sending/pause/", "/settings/sending/resume/", "/settings/sending/"
LINES = {"english": "Text STOP to end", "spanish": "Responda STOP para salir"}


@pytest.fixture
def account(transactional_db: None):
    return factories.make_account()


def client_of(account, role: str) -> Client:
    client = Client()
    client.force_login(factories.make_user(account, role, name=f"Pat {role}"))
    return client


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MARKETER, Role.CSR])
def test_those_who_may_pause_and_resume(account, role) -> None:
    client = client_of(account, role)
    answer = client.post(PAUSE, {"reason": "Wrong price\0 in it", "agents_too": "on"}, follow=True)
    held = SendingPause.objects.get()
    assert (held.agents_too, held.reason, str(held.by)) == (True, "Wrong price in it", f"Pat {role}")
    assert "Everything is paused. Nothing leaves now." in answer.content.decode()
    assert "already" in client.get(PAUSE).content.decode()
    client.post(RESUME)
    held.refresh_from_db()
    assert held.lifted_at is not None and str(held.lifted_by) == f"Pat {role}"
    assert "somebody has resumed already" in client.post(RESUME, follow=True).content.decode()


def test_an_agent_sees_the_banner_without_the_button(account) -> None:
    agent, csr = client_of(account, Role.AGENT), client_of(account, Role.CSR)
    assert 'role="status"\n' in agent.get("/").content.decode()
    assert agent.post(PAUSE).status_code == 403
    csr.post(PAUSE, {"reason": "<b>Recall</b>"})
    for client, may in ((agent, False), (csr, True)):
        for page in ("/", "/contacts/", "/conversations/", "/settings/", "/campaigns/"):
            words = client.get(page).content.decode()
            assert "Everything is paused." in words, page
            assert "“&lt;b&gt;Recall&lt;/b&gt;”" in words and "Pat csr" in words
            assert ("Resume sending" in words) is may, page


def test_the_poll_of_every_page_brings_and_takes_the_banner(account) -> None:
    client = client_of(account, Role.CSR)
    poll = {"HX-Request": "true"}
    first = client.get("/conversations/waiting/", headers=poll)
    same = {**poll, "HX-PTag": first["HX-PTag"]}
    assert client.get("/conversations/waiting/", headers=same).status_code == 304
    client.post(PAUSE)
    news = client.get("/conversations/waiting/", headers=same)
    assert news.status_code == 200 and "Everything is paused." in news.content.decode()
    client.post(RESUME)
    again = client.get("/conversations/waiting/", headers={**poll, "HX-PTag": news["HX-PTag"]})
    assert again.status_code == 200 and "Everything is paused." not in again.content.decode()


def test_live_pages_notice(account) -> None:
    client = client_of(account, Role.CSR)
    version = client.get("/", headers={"HX-Request": "true"})["HX-PTag"]
    client.post(PAUSE)
    time.sleep(1.1)  # account figures are computed at most once a second
    answer = client.get("/", headers={"HX-Request": "true", "HX-PTag": version})
    assert answer.status_code == 200


def test_the_page_shows_history_and_who(account) -> None:
    client = client_of(account, Role.ADMIN)
    assert "None. Each pause stays in this list" in client.get(SENDING).content.decode()
    client.post(PAUSE, {"reason": "Wrong price"})
    assert "Every automated text" in client.get(SENDING).content.decode()
    client.post(RESUME)
    words = client.get(SENDING).content.decode()
    assert "Wrong price" in words and "Texts may leave" in words
    other = factories.make_account()
    assert "Wrong price" not in client_of(other, Role.ADMIN).get(SENDING).content.decode()


def test_an_admin_words_the_line(account) -> None:
    client = client_of(account, Role.ADMIN)
    assert client.post(SENDING, LINES, follow=True).status_code == 200
    assert footers.wording(account) == footers.Wording(**LINES)
    entry = AuditEntry.objects.get(verb="changed_footer")
    assert entry.detail["before"] == [footers.ENGLISH, footers.SPANISH]
    client.post(SENDING, LINES)
    assert AuditEntry.objects.filter(verb="changed_footer").count() == 1, "nothing was changed"
    assert client_of(account, Role.MARKETER).post(SENDING, LINES).status_code == 403


@pytest.mark.parametrize(
    "line",
    ["", " ", "Thanks!", "Reply UNSUBSCRIBE", "We stop by soon", "Reply STOP {{ first_name }}",
     "Reply STOP — any time", "Reply STOP to opt out " + "x" * 80],
)  # fmt: skip
def test_words_without_stop_are_refused(account, line: str) -> None:
    client = client_of(account, Role.ADMIN)
    for name in LINES:
        answer = client.post(SENDING, {**LINES, name: line})
        assert answer.status_code == 422
        assert "The line was not changed" in answer.content.decode()
    assert not Footer.objects.exists()


def test_the_question_in_the_modal_closes_it_and_asks_the_page_anew(account) -> None:
    client = client_of(account, Role.CSR)
    htmx = {"HX-Request": "true"}
    asked = client.get(PAUSE, headers=htmx).content.decode()
    assert "<html" not in asked and "Pause everything?" in asked
    done = client.post(PAUSE, headers=htmx)
    assert done.status_code == 204
    assert {"refresh", "close-modal", "toast"} <= set(json.loads(done["HX-Trigger"]))
    assert pausing.in_force(account).at <= clock.now()


def test_what_waits_is_a_number(account) -> None:
    client = client_of(account, Role.CSR)
    client.post(PAUSE)
    for page in (SENDING, RESUME):
        words = client.get(page).content.decode()
        assert "Waiting(" not in words
        assert "0 queued texts" in words or "<dd>0</dd>" in words
        assert "data-everything" in words, "which takes the button away that pauses everything"
