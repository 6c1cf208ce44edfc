"""Every URL as every role, as a member of another account and signed out, against `url_rules.py`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import access
from accounts.models import Account, Role, User
from tests.accounts.making import make_account, make_member, signed_in
from tests.architecture.url_rules import EXAMPLES, RULES, Rule
from tests.forgetting import forget_everybody

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
WORKED = {200, 204, 302, 303, 304, 400, 409, 422}  # the view itself answered
PLACE_OF_HOME, PLACE_OF_STRANGER = "Homeward Heating 7391", "Strangeways Plumbing 4826"


def walk(resolver: URLResolver, spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the URLconf with its full name; the route in parentheses where it has none."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from walk(entry, (*spaces, entry.namespace) if entry.namespace else spaces)
        else:
            yield ":".join([*spaces, entry.name or f"({entry.pattern})"]), entry


URLS = dict(walk(get_resolver()))
LISTED = sorted(name for name in RULES if name in URLS)
MEMBERS_ONLY = [name for name in LISTED if not RULES[name].public]
OWNED = [name for name in MEMBERS_ONLY if RULES[name].arg and RULES[name].owned]
CALLS = [(name, method) for name in LISTED for method in sorted(RULES[name].methods)]


def address(name: str, account: Account) -> str:
    """The URL with arguments of this account's example."""
    rule = RULES[name]
    arguments = URLS[name].pattern.converters or URLS[name].pattern.regex.groupindex
    if not rule.arg:
        return reverse(name)
    example = EXAMPLES[rule.arg](account)
    if isinstance(example, dict):
        return reverse(name, kwargs=example)
    value = example.pk if isinstance(example, Model) else example
    return reverse(name, kwargs={next(iter(arguments)): value})


def call(
    client: Client, name: str, method: str, account: Account, url: str = "", **extra: Any
) -> HttpResponse:
    """GET or POST the URL as one of the account would."""
    rule = RULES[name]
    data = rule.data(account) if rule.data and method == "POST" else {}
    send: Callable[..., Any] = getattr(client, method.lower())
    return send(url or address(name, account), data, **extra)  # type: ignore[no-any-return]


def leads_to_sign_in(answer: HttpResponse) -> bool:
    """Whether the person was asked to sign in."""
    return answer.status_code == 401 or answer.headers.get("Location", "").startswith("/login/?next=")


def worked(rule: Rule, answer: HttpResponse) -> bool:
    """Whether the view itself answered."""
    return answer.status_code in WORKED | rule.answers and not leads_to_sign_in(answer)


def test_every_url_is_listed() -> None:
    unlisted = sorted(set(URLS) - set(RULES))
    assert not unlisted, f"say in tests/architecture/url_rules.py who may use {', '.join(unlisted)}"


def test_every_rule_has_its_url() -> None:
    assert not sorted(set(RULES) - set(URLS))


def test_url_names_are_used_once() -> None:
    names = [name for name, _ in walk(get_resolver())]
    assert len(names) == len(set(names))


def test_views_declare_what_the_rules_say(subtests: pytest.Subtests) -> None:
    for name in LISTED:
        rule, view = RULES[name], URLS[name].callback
        expected = access.Rule(public=True) if rule.public else access.Rule(False, rule.capability, rule.post)
        with subtests.test(name):
            assert access.rule_of(view) == expected
            assert getattr(view, "csrf_exempt", False) is rule.csrf_exempt
            assert not rule.csrf_exempt or rule.public, "a session's view is never exempt"


def test_urls_with_arguments_have_an_example(subtests: pytest.Subtests) -> None:
    for name in LISTED:
        pattern = URLS[name].pattern
        with subtests.test(name):
            assert bool(pattern.converters or pattern.regex.groupindex) is bool(RULES[name].arg)
            assert not RULES[name].arg or RULES[name].arg in EXAMPLES


