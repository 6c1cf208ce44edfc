"""Settings, Connections: what is shown, what is never shown, and what is kept only if it works."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences import sync_state
from audiences.models import SyncCursor, SyncStop
from audiences.tasks import sync_servicetitan
from audiences.views import connections as connections_page
from common import clock
from integrations import checking
from integrations.models import Connection, SendingMailbox
from tests import factories
from tests.accounts.making import signed_in
from tests.audiences import people
from tests.sandbox_process import SandboxProcess, sandbox, start_sandbox  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db
URL = reverse("audiences:connections")
EDIT = reverse("audiences:connection", args=["servicetitan"])
SID = "AC" + "0" * 32


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def connect(account: Account, source: SandboxProcess, **changes: str) -> Connection:
    """A ServiceTitan connection to this sandbox."""
    secrets = {name: source.credentials[name] for name in ("client_id", "client_secret", "app_key")}
    url = source.base_url
    return Connection.objects.create(
        account=account,
        provider="servicetitan",
        credentials=secrets | changes,
        settings={"tenant_id": source.credentials["tenant_id"], "base_url": url, "auth_base_url": url},
    )


def cursor(account: Account, entity: str, **fields: Any) -> SyncCursor:
    return SyncCursor.objects.create(account=account, entity=entity, synced_at=clock.now(), **fields)


def form_of(connection: Connection, **changes: str) -> dict[str, str]:
    empty = {"booking_provider_id": "", "app_key": "", "client_id": "", "client_secret": ""}
    return {"tenant_id": connection.settings["tenant_id"], **empty, **changes}


def test_an_unconnected_account_is_invited(admin: Client) -> None:
    page = admin.get(URL).content.decode()
    assert "Connect ServiceTitan" in page and "Connect Twilio" in page and "What is mirrored" not in page


def test_no_secret_is_ever_in_a_page(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    for page in (admin.get(URL), admin.get(EDIT), admin.post(EDIT, {"client_secret": "typed-by-hand"})):
        body = page.content.decode()
        for name in ("client_id", "client_secret", "app_key"):
            assert sandbox.credentials[name] not in body
        assert "typed-by-hand" not in body


def test_testing_says_how_it_went(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    test = reverse("audiences:connection_test", args=["servicetitan"])
    assert "allows all we need" in admin.post(test, headers={"HX-Request": "true"}).content.decode()
    Connection.objects.all().delete()
    connect(account, sandbox, client_secret="wrong")
    assert "refused the client ID" in admin.post(test).content.decode(), "without htmx it is the whole page"
    assert admin.post(reverse("audiences:connection_test", args=["pigeon"])).status_code == 404
    assert admin.post(reverse("audiences:connection_test", args=["sendgrid"])).status_code == 404
    assert admin.post(reverse("audiences:connection_test", args=["twilio"])).status_code == 404


def test_only_what_works_is_kept(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    kept = connect(account, sandbox)
    answer = admin.post(EDIT, form_of(kept, client_secret="wrong"))
    assert answer.status_code == 422 and "Nothing was saved" in answer.content.decode()
    kept.refresh_from_db()
    assert kept.credentials["client_secret"] == sandbox.credentials["client_secret"]
    answer = admin.post(EDIT, form_of(kept, booking_provider_id="901"))
    assert answer.status_code == 302
    kept.refresh_from_db()
    assert kept.settings["booking_provider_id"] == "901"
    assert kept.settings["base_url"] == sandbox.base_url
    assert kept.credentials["client_secret"] == sandbox.credentials["client_secret"], "empty keeps"
    entry = AuditEntry.objects.get(verb="changed_connection")
    assert entry.detail == {"changed": ["booking_provider_id"]} and entry.by is not None


def test_another_tenant_is_refused_once_customers_are_here(account: Account, admin: Client) -> None:
    kept = Connection.objects.create(
        account=account, provider="servicetitan", credentials={"client_id": "i", "client_secret": "s"},
        settings={"tenant_id": "111"},
    )  # fmt: skip
    cursor(account, "customers", rows=5)
    answer = admin.post(EDIT, form_of(kept, tenant_id="222", app_key="k", client_id="i", client_secret="s"))
    assert "two tenants cannot share an account" in answer.content.decode()


def test_another_tenant_needs_secrets_of_its_own_and_the_real_address(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = connect(account, sandbox)
    cursor(account, "customers", rows=0)
    answer = admin.post(EDIT, form_of(kept, tenant_id="222"))
    assert "type its own" in answer.content.decode()
    tried: list[Connection] = []

    def works(connection: Connection) -> checking.Answer:  # the real address is out of a test's reach
        tried.append(connection)
        return checking.Answer(True, "It works")

    monkeypatch.setattr(checking, "stored", works)
    admin.post(EDIT, form_of(kept, tenant_id="222", app_key="k", client_id="i", client_secret="s"))
    assert tried[0].settings == {"tenant_id": "222"}
    kept.refresh_from_db()
    assert kept.settings == {"tenant_id": "222"}
    assert not SyncCursor.objects.exists(), "places in the lists of one tenant mean nothing in another's"


def test_what_the_environment_sets_is_not_changed_here(
    account: Account, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Connection.objects.create(
        account=account, provider="twilio", credentials={"auth_token": "t"}, settings={"account_sid": SID}
    )
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")
    assert "Connected by the environment" in admin.get(URL).content.decode()
    edit = reverse("audiences:connection", args=["twilio"])
    assert "TWILIO_AUTH_TOKEN" in admin.get(edit).content.decode()
    assert admin.post(edit, {"account_sid": SID, "auth_token": "new"}).status_code == 409
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "another, which the next start will bring")
    assert "Connected by the environment" not in admin.get(URL).content.decode()


def test_another_twilio_account_waits_for_the_numbers_of_this(account: Account, admin: Client) -> None:
    factories.make_number(account)
    data = {"account_sid": SID.replace("0", "1"), "auth_token": "t"}
    answer = admin.post(reverse("audiences:connection", args=["twilio"]), data)
    assert "Pause them first" in answer.content.decode()


MAIL = reverse("audiences:connection", args=["sendgrid"])
SENDER = {
    "email": "Office@Comfort.example", "name": "Comfort Air", "postal_address": "12 Elm St",
    "emails_per_second": "20",
}  # fmt: skip


def test_a_mailbox_to_send_from_is_checked_and_then_kept(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SENDGRID_API_BASE_URL", sandbox.base_url)  # and no key: this one is typed
    refused = admin.post(MAIL, SENDER | {"api_key": "SG.wrong"})
    assert refused.status_code == 422 and "SendGrid refused the API key" in refused.content.decode()
    assert not Connection.objects.exists() and "SG.wrong" not in refused.content.decode()
    key = sandbox.credentials["sendgrid_key"]
    assert admin.post(MAIL, SENDER | {"api_key": key})["Location"] == URL
    kept = SendingMailbox.objects.get()
    assert (str(kept), kept.emails_per_second) == ("Comfort Air <office@comfort.example>", 20)
    assert kept.connection.credentials == {"api_key": key}
    assert kept.connection.settings == {"base_url": sandbox.base_url}
    page = admin.get(URL).content.decode()
    assert "office@comfort.example" in page and "12 Elm St" in page and key not in page
    test = reverse("audiences:connection_test", args=["sendgrid"])
    assert "takes emails from office@comfort.example" in admin.post(test).content.decode()
    assert sandbox.ledger("mail") == [], "checked, and not sent"
    kept.tat = clock.now()
    kept.save()
    assert admin.post(MAIL, SENDER | {"api_key": "", "name": "The\r\noffice"}).status_code == 302
    kept.refresh_from_db()
    assert (kept.name, kept.tat is None) == ("The office", False)
    acts = AuditEntry.objects.filter(verb="changed_email_sender").order_by("pk")
    assert [act.detail["changed"] for act in acts][1] == ["name"]


def test_where_the_environment_sets_the_key_the_sender_is_still_chosen_here(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox = factories.make_mailbox(account, sandbox.base_url, sandbox.credentials["sendgrid_key"])
    stored = mailbox.connection
    monkeypatch.setenv("SENDGRID_API_KEY", stored.credentials["api_key"])
    monkeypatch.setattr(connections_page.Shown, "simulated", False)
    page = admin.get(MAIL).content.decode()
    assert "SENDGRID_API_KEY" in page and 'name="api_key"' not in page
    assert admin.post(MAIL, SENDER | {"api_key": "SG.ignored"}).status_code == 302
    stored.refresh_from_db()
    mailbox.refresh_from_db()
    assert stored.credentials == {"api_key": sandbox.credentials["sendgrid_key"]}
    assert mailbox.email == "office@comfort.example"


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"email": "nobody"}, "valid email"), ({"emails_per_second": "0"}, "greater than or equal to 1"),
     ({"api_key": ""}, "required"), ({"api_key": "SG.k…"}, "copy it whole"),
     ({"api_key": "SG.k\r\nX: y"}, "copy it whole")],
)  # fmt: skip
def test_a_sender_that_cannot_be_is_refused(admin: Client, changes: dict[str, str], said: str) -> None:
    answer = admin.post(MAIL, SENDER | {"api_key": "SG.k"} | changes)
    assert answer.status_code == 422 and said in answer.content.decode()


def test_a_business_unit_gets_a_sender_of_its_own_and_gives_it_up(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
) -> None:
    add = reverse("audiences:sender_add")
    assert admin.get(add)["Location"] == URL, "first the account’s own"
    own = factories.make_mailbox(account, sandbox.base_url, sandbox.credentials["sendgrid_key"])
    assert "No business unit is left" in admin.get(add).content.decode()
    hvac, plumbing = people.unit(account, "HVAC"), people.unit(account, "Plumbing")
    assert "HVAC" in admin.get(add).content.decode()
    typed = SENDER | {"email": "Hvac@Comfort.example", "reply_to": "desk@comfort.example"}
    assert admin.post(add, typed | {"business_unit": ""}).status_code == 422
    assert admin.post(add, typed | {"business_unit": hvac.pk})["Location"] == URL
    sender = SendingMailbox.objects.get(business_unit=hvac)
    assert (sender.email, sender.reply_to, sender.connection) == (
        "hvac@comfort.example", "desk@comfort.example", own.connection
    )  # fmt: skip
    assert "has a sender already" in admin.post(add, typed | {"business_unit": hvac.pk}).content.decode()
    page = admin.get(URL).content.decode()
    assert "hvac@comfort.example" in page and "Answers go to desk@comfort.example" in page
    test = reverse("audiences:connection_test", args=["sendgrid"])
    assert "from all 2 senders" in admin.post(test).content.decode()
    change, switch = (reverse(f"audiences:{name}", args=[sender.pk]) for name in ("sender", "sender_switch"))
    assert admin.post(change, typed | {"email": "air@comfort.example"}).status_code == 302
    assert SendingMailbox.objects.of(account.pk, hvac.pk) == sender
    assert SendingMailbox.objects.of(account.pk, plumbing.pk) == own == SendingMailbox.objects.of(account.pk)
    assert "the waiting ones included" in admin.post(switch, {"active": "0"}, follow=True).content.decode()
    assert SendingMailbox.objects.of(account.pk, hvac.pk) == own
    assert f"Off: leaves from {own.email}" in admin.get(URL).content.decode()
    admin.post(switch, {"active": "1"})
    assert SendingMailbox.objects.of(account.pk, hvac.pk) == sender
    acts = AuditEntry.objects.filter(verb__endswith="email_sender").values_list("verb", flat=True)
    assert sorted(acts) == sorted(
        ["changed_email_sender"] * 2 + ["paused_email_sender", "activated_email_sender"]
    )
    assert SendingMailbox.objects.count() == 2


def test_unreadable_credentials_are_said(account: Account, admin: Client, settings: Any) -> None:
    Connection.objects.create(account=account, provider="twilio", credentials={"auth_token": "t"})
    client_key, settings.SECRET_KEY_FALLBACKS = settings.SECRET_KEY, []
    settings.SECRET_KEY = "another"
    client = signed_in(factories.make_user(account))
    page = client.get(URL).content.decode()
    replaced = client.post(
        reverse("audiences:connection", args=["twilio"]), {"account_sid": SID, "auth_token": "u"}
    )
    settings.SECRET_KEY = client_key
    assert "cannot be read" in page
    assert replaced.status_code == 302 and replaced["Location"] == URL
    assert Connection.objects.get().credentials == {"auth_token": "t"}


def test_progress_of_a_first_sync_is_live(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    asked = {"HX-Request": "true"}
    first = admin.get(URL, headers=asked)
    assert "begins within seconds" in first.content.decode()
    again = asked | {"HX-PTag": first["HX-PTag"]}
    assert admin.get(URL, headers=again).status_code == 304
    cursor(account, "customers", rows=1_500)
    factories.make_contact(account)
    seen = admin.get(URL, headers=again)
    assert "1 contact so far" in seen.content.decode() and "1,500" in seen.content.decode()


def test_a_first_sync_tells_rate_and_end_and_can_be_stopped(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
) -> None:
    connect(account, sandbox)
    cursor(account, "customers", rows=5_000, expected=5_000, busy_seconds=5.0, complete_at=clock.now())
    cursor(account, "locations", rows=1_000, expected=2_000, busy_seconds=1.0)
    SyncCursor.objects.create(account=account, entity="jobs", expected=200_000)
    page = admin.get(URL).content.decode()
    assert "6,000 of 207,000" in page and "1,000 rows a second; about 4 minutes left" in page
    stop, resume = reverse("audiences:sync_stop"), reverse("audiences:sync_resume")
    assert stop in page and resume not in page
    assert admin.post(stop).status_code == admin.post(stop).status_code == 302
    assert sync_servicetitan() == 0, "nothing is read while it stands"
    page = admin.get(URL).content.decode()
    assert "was stopped" in page and "minutes left" not in page and stop not in page
    assert admin.post(resume).status_code == 302 and not SyncStop.objects.exists()
    verbs = AuditEntry.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["stopped_sync", "resumed_sync"]


def test_contacts_are_told_and_not_counted(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    for entity in sync_state.LABELS:
        cursor(account, entity, complete_at=clock.now())
    for _ in range(3):
        people.contact(account)
    people.contact(account, servicetitan_customer_id=-1)
    with CaptureQueriesContext(connection) as asked:
        page = admin.get(URL).content.decode()
    assert '?mirrored=1">3</a>' in page
    assert not [one["sql"] for one in asked if '"audiences_contact"' in one["sql"]]


def test_lag_odd_rows_and_errors_are_shown(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    for entity in sync_state.LABELS:
        cursor(account, entity, complete_at=clock.now())
    odd = {"skipped": 7, "last_skipped": "Job 12: start is no date\n<b>Job 13</b>"}
    SyncCursor.objects.filter(entity="jobs").update(error="ServiceTitan answered 500 [500]", **odd)
    not_ours = {"error": "ServiceTitan answered 403 [403]", "complete_at": None}
    SyncCursor.objects.filter(entity="recurring-service-events").update(**not_ours)
    SyncCursor.objects.filter(entity="estimates").update(error="ServiceTitan answered 502 [502]")
    page = admin.get(URL).content.decode()
    for words in (
        "Less than a minute",
        "Job 12: start is no date",
        "&lt;b&gt;Job 13",
        "Jobs stopped:",
        "Estimates stopped:",
        "left out",
    ):
        assert words in page
    assert page.count("left out") == 1
    assert sync_state.of(account).finished, "what the app may not read keeps nothing from being finished"
    clock_back = clock.now() - timedelta(minutes=45)
    SyncCursor.objects.filter(entity="customers").update(complete_at=clock_back)
    page = admin.get(URL).content.decode()
    assert "45 minutes" in page and "Late" in page


def test_how_old_the_mirror_may_be_is_said_and_set(
    admin: Client,
    account: Account,
    sandbox: SandboxProcess,  # noqa: F811
) -> None:
    connect(account, sandbox)
    page = admin.get(URL).content.decode()
    assert 'value="15"' in page and "/webhooks/servicetitan" in page and "No key is set" in page
    address = reverse("audiences:freshness")
    assert admin.post(address, {"minutes": "30"}, follow=True).content.decode().count("older than 30 minutes")
    entry = AuditEntry.objects.get(verb="changed_freshness")
    assert entry.detail == {"minutes": "15 → 30"}
    refused = admin.post(address, {"minutes": "3"})
    assert refused.status_code == 422 and "Nothing was changed" in refused.content.decode()
    assert 'value="30"' in admin.get(URL).content.decode()


def test_a_webhook_key_is_kept_apart_from_what_is_required(
    admin: Client,
    account: Account,
    sandbox: SandboxProcess,  # noqa: F811
) -> None:
    stored = connect(account, sandbox)
    key = "k" * 40
    assert admin.post(EDIT, form_of(stored, webhook_key="too short")).status_code == 422
    assert admin.post(EDIT, form_of(stored, webhook_key=key)).status_code == 302
    stored.refresh_from_db()
    assert stored.credentials["webhook_key"] == key
    assert admin.post(EDIT, form_of(stored, webhook_key="")).status_code == 302
    stored.refresh_from_db()
    assert stored.credentials["webhook_key"] == key, "empty keeps it"
    page = admin.get(URL).content.decode()
    assert key not in page and "The key is kept" in page
