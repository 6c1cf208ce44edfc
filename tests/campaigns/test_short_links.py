"""`/l/<code>`: 302 once the click is on record, and pages for what leads nowhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from campaigns import clicking, link_bots, link_signs
from campaigns.models import Click, LinkCode
from campaigns.views import short_links
from common import clock
from conversations.models import Message
from tests.campaigns.linking import BOOK, PHONE, code_of, launch, make_account, path_of

pytestmark = [pytest.mark.usefixtures("noon")]


@pytest.fixture(autouse=True)
def _strangers() -> Iterator[None]:
    """What a web process remembers of codes and of clients is of another test."""
    clicking.forget()
    short_links._unknown.clear()
    yield
    clicking.forget()


@pytest.fixture
def code(transactional_db: None) -> LinkCode:
    account, _ = make_account()
    launch(account)
    return code_of(Message.objects.get())


def follow(path: str, agent: str = PHONE, **headers: str) -> Any:
    return Client().get(path, headers={"User-Agent": agent, **headers})


def test_a_person_is_led_on_once_the_click_is_on_record(code: LinkCode) -> None:
    answer = follow(path_of(code))
    assert (answer.status_code, answer["Location"]) == (302, code.link.destination)
    assert answer["Location"].startswith(f"{BOOK}?utm_source=truckroll&")
    assert answer["Cache-Control"] == "no-store" and answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"] and not answer.cookies
    click = Click.objects.get()
    assert (click.code_id, click.kind, click.user_agent, click.judged_at) == (code.pk, "", PHONE, None)
    assert len(click.client) == 16 and "127" not in click.client
    Message.objects.get().lane  # noqa: B018
    assert follow(path_of(code)).status_code == 302, "also from memory"
    assert Click.objects.count() == 2


def test_head_leads_on_and_counts_for_nobody(code: LinkCode) -> None:
    answer = Client().head(path_of(code), headers={"User-Agent": PHONE})
    assert answer.status_code == 302 and not Click.objects.exists()
    assert Client().post(path_of(code)).status_code == 405


@pytest.mark.parametrize(
    ("agent", "headers", "kind", "reason"),
    [
        ("facebookexternalhit/1.1", {}, "preview", "preview"),
        ("Mozilla/5.0 (Macintosh) Safari/601 facebookexternalhit/1.1 Facebot Twitterbot/1.0", {}, "preview",
         "preview"),
        ("WhatsApp/2.24.9", {}, "preview", "preview"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", {}, "preview", "preview"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", {}, "machine", "user_agent"),
        ("python-requests/2.32", {}, "machine", "user_agent"),
        ("", {}, "machine", "no_user_agent"),
        (PHONE, {"Purpose": "prefetch"}, "machine", "prefetch"),
        (PHONE, {"Sec-Purpose": "prefetch;prerender"}, "machine", "prefetch"),
        (PHONE, {"X-Purpose": "preview"}, "machine", "prefetch"),
        (f"{PHONE} [FBAN/FBIOS;FBAV/475.0]", {}, "", ""),
        ("Mozilla/5.0 (Linux; Android 14; CUBOT X90) Chrome/126.0 Mobile Safari/537.36", {}, "", ""),
    ],
)  # fmt: skip
def test_machines_that_name_themselves_are_noted(
    code: LinkCode, agent: str, headers: dict[str, str], kind: str, reason: str
) -> None:
    assert follow(path_of(code), agent, **headers).status_code == 302
    assert list(Click.objects.values_list("kind", "reason")) == [(kind, reason)]


def test_networks_of_scanners_are_known() -> None:
    assert link_bots.of_request({"User-Agent": PHONE}, "64.235.150.1").kind == "machine"
    assert link_bots.of_request({"User-Agent": PHONE}, "2a03:2880:20ff::1").kind == "machine"
    assert link_bots.of_request({"User-Agent": PHONE}, "203.0.113.9") == link_bots.PERHAPS
    assert link_bots.of_request({"User-Agent": PHONE}, None) == link_bots.PERHAPS


def test_clients_are_told_apart_without_their_address() -> None:
    one, other = clicking.client_of("203.0.113.9"), clicking.client_of("203.0.113.10")
    assert one != other and len(one) == 16
    assert clicking.client_of("2001:db8::1") == clicking.client_of("2001:db8::2")
    assert clicking.client_of(None) == clicking.client_of("a socket") == ""


@pytest.mark.parametrize("nonsense", ["00000000", "short", "123456789", "12345_78", "%E2%82%AC1234567"])
def test_what_leads_nowhere_says_nothing(code: LinkCode, nonsense: str) -> None:
    answer = follow(f"/l/{nonsense}")
    assert answer.status_code == 404 and answer["Cache-Control"] == "no-store"
    assert answer.content == follow("/l/11111111").content
    assert b"Truckroll" not in answer.content


def test_whoever_tries_codes_is_turned_away_before_they_are_looked_up(code: LinkCode) -> None:
    for n in range(short_links.MOST_UNKNOWN):
        assert follow(f"/l/{link_signs.spell(n)}").status_code == 404
    answer = follow(path_of(code))
    assert answer.status_code == 429 and answer["Retry-After"] == "60"
    short_links._minute -= 1
    assert follow(path_of(code)).status_code == 302


def test_an_expired_link_names_whom_to_ask(code: LinkCode) -> None:
    assert follow(path_of(code)).status_code == 302
    LinkCode.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    clicking.forget()
    answer = follow(path_of(code))
    page = answer.content.decode()
    assert answer.status_code == 410 and code.link.campaign.account.name in page
    assert "tel:+1312" in page and BOOK not in page and Click.objects.count() == 1


def test_a_stopped_campaign_still_leads_on(code: LinkCode) -> None:
    code.link.campaign.status = "completed"
    code.link.campaign.stopped_at = clock.now()
    code.link.campaign.save()
    assert follow(path_of(code)).status_code == 302


def test_clicks_that_come_together_share_commits(code: LinkCode) -> None:
    def one(_: int) -> int:
        try:
            return int(follow(path_of(code)).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(one, range(160))) == {302}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM campaigns_click")
        clicks, commits = cursor.fetchone()
    assert clicks == 160 and commits < 120


def test_nobody_is_led_on_unseen_nor_kept_from_going_on(
    code: LinkCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follow(path_of(code)).status_code == 302
    monkeypatch.setattr(clicking, "WAIT_SECONDS", 0.3)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE campaigns_click IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(lambda: (follow(path_of(code)), connection.close())[0]).result()
    assert answer.status_code == 503 and "Location" not in answer
    assert f'href="{code.link.destination.replace("&", "&amp;")}"' in answer.content.decode()


@pytest.mark.django_db
def test_a_domain_proves_that_it_leads_here() -> None:
    answer = Client().get("/l/proof/0f1e2d/")
    assert answer.status_code == 200 and len(answer.content) == 64
    assert answer.content != Client().get("/l/proof/0f1e2e/").content