@dataclass(frozen=True)
class Visit:
    """One URL with one of its methods, and the account whose row its address names."""

    name: str
    method: str
    home: Account
    url: str

    @property
    def rule(self) -> Rule:
        return RULES[self.name]

    def by(self, client: Client, **extra: Any) -> HttpResponse:
        """What this browser is answered."""
        return call(client, self.name, self.method, self.home, self.url, **extra)


@pytest.mark.parametrize(("name", "method"), CALLS)
def test_url_as_everybody(name: str, method: str, subtests: pytest.Subtests) -> None:
    """Each finds the rows as if nobody else had been there."""
    home = make_account(PLACE_OF_HOME)
    visit, admin = Visit(name, method, home, address(name, home)), make_member(home)

    def check(who: str, of_them: Callable[..., None], *given: Any) -> None:
        with subtests.test(who), undone():
            of_them(visit, *given)

    check("signed out", signed_out)
    if not visit.rule.public:
        for role in Role:
            check(role.value, member, role, admin)
        if name in OWNED:
            check("member of another account", stranger)
    if method == "POST" and not visit.rule.csrf_exempt:
        check("from another site", from_another_site, admin)
    if method == min(visit.rule.methods):
        check("by other methods", by_other_methods, admin)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written inside is taken back, in the database and in the process."""
    block: Any = transaction.atomic()
    block._from_testcase = True  # views may ask for an outermost transaction here as in any test
    with block:
        forget_everybody()
        try:
            yield
        finally:
            transaction.set_rollback(True)


def signed_out(visit: Visit) -> None:
    page, fragment = visit.by(Client()), visit.by(Client(), headers=HTMX)
    if visit.rule.public:
        assert not leads_to_sign_in(page) and not leads_to_sign_in(fragment)
        assert page.status_code < 500 or page.status_code in visit.rule.answers
    else:
        assert page.status_code == 302 and leads_to_sign_in(page)
        assert fragment.status_code == 401 and fragment["HX-Redirect"].startswith("/login/?next=")
        assert not fragment.content


def member(visit: Visit, role: Role, admin: User) -> None:
    rule = visit.rule
    answer = visit.by(signed_in(make_member(visit.home, role)))
    needed = [rule.capability] + ([rule.post] if visit.method == "POST" and rule.post else [])
    if all(access.allowed(role, capability) for capability in needed):
        assert worked(rule, answer), (answer.status_code, answer.content[:500])
    else:
        assert answer.status_code == 403
        assert str(admin) in answer.content.decode(), "the page names who can grant the role"


def stranger(visit: Visit) -> None:
    client = signed_in(make_member(make_account(PLACE_OF_STRANGER)))
    for headers in ({}, HTMX):
        answer = visit.by(client, headers=headers)
        assert answer.status_code == 404
        assert PLACE_OF_HOME not in answer.content.decode()


def from_another_site(visit: Visit, admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    answer = visit.by(client)
    assert answer.status_code == 403 and "This form is out of date" in answer.content.decode()


def by_other_methods(visit: Visit, admin: User) -> None:
    client = signed_in(admin)
    for method in {"GET", "POST"} - set(visit.rule.methods):
        assert call(client, visit.name, method, visit.home, visit.url).status_code == 405


def test_pages_show_nothing_of_another_account(subtests: pytest.Subtests) -> None:
    home, elsewhere = make_account(PLACE_OF_HOME), make_account(PLACE_OF_STRANGER)
    for make in EXAMPLES.values():
        make(home)
    member = make_member(elsewhere)
    for name in MEMBERS_ONLY:
        if name in OWNED or "GET" not in RULES[name].methods:
            continue
        with subtests.test(name), undone():
            answer = call(signed_in(member), name, "GET", elsewhere)
            shown = b"".join(getattr(answer, "streaming_content", [answer.content])).decode(errors="replace")
            assert worked(RULES[name], answer) and PLACE_OF_HOME not in shown
