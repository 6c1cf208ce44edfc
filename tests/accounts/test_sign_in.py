"""Sign-in, its throttle, sessions and password reset."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.clients import client_ip
from accounts.models import User
from common import clock
from tests.accounts.making import PASSWORD, make_account, make_member, make_user, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.pages")]
NEW_PASSWORD = "a different long password"


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests() -> None:
    cache.clear()


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    """Post the sign-in form."""
    return client.post("/login/", {"username": email, "password": password, **extra})


def test_right_password_signs_in_and_returns_to_the_page() -> None:
    make_member(make_account(), user=make_user("dana@example.com"))
    client = Client()
    page = client.get("/login/?next=/campaigns/").content.decode()
    assert '<input type="hidden" name="next" value="/campaigns/">' in page
    answer = sign_in(client, " Dana@Example.com ", next="/campaigns/")
    assert (answer.status_code, answer["Location"]) == (302, "/campaigns/")
    assert client.get("/campaigns/").status_code == 200
    assert client.get("/login/")["Location"] == "/"


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_sign_in_never_leads_to_another_site(url: str) -> None:
    make_user("dana@example.com")
    assert sign_in(Client(), "dana@example.com", next=url)["Location"] == "/"
    assert "evil.example" not in Client().get("/login/", {"next": url}).content.decode()


def test_wrong_password_unknown_and_disabled_person_get_one_answer() -> None:
    make_user("dana@example.com")
    User.objects.filter(pk=make_user("off@example.com").pk).update(is_active=False)
    pages = set()
    for email, password in (
        ("dana@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("off@example.com", PASSWORD),
    ):
        answer = sign_in(Client(), email, password)
        assert answer.status_code == 422
        pages.add(re.findall(r"This email and password.*?<", answer.content.decode())[0])
    assert len(pages) == 1


def test_sign_in_changes_the_session_key_and_the_csrf_token() -> None:
    make_user("dana@example.com")
    client = Client()
    client.get("/login/")
    token = client.cookies["csrftoken"].value
    session = client.session
    session["left_by"] = "somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    sign_in(client, "dana@example.com")
    assert client.session.session_key != session.session_key
    assert not Session.objects.filter(session_key=session.session_key).exists()
    assert client.cookies["csrftoken"].value != token


def test_passwords_are_hashed_with_argon2() -> None:
    from config import settings as product

    assert product.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"


def test_guessing_closes_sign_in_for_that_mailbox_and_client_only() -> None:
    make_user("dana@example.com")
    make_user("eli@example.com")
    client = Client()
    for _ in range(4):
        assert sign_in(client, "dana@example.com", "wrong").status_code == 422
    locked = sign_in(client, "DANA@example.com", "wrong")
    assert locked.status_code == 429
    assert "Try again in 15 minutes" in locked.content.decode()
    assert locked["Retry-After"] == "900"
    assert sign_in(client, "dana@example.com").status_code == 429, "not even the right password now"
    assert sign_in(Client(REMOTE_ADDR="10.0.0.9"), "dana@example.com").status_code == 302
    assert sign_in(client, "eli@example.com").status_code == 302


def test_lock_cannot_be_evaded_by_claiming_another_address() -> None:
    make_user("dana@example.com")
    answers = [
        Client(headers={"X-Forwarded-For": f"203.0.113.{n}"})
        .post("/login/", {"username": "dana@example.com", "password": "wrong"})
        .status_code
        for n in range(5)
    ]
    assert answers == [422, 422, 422, 422, 429]


def test_success_forgets_earlier_failures() -> None:
    make_user("dana@example.com")
    for _ in range(3):
        for _ in range(3):
            assert sign_in(Client(), "dana@example.com", "wrong").status_code == 422
        assert sign_in(Client(), "dana@example.com").status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        ([], "203.0.113.7", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.7", "203.0.113.7"),
        (["10.0.0.1"], "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (["10.0.0.0/8"], "198.51.100.1, 203.0.113.7, 10.2.2.2", "203.0.113.7"),
        (["10.0.0.0/8"], "", "10.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.7, <script>", "10.0.0.1"),
        (["192.0.2.1"], "203.0.113.7", "10.0.0.1"),
    ],
)
def test_client_is_named_by_configured_proxies_only(
    settings: Any, proxies: list[str], forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory(headers={"X-Forwarded-For": forwarded}).get("/", REMOTE_ADDR="10.0.0.1")
    assert client_ip(request) == expected


def test_sign_out_ends_the_session_and_only_by_post() -> None:
    client = signed_in(make_member(make_account()))
    assert client.get("/logout/").status_code == 405
    assert client.get("/campaigns/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/campaigns/").status_code == 302


def test_disabled_person_is_out_at_once() -> None:
    user = make_member(make_account())
    client = signed_in(user)
    assert client.get("/campaigns/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/campaigns/").status_code == 302
    assert client.get("/campaigns/", headers={"HX-Request": "true"}).status_code == 401


def test_changed_password_ends_other_sessions() -> None:
    user = make_member(make_account())
    client = signed_in(user)
    client.get("/campaigns/")
    user.set_password(NEW_PASSWORD)
    user.save()
    assert client.get("/campaigns/").status_code == 302


def _expiry() -> Any:
    return Session.objects.values_list("expire_date", flat=True).get()


@pytest.mark.parametrize(
    ("headers", "extends"),
    [
        ({}, True),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "X-Poll": "1"}, False),
        ({"HX-Request": "true", "HX-PTag": "v1"}, False),
    ],
)
def test_only_a_persons_acts_extend_the_session(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], extends: bool
) -> None:
    client = signed_in(make_member(make_account()))
    client.get("/campaigns/")
    before, later = _expiry(), clock.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    client.get("/campaigns/", headers=headers)
    assert (_expiry() > before) is extends


def test_session_ends_after_its_longest_age_however_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(make_member(make_account()))
    client.get("/campaigns/")
    start = clock.now()
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=13))
    assert client.get("/campaigns/").status_code == 200
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(days=15))
    assert client.get("/campaigns/").status_code == 302


def test_cookies_are_out_of_reach_of_scripts_and_other_sites() -> None:
    make_user("dana@example.com")
    client = Client()
    sign_in(client, "dana@example.com")
    cookie = client.cookies["sessionid"]
    assert (
        cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and not cookie["domain"]
    )


def _link(client: Client, email: str) -> str:
    client.post("/password-reset/", {"email": email})
    found = re.search(rf"{re.escape(settings.PUBLIC_URL)}(/password-reset/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def test_password_reset_by_mail() -> None:
    make_user("dana@example.com")
    client = Client()
    link = _link(client, "Dana@Example.com")
    assert mail.outbox[0].to == ["dana@example.com"]
    form = client.get(link, follow=True)
    where = form.redirect_chain[-1][0]
    assert link.split("/")[-2] not in where, "the token must not stay in the address"
    weak = client.post(where, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 422
    answer = client.post(where, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})
    assert answer["Location"] == "/password-reset/done/"
    assert sign_in(Client(), "dana@example.com", NEW_PASSWORD).status_code == 302
    assert sign_in(Client(), "dana@example.com").status_code == 422
    assert "no longer works" in Client().get(link, follow=True).content.decode()


def test_reset_link_names_the_public_address_whatever_host_was_claimed() -> None:
    make_user("dana@example.com")
    Client(headers={"Host": "evil.example"}).post("/password-reset/", {"email": "dana@example.com"})
    assert "evil.example" not in str(mail.outbox[0].body)
    assert settings.PUBLIC_URL in str(mail.outbox[0].body)


def test_reset_answers_the_same_for_unknown_and_disabled_people() -> None:
    make_user("dana@example.com")
    User.objects.filter(pk=make_user("off@example.com").pk).update(is_active=False)
    answers = {
        (answer.status_code, answer["Location"])
        for email in ("dana@example.com", "nobody@example.com", "off@example.com")
        for answer in [Client().post("/password-reset/", {"email": email})]
    }
    assert answers == {(302, "/password-reset/sent/")}
    assert [message.to for message in mail.outbox] == [["dana@example.com"]]


def test_person_without_password_gets_a_first_one_by_reset() -> None:
    make_user("new@example.com", password=None)
    Client().post("/password-reset/", {"email": "new@example.com"})
    assert len(mail.outbox) == 1


def test_reset_mails_are_limited_per_mailbox() -> None:
    make_user("dana@example.com")
    for number in range(8):
        answer = Client(REMOTE_ADDR=f"10.0.0.{number}").post(
            "/password-reset/", {"email": "dana@example.com"}
        )
        assert answer.status_code == 302
    assert len(mail.outbox) == 5


def test_first_run_page_says_how_to_begin() -> None:
    assert "TRUCKROLL_ADMIN=email:password" in Client().get("/login/").content.decode()
    make_user()
    assert "TRUCKROLL_ADMIN" not in Client().get("/login/").content.decode()
