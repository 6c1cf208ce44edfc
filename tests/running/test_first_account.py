"""The first account from the environment: its admin and its providers, at every start, in every mode."""

import os

import pytest

from accounts.models import Account, Membership
from config import first_account, prepare, providers
from integrations.models import Connection, SendingNumber
from tests import factories
from tests.sandbox_process import SandboxProcess, sandbox, start_sandbox  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db

REAL = {"TWILIO_ACCOUNT_SID": "ACreal", "TWILIO_AUTH_TOKEN": "real"}


def played_by(sandbox: SandboxProcess, **given: str) -> dict[str, str]:  # noqa: F811
    """What `make run` adds for the providers that `given` does not name."""
    credentials = {"sendgrid_webhook_public_key": "none", **sandbox.credentials}
    played = providers.sandbox_env(given, credentials, sandbox.base_url)
    return {**given, **played, "TRUCKROLL_SANDBOX_URL": sandbox.base_url}


def numbers() -> list[tuple[str, int]]:
    return list(SendingNumber.objects.order_by("pk").values_list("label", "segments_per_second"))


def test_a_server_gets_its_admin_and_its_providers(sandbox, monkeypatch, capsys):  # noqa: F811
    """What compose runs before everything else, twice; and once more with a token that was changed."""
    environ = played_by(sandbox, TRUCKROLL_ADMIN="boss@example.com:a-long-password-1", TRUCKROLL_DEMO="1")
    del environ["TRUCKROLL_SANDBOX_URL"]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert prepare.main(["--server"]) == 0
    account = Account.objects.get()
    assert list(Membership.objects.values_list("user__email", "role")) == [("boss@example.com", "admin")]
    connected = Connection.objects.order_by("pk")
    assert [(c.account, c.provider) for c in connected] == [
        (account, "twilio"), (account, "sendgrid"), (account, "servicetitan")
    ]  # fmt: skip
    assert SendingNumber.objects.filter(account=account).count() == 3
    before = (list(connected.values_list("pk", "settings")), numbers())
    assert prepare.main(["--server"]) == 0
    assert (list(connected.all().values_list("pk", "settings")), numbers()) == before
    assert Account.objects.count() == 1
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.rotated")
    assert prepare.main(["--server"]) == 0
    assert Connection.objects.get(provider="sendgrid").credentials == {"api_key": "SG.rotated"}
    assert "Twilio did not" not in capsys.readouterr().out


def test_an_empty_start_says_how_to_sign_in(client):
    (first, how) = first_account.sign_ins({})
    assert "Nobody can sign in yet" in first and "TRUCKROLL_DEMO=0 TRUCKROLL_ADMIN=" in how
    assert how in client.get("/login/").content.decode()
    factories.make_user(factories.make_account(), "admin")
    assert first_account.sign_ins({}) == []
    (named,) = first_account.sign_ins({"TRUCKROLL_ADMIN": "boss@example.com:a-long-password-1"})
    assert "boss@example.com" in named and "a-long-password-1" not in named


def test_a_server_whose_admin_makes_no_sense_is_refused_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("TRUCKROLL_ADMIN", "boss@example.com")
    assert prepare.main(["--server"]) == prepare.REFUSED
    assert "TRUCKROLL_ADMIN=email:password" in capsys.readouterr().err


def test_an_admin_named_too_late_is_said_and_no_reason_to_stay_down(monkeypatch):
    factories.make_user(factories.make_account(), "admin")
    monkeypatch.setenv("TRUCKROLL_ADMIN", "other@example.com:a-long-password-2")
    assert "There are users already" in first_account.make_admin()


def test_the_sandboxs_numbers_are_quick_until_somebody_slows_them(sandbox):  # noqa: F811
    factories.make_account()
    assert first_account.connect_first(played_by(sandbox)) == []
    assert numbers() == [("Main line", 100), ("City line", 10), ("West line", 10)]
    SendingNumber.objects.filter(label="Main line").update(segments_per_second=1)
    assert first_account.connect_first(played_by(sandbox)) == []
    assert numbers()[0] == ("Main line", 1)


def test_a_carriers_number_keeps_its_label_and_its_careful_rate():
    account = factories.make_account()
    number = factories.make_number(account, segments_per_second=1)
    Connection.objects.update(settings={"account_sid": "ACreal"})
    SendingNumber.objects.update(label="Office")
    first_account.connect(account, {})
    number.refresh_from_db()
    assert (number.label, number.segments_per_second) == ("Office", 1)


def test_a_provider_out_of_reach_is_said_and_the_start_goes_on():
    factories.make_account()
    (said,) = first_account.connect_first({**REAL, "TWILIO_API_BASE_URL": "http://127.0.0.1:9"})
    assert "Twilio did not list its numbers" in said
    assert Connection.objects.get().credentials == {"auth_token": "real"}


def test_credentials_of_another_key_are_said_and_the_start_goes_on(settings):
    account = factories.make_account()
    Connection.objects.create(account=account, provider="twilio", credentials={"auth_token": "a"})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", []
    (said,) = first_account.connect_first(REAL)
    assert "SECRET_KEY_FALLBACKS" in said


def test_the_sandbox_never_takes_the_place_of_a_real_connection(sandbox):  # noqa: F811
    account = factories.make_account()
    kept = Connection.objects.create(
        account=account,
        provider="twilio",
        credentials={"auth_token": "real"},
        settings={"account_sid": "ACreal"},
    )
    assert first_account.connect_first(played_by(sandbox)) == []
    kept.refresh_from_db()
    assert (kept.credentials, kept.settings) == ({"auth_token": "real"}, {"account_sid": "ACreal"})
    assert not SendingNumber.objects.exists()
    assert Connection.objects.count() == 3, "the other two are the sandbox's"


def test_without_an_account_a_named_provider_is_not_forgotten_in_silence(sandbox):  # noqa: F811
    (said,) = first_account.connect_first(played_by(sandbox, **REAL))
    assert "TRUCKROLL_ADMIN" in said
    assert first_account.connect_first(played_by(sandbox)) == []
    assert first_account.connect_first(dict.fromkeys(os.environ, "")) == []
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("http://127.0.0.1:8001", True),
        ("http://localhost:9000", True),
        ("http://[::1]:9000", True),
        ("", False),
        ("https://api.twilio.com", False),
        ("https://api.dublin.ie1.twilio.com", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_only_this_machine_is_loopback(address, stays):
    assert providers.is_loopback(address) is stays
