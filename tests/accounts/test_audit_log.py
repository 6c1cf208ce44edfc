"""The audit log page: words for every act, filters, pages, where an act came from."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import audit, audit_words
from accounts.models import Account, AuditEntry, Role, User
from common import clock
from tests import factories
from tests.accounts.making import make_account, make_member, make_user, signed_in

pytestmark = pytest.mark.django_db
PACKAGES = ("accounts", "integrations", "audiences", "conversations", "campaigns", "analytics", "config")


def _strings(node: ast.expr, scope: ast.AST) -> Iterator[str]:
    """The texts an expression can be: a constant, a choice of two, or a name that is given such a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body, scope)
        yield from _strings(node.orelse, scope)
    elif isinstance(node, ast.Tuple):
        yield from _strings(node.elts[0], scope)  # verb, said = ("connected", "Connected")
    elif isinstance(node, ast.Name):
        for given in ast.walk(scope):
            if isinstance(given, ast.Assign) and node.id in ast.unparse(given.targets[0]).strip("()").split(
                ", "
            ):
                yield from _strings(given.value, scope)


def verbs_in_code() -> dict[str, str]:
    """Every verb given to `audit.record`, with the file that gives it."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in (Path(settings.BASE_DIR) / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
                for call in ast.walk(function):
                    if not isinstance(call, ast.Call):
                        continue
                    verbs = [word.value for word in call.keywords if word.arg == "verb"]
                    if ast.unparse(call.func) == "_record":  # accounts/people.py, say
                        verbs += call.args[1:2]
                    for verb in verbs:
                        found |= {text: str(path) for text in _strings(verb, function)}
    return found


def test_every_kind_of_act_has_words() -> None:
    found = verbs_in_code()
    assert {"stopped", "removed_member", "connected", "created_audience"} <= set(found), "the search works"
    missing = {verb: file for verb, file in found.items() if verb not in audit_words.ACTS}
    assert not missing, f"add words to accounts/audit_words.py: {missing}"
    assert not set(audit_words.ACTS) - set(found), "words of acts that nobody does any more"


@pytest.fixture
def account() -> Account:
    return make_account("Acme", "America/Chicago")


@pytest.fixture
def dana(account: Account) -> User:
    return make_member(account, Role.ADMIN, make_user("dana@example.com", "Dana Reed"))


@pytest.fixture
def screen(dana: User) -> Client:
    return signed_in(dana)


def read(client: Client, query: str = "") -> str:
    answer = client.get(f"/settings/audit-log/{query}")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def entry(
    account: Account, summary: str, *, by: User | None = None, at: datetime | None = None
) -> AuditEntry:
    return AuditEntry.objects.create(
        account=account, by=by, verb="stopped", summary=summary, at=at or clock.now()
    )


def test_entry_is_a_sentence_with_a_link_to_what_it_is_about(
    account: Account, dana: User, screen: Client
) -> None:
    version = factories.make_workflow(account, name="Tune-up")
    audit.record(account=account, by=dana, verb="published", summary="Published Tune-up v1", on=version)
    audit.record(
        account=account, by=None, verb="stopped", summary="Stopped Fall: too many failed",
        detail={"reason": "failures", "changed": ["a", "b"]},
    )  # fmt: skip
    page = read(screen)
    assert f'<strong>Dana Reed</strong> <a href="/workflows/{version.pk}/">published Tune-up v1</a>' in page
    assert "<strong>Truckroll</strong> stopped Fall: too many failed" in page
    assert "<dt>Reason</dt>" in page and "<dd>a, b</dd>" in page


def test_bare_name_as_summary_gets_its_verb(account: Account, dana: User) -> None:
    made = audit.record(account=account, by=dana, verb="created_audience", summary="Lapsed")
    assert audit_words.did(made) == "created the audience Lapsed"
    said = audit.record(account=account, by=dana, verb="declared_consent", summary="Dana Reed declared it")
    assert audit_words.did(said) == "declared it"


def test_entry_says_from_where_a_person_asked(account: Account, dana: User) -> None:
    lee = make_member(account, Role.CSR)
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    client.post(f"/settings/people/{lee.memberships.get().pk}/disable/")
    assert AuditEntry.objects.get().ip == "203.0.113.9"
    assert "203.0.113.9" in read(client)
    assert audit.record(account=account, by=None, verb="stopped", summary="Stopped it").ip is None


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0"])
def test_address_that_is_none_stops_no_act(account: Account, dana: User, address: str) -> None:
    lee = make_member(account, Role.CSR)
    client = Client(REMOTE_ADDR=address)
    client.force_login(dana, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/settings/people/{lee.memberships.get().pk}/disable/").status_code == 302
    assert AuditEntry.objects.get().ip is None


def test_filters(account: Account, dana: User, screen: Client) -> None:
    lee = make_member(account, Role.CSR, make_user(name="Lee Park"))
    entry(account, "Stopped 100% summer", by=dana)
    audit.record(account=account, by=lee, verb="paused", summary="Paused winter")
    audit.record(account=account, by=None, verb="stopped", summary="Stopped autumn")
    for query, shown in {
        "?q=WINTER": {"winter"},
        "?q=0%25 s": {"summer"},
        "?kind=stopped": {"summer", "autumn"},
        f"?by={lee.pk}": {"winter"},
        "?by=product": {"autumn"},
        f"?by={dana.pk}&kind=stopped": {"summer"},
    }.items():
        page = read(screen, query)
        assert {name for name in ("summer", "winter", "autumn") if name in page} == shown, query
    assert "No entry matches" in read(screen, "?q=spring")
    idle = make_member(account, Role.AGENT)
    assert "No entry matches" in read(screen, f"?by={idle.pk}")
    stranger = make_member(make_account("Elsewhere"))
    assert screen.get(f"/settings/audit-log/?by={stranger.pk}").status_code == 422
    lee.memberships.all().delete()
    assert ">Lee Park</option>" in read(screen), "who has left can still be chosen"


def test_days_are_the_accounts_and_both_included(account: Account, screen: Client) -> None:
    midnight = datetime(2026, 11, 20, 6, tzinfo=UTC)  # in Chicago
    entry(account, "Stopped the day before", at=midnight - timedelta(seconds=1))
    entry(account, "Stopped at midnight", at=midnight)
    entry(account, "Stopped late", at=midnight + timedelta(hours=23, minutes=59, seconds=59))
    entry(account, "Stopped the day after", at=midnight + timedelta(days=1))
    page = read(screen, "?since=2026-11-20&until=2026-11-20")
    assert "stopped at midnight" in page and "stopped late" in page
    assert "the day before" not in page and "the day after" not in page
    wrong = screen.get("/settings/audit-log/?since=2026-11-20&until=2026-11-19")
    assert wrong.status_code == 422 and "ends before it begins" in wrong.content.decode()
    for ends in ("until=9999-12-31", "since=0001-01-01"):
        assert screen.get(f"/settings/audit-log/?{ends}").status_code == 422, "there is no midnight beyond"


def test_pages_hold_every_entry_once_though_new_ones_arrive(account: Account, screen: Client) -> None:
    moment = clock.now()
    for number in range(120):  # many at one instant: their keys decide
        entry(account, f"Stopped number {number:03}", at=moment - timedelta(seconds=number // 40))
    seen: list[str] = []
    query, pages = "?kind=stopped", 0
    while query:
        page = read(screen, query)
        pages += 1
        entry(account, "Stopped meanwhile")
        seen += [words[:3] for words in page.split("stopped number ")[1:]]
        older = page.split("before=")[-1].split('"')[0] if "Older" in page else ""
        query = f"?kind=stopped&before={older}" if older else ""
    assert pages == 3 and len(seen) == 120 and len(set(seen)) == 120
    assert read(screen, "?before=nonsense") and read(screen, "?before=99999999999999999-1")


def test_empty_log_and_other_accounts(account: Account, screen: Client) -> None:
    other = make_account("Elsewhere")
    entry(other, "Stopped a stranger's campaign", by=make_member(other, user=make_user(name="Sid Stranger")))
    page = read(screen)
    assert "Nothing recorded yet" in page and "stranger" not in page.lower()


def test_page_asks_a_fixed_number_of_queries(account: Account, dana: User, screen: Client) -> None:
    read(screen)  # the session is noted once
    counts = []
    for _ in range(2):
        for number in range(20):
            entry(account, f"Stopped {number}", by=dana)
        with CaptureQueriesContext(connection) as asked:
            read(screen)
        counts.append(len(asked))
    assert counts[0] == counts[1]
