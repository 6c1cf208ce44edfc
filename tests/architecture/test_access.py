"""Every URL as every role, as a member of another account and signed out, against `url_rules.py`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import access
from accounts.models import Account, Role
from tests.accounts.making import make_account, make_member, signed_in
from tests.architecture.url_rules import EXAMPLES, RULES, Rule

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
MEMBER_CALLS = [(name, method) for name, method in CALLS if not RULES[name].public]


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


@pytest.mark.parametrize("name", LISTED)
def test_view_declares_what_the_rule_says(name: str) -> None:
    rule, view = RULES[name], URLS[name].callback
    expected = access.Rule(public=True) if rule.public else access.Rule(False, rule.capability, rule.post)
    assert access.rule_of(view) == expected
    assert getattr(view, "csrf_exempt", False) is rule.csrf_exempt
    assert not rule.csrf_exempt or rule.public, "a session's view is never exempt"


@pytest.mark.parametrize("name", LISTED)
def test_url_with_arguments_has_an_example(name: str) -> None:
    pattern = URLS[name].pattern
    assert bool(pattern.converters or pattern.regex.groupindex) is bool(RULES[name].arg)
    assert not RULES[name].arg or RULES[name].arg in EXAMPLES


@pytest.mark.parametrize(("name", "method"), CALLS)
def test_signed_out(name: str, method: str) -> None:
    home = make_account(PLACE_OF_HOME)
    url = address(name, home)
    page = call(Client(), name, method, home, url)
    fragment = call(Client(), name, method, home, url, headers=HTMX)
    if RULES[name].public:
        assert not leads_to_sign_in(page) and not leads_to_sign_in(fragment)
        assert page.status_code < 500 or page.status_code in RULES[name].answers
    else:
        assert page.status_code == 302 and leads_to_sign_in(page)
        assert fragment.status_code == 401 and fragment["HX-Redirect"].startswith("/login/?next=")
        assert not fragment.content


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("name", "method"), MEMBER_CALLS)
def test_member(name: str, method: str, role: Role) -> None:
    rule, home = RULES[name], make_account(PLACE_OF_HOME)
    admin = make_member(home)
    answer = call(signed_in(make_member(home, role)), name, method, home)
    needed = [rule.capability] + ([rule.post] if method == "POST" and rule.post else [])
    if all(access.allowed(role, capability) for capability in needed):
        assert worked(rule, answer), (answer.status_code, answer.content[:500])
    else:
        assert answer.status_code == 403
        assert str(admin) in answer.content.decode(), "the page names who can grant the role"


@pytest.mark.parametrize(("name", "method"), [row for row in MEMBER_CALLS if row[0] in OWNED])
def test_row_of_another_account_is_not_there(name: str, method: str) -> None:
    home, elsewhere = make_account(PLACE_OF_HOME), make_account(PLACE_OF_STRANGER)
    stranger = signed_in(make_member(elsewhere))
    url = address(name, home)
    for headers in ({}, HTMX):
        answer = call(stranger, name, method, home, url, headers=headers)
        assert answer.status_code == 404
        assert PLACE_OF_HOME not in answer.content.decode()


@pytest.mark.parametrize("name", [name for name in MEMBERS_ONLY if name not in OWNED])
def test_page_shows_nothing_of_another_account(name: str) -> None:
    if "GET" not in RULES[name].methods:
        pytest.skip("nothing to look at")
    home, elsewhere = make_account(PLACE_OF_HOME), make_account(PLACE_OF_STRANGER)
    for make in EXAMPLES.values():
        make(home)
    answer = call(signed_in(make_member(elsewhere)), name, "GET", elsewhere)
    shown = b"".join(getattr(answer, "streaming_content", [answer.content])).decode(errors="replace")
    assert worked(RULES[name], answer) and PLACE_OF_HOME not in shown


@pytest.mark.parametrize(("name", "method"), [row for row in CALLS if row[1] == "POST"])
def test_post_from_another_site_is_refused(name: str, method: str) -> None:
    if RULES[name].csrf_exempt:
        pytest.skip("its sender signs instead")
    home = make_account(PLACE_OF_HOME)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(home), backend="django.contrib.auth.backends.ModelBackend")
    answer = call(client, name, method, home)
    assert answer.status_code == 403 and "This form is out of date" in answer.content.decode()


@pytest.mark.parametrize("name", LISTED)
def test_other_methods_are_refused(name: str) -> None:
    home = make_account(PLACE_OF_HOME)
    client = signed_in(make_member(home))
    url = address(name, home)
    for method in {"GET", "POST"} - set(RULES[name].methods):
        assert call(client, name, method, home, url).status_code == 405
