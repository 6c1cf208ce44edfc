"""A contractor with many customers, made by plain SQL, whom the product's own code launches to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import Account
from audiences import consent
from audiences.hours import zone_set_for
from audiences.models import Audience
from campaigns import launching, publishing
from campaigns.models import Campaign, Workflow
from integrations.models import Connection, SendingNumber

LAUNCHED = datetime(2026, 12, 1, 17, tzinfo=UTC)  # a Tuesday, 11:00 in Chicago
WAITED = LAUNCHED + timedelta(hours=1, seconds=1)
COUNTED = ("campaigns_enrollment", "campaigns_exclusion", "campaigns_step", "conversations_message")
NODES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("pause", "wait", "Pause", {"minutes": 60}),
    (
        "where",
        "branch",
        "Where",
        {"conditions": [{"label": "here", "field": "state", "operator": "is", "value": "IL"}]},
    ),
    ("text", "send_sms", "Text", {"body": "Hi {{ first_name }}, {{ company }} here. Time for a tune-up?"}),
    ("later", "wait", "Later", {"minutes": 1440}),
    ("done", "end", "Done", {}),
]
EDGES = [
    ("pause", "next", "where"),
    ("where", "here", "text"),
    ("where", "otherwise", "later"),
    ("text", "next", "done"),
    ("later", "next", "done"),
]

_CUSTOMERS = """
with home as (
    insert into audiences_household (account_id, key)
    select %(account)s, 'home-' || n from generate_series(1, %(n)s) n returning id
),
contact as (
    insert into audiences_contact
        (account_id, servicetitan_customer_id, person, name, first_name, last_name, kind, language, active,
         do_not_service, street, city, state, zip, household_id, zone_set_id, created_at)
    select %(account)s, n, '', 'Pat Customer ' || n, 'Pat', 'Customer', 'residential', 'en', true, false,
           n || ' Oak Street', 'Chicago', case n %% 2 when 0 then 'IL' else 'IN' end, '60601', id, %(zones)s,
           %(now)s
    from (select id, row_number() over (order by id) as n from home) home
    returning id, servicetitan_customer_id as n
),
phone as (
    insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
    select %(account)s, 'phone', '+1312' || lpad(n::text, 7, '0'), 'mobile', ''
    from generate_series(1, %(n)s) n returning id, right(value, 7)::int as n
)
insert into audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
select contact.id, phone.id, 0, 'Mobile', false from contact join phone using (n)
"""


class Contractor:
    """One account with `customers` customers, half of them in Illinois, and a published workflow."""

    def __init__(
        self,
        customers: int,
        *,
        nodes: Sequence[tuple[str, str, str, dict[str, Any]]] = NODES,
        edges: Sequence[tuple[str, str, str]] = EDGES,
        base_url: str = "http://127.0.0.1:9",
        rate: int = 5000,
    ) -> None:
        n = Account.objects.count()  # several measurements may share a database
        self.account = Account.objects.create(
            name="Bench Heating", slug=f"bench-{n}", timezone="America/Chicago"
        )
        consent.declare_simulated(self.account)
        self.audience = Audience.objects.create(account=self.account, name="Everybody")
        self.number = SendingNumber.objects.create(
            account=self.account,
            connection=Connection.objects.create(
                account=self.account,
                provider="twilio",
                settings={"base_url": base_url, "account_sid": "ACbench"},
                credentials={"auth_token": "secret"},
            ),
            e164=f"+177355501{n:02}",
            segments_per_second=rate,
        )
        zones = zone_set_for(state="IL", zip_code="60601")
        with connection.cursor() as cursor:
            cursor.execute(
                _CUSTOMERS, {"account": self.account.pk, "n": customers, "zones": zones.pk, "now": LAUNCHED}
            )
            cursor.execute("vacuum analyze")
        workflow = Workflow.objects.create(account=self.account, name="Bench")
        self.version = publishing.draft(workflow, nodes=nodes, edges=edges, by=None, now=LAUNCHED)
        publishing.publish(self.version, by=None, now=LAUNCHED)
        self.version.refresh_from_db()

    def campaign(self) -> Campaign:
        """A campaign just launched to everybody; nobody is enrolled yet."""
        draft = launching.Draft(
            name="Bench", version=self.version, audience=self.audience, number=self.number
        )
        return launching.launch(self.account, draft, by=None, now=LAUNCHED)


@contextmanager
def uncounted() -> Iterator[None]:
    """Without the counting triggers: bare SQL has none."""
    _switch("disable")
    try:
        yield
    finally:
        _switch("enable")


def _switch(how: str) -> None:
    with connection.cursor() as cursor:
        for table in COUNTED:
            cursor.execute(f"alter table {table} {how} trigger user")


def copy_enrollments(source: Campaign, target: Campaign) -> None:
    """Enrollments, snapshots and first steps of one campaign as bare INSERT … SELECT, in one transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select max(id) from campaigns_enrollment")
        values = {"source": source.pk, "target": target.pk, "shift": cursor.fetchone()[0]}
        with transaction.atomic():
            for statement in _COPY:
                cursor.execute(statement, values)
        cursor.execute(
            "select setval(pg_get_serial_sequence('campaigns_enrollment', 'id'), max(id))"
            " from campaigns_enrollment"
        )


_COPY = (
    """
    insert into campaigns_enrollment
        (id, campaign_id, version_id, occurrence, contact_id, address_id, entered_at, "returning")
    select id + %(shift)s, %(target)s, version_id, occurrence, contact_id, address_id, entered_at, "returning"
    from campaigns_enrollment where campaign_id = %(source)s
    """,
    """
    insert into campaigns_enrollmentsnapshot (enrollment_id, data)
    select snapshot.enrollment_id + %(shift)s, snapshot.data from campaigns_enrollmentsnapshot snapshot
    join campaigns_enrollment enrollment on enrollment.id = snapshot.enrollment_id
    where enrollment.campaign_id = %(source)s
    """,
    """
    insert into campaigns_step
        (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at, send_by)
    select %(target)s, enrollment_id + %(shift)s, node_id, state, state_at, created_at, due_at, send_by
    from campaigns_step where campaign_id = %(source)s
    """,
)
