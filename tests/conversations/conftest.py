"""A contractor with a campaign, wired to a real sandbox process and a real web server."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from campaigns import engine, enrolling, launching
from campaigns.models import Campaign
from common import clock
from conversations import draining, sender
from conversations.planned_calls import CallChange
from conversations.signals import planned_calls_changed
from integrations.models import SendingNumber
from tests import factories
from tests.product import wait_for
from tests.sandbox_process import SandboxProcess, sandbox, start_sandbox  # noqa: F401  (fixtures)


@pytest.fixture
def changes() -> Iterator[list[CallChange]]:
    """What the layers above heard of planned calls."""
    heard: list[CallChange] = []

    def changed(changes: list[CallChange], **_: Any) -> None:
        heard.extend(changes)

    planned_calls_changed.connect(changed)
    yield heard
    planned_calls_changed.disconnect(changed)


@dataclass
class Company:
    """The contractor under test and the provider it speaks to."""

    account: Account
    number: SendingNumber
    sandbox: SandboxProcess

    def launch(
        self, contacts: int, nodes=factories.TUNE_UP_NODES, edges=factories.TUNE_UP_EDGES, **chosen
    ) -> Campaign:
        """Launch to that many new contacts, enrolled to the end."""
        factories.make_contacts(self.account, [phone(index) for index in range(contacts)])
        now = clock.now()
        draft = launching.Draft(
            name=f"Launch {now.timestamp()}",
            version=factories.make_workflow(self.account, nodes, edges),
            audience=factories.make_audience(self.account),
            number=self.number,
            **chosen,
        )
        campaign = launching.launch(self.account, draft, by=None, now=now)
        enrolling.enroll(campaign, now=now)
        return campaign

    def run(self, seconds: float = 20) -> None:
        """Engine, sender and drain until nothing is due."""
        engine.run_round(now=clock.now())
        sender.run(seconds, concurrency=50, until_idle=True)
        draining.drain()


def phone(index: int) -> str:
    """The reserved numbers of as many area codes as it takes."""
    area = (312, 773, 847, 630, 708, 815, 309, 217, 618, 224, 331, 779, 872, 260, 317, 574)[index // 100]
    return f"+1{area}555{100 + index % 100:04}"


@pytest.fixture
def company(
    transactional_db: None,
    sandbox: SandboxProcess,  # noqa: F811  (the fixture imported above)
    noon: datetime,
    settings,
    live_server,
) -> Iterator[Company]:
    """An account whose Twilio is the sandbox, and whose webhooks reach this process.

    Afterwards the sandbox forgets what it has to report, and the web server finishes what it was told: a
    webhook that comes late would write while the tables are emptied.
    """
    settings.PUBLIC_URL = live_server.url
    sandbox.set_webhook_base(live_server.url)
    sandbox.set_clock_offset((noon - datetime.now(UTC)).total_seconds())
    account = factories.make_account()
    listed = sandbox.http.get(
        f"{sandbox.base_url}/2010-04-01/Accounts/{sandbox.credentials['account_sid']}/IncomingPhoneNumbers.json",
        auth=(sandbox.credentials["account_sid"], sandbox.credentials["auth_token"]),
    ).json()["incoming_phone_numbers"]
    number = factories.make_number(account, e164=listed[0]["phone_number"], segments_per_second=5000)
    stored = number.connection
    stored.settings = {"account_sid": sandbox.credentials["account_sid"], "base_url": sandbox.base_url}
    stored.credentials = {"auth_token": sandbox.credentials["auth_token"]}
    stored.save()
    sandbox.set_number_rate(number.e164, 5000)
    yield Company(account, number, sandbox)
    if sandbox.process.poll() is None:
        sandbox.reset()
    wait_for(live_server.thread.httpd.at_rest, seconds=60, what="end of the web server's last requests")
    wait_for(lambda: not busy_connections(), seconds=60, what="end of others' last statements")


def busy_connections() -> int:
    """Other connections to this test's database that are in the middle of something."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])
