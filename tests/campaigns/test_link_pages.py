"""Settings, Links: the domain has to prove itself, and what holds is said."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, Role
from campaigns import destinations, link_domains
from campaigns.models import DestinationCheck, LinkSettings
from campaigns.tasks import check_links
from common import clock, outside
from tests import factories
from tests.accounts.making import make_member, signed_in

pytestmark = pytest.mark.django_db
PAGE = {"expires_days": "30", "utm": "on", "utm_source": "comfort", "utm_medium": "", "utm_campaign": ""}


@pytest.fixture
def account() -> Account:
    return factories.make_account()


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(make_member(account, Role.ADMIN))


class Site(ThreadingHTTPServer):
    """A web server of somebody's: ours, another's, or one with a missing page."""

    answers: str = "ours"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, Site)
            challenge = self.path.strip("/").rpartition("/")[2]
            body = link_domains.answer_to(challenge if self.server.answers == "ours" else "another")
            self.send_response(200 if self.path != "/gone" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body.encode())

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Site(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_new_domain_is_checked_before_it_is_used(admin: Client, account: Account, site: Site) -> None:
    address = reverse("campaigns:links")
    assert "Our address" in admin.get(address).content.decode()
    answer = admin.post(address, {**PAGE, "domain": f"http://{site.name}/"}, follow=True)
    own = LinkSettings.objects.get(account=account)
    assert (own.domain, own.works, own.expires_days) == (site.name, False, 30)
    assert "Being checked" in answer.content.decode()
    assert link_domains.base(own) == "http://127.0.0.1:8000"
    assert check_links() == 1
    own.refresh_from_db()
    assert own.works and link_domains.base(own) == f"http://{site.name}"
    assert "Your domain works" in admin.get(address).content.decode()
    assert check_links() == 0, "not again within the hour"
    verbs = AuditEntry.objects.filter(account=account).values_list("verb", flat=True)
    assert {"changed_links", "checked_link_domain"} <= set(verbs)


def test_a_domain_that_leads_elsewhere_is_told_and_not_used(
    admin: Client, account: Account, site: Site
) -> None:
    LinkSettings.objects.create(account=account, domain=site.name, works=True, checked_at=clock.now())
    site.answers = "another's"
    answer = admin.post(reverse("campaigns:links_check"), follow=True)
    assert "it is another site" in answer.content.decode()
    own = LinkSettings.objects.get()
    assert not own.works and link_domains.base(own) == "http://127.0.0.1:8000"
    site.answers = "ours"
    assert "leads here" in admin.post(reverse("campaigns:links_check"), follow=True).content.decode()


@pytest.mark.parametrize(
    "field",
    [{"domain": "go.comfort.example/path"}, {"domain": "bit.ly"}, {"domain": "10.0.0.1"},
     {"expires_days": "0"}, {"utm_source": "a b&c"}],
)  # fmt: skip
def test_what_cannot_be_is_refused(admin: Client, field: dict[str, str]) -> None:
    answer = admin.post(reverse("campaigns:links"), {**PAGE, "domain": "", **field})
    assert answer.status_code == 422 and "Nothing was changed" in answer.content.decode()
    assert not LinkSettings.objects.exists()


def test_nobody_is_led_into_our_own_network(site: Site) -> None:
    assert outside.ask(f"http://{site.name}/", private=True).status == 200
    for url in (f"http://{site.name}/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/x"):
        with pytest.raises(outside.Unreachable):
            outside.ask(url, seconds=1)


def test_pages_that_do_not_answer_are_told_as_a_warning(account: Account, site: Site) -> None:
    def check(path: str) -> str:
        one = DestinationCheck.objects.create(account=account, url=f"http://{site.name}{path}", digest=path)
        return destinations.check(one, now=clock.now())

    assert check("/") == ""
    assert "error 404 (page not found)" in check("/gone")
    refused = DestinationCheck.objects.create(account=account, url="http://127.0.0.1:9/", digest="refused")
    assert "does not answer" in destinations.check(refused, now=clock.now())
    assert not destinations.due()


def test_of_links_with_merge_fields_the_site_is_asked() -> None:
    assert destinations.to_ask("https://comfort.example/x?c={{ city }}") == "https://comfort.example/"
    assert destinations.to_ask("https://comfort.example/x") == "https://comfort.example/x"
