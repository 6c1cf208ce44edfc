"""Rows that lie about: millions of people in the middle of other campaigns, made by plain SQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

from bench.contractor import LAUNCHED, Contractor
from campaigns.models import Campaign, Node
from common import sql

PEOPLE = 250_000  # who are in every campaign of the stock; each campaign holds that many at most
SLICE = 50_000
DUE = LAUNCHED + timedelta(days=30)  # long after everything that is measured
FILLED = (
    "audiences_household", "audiences_contact", "audiences_address",
    "campaigns_enrollment", "campaigns_step",
)  # fmt: skip

_PEOPLE = """
with home as (
    insert into audiences_household (account_id, key)
    select %(account)s, 'stock-' || n from generate_series(%(first)s, %(last)s) n returning id
),
contact as (
    insert into audiences_contact
        (account_id, servicetitan_customer_id, person, name, first_name, last_name, kind, language, active,
         do_not_service, street, city, state, zip, household_id, zone_set_id, created_at)
    select %(account)s, 10000000 + id, '', 'Sam Stock', 'Sam', 'Stock', 'residential', 'en', false, false,
           '1 Elm Street', 'Chicago', 'IL', '60601', id,
           (select zone_set_id from audiences_contact where account_id = %(account)s limit 1), %(now)s
    from home returning id
),
phone as (
    insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
    select %(account)s, 'phone', '+1773' || lpad(n::text, 7, '0'), 'mobile', ''
    from generate_series(%(first)s, %(last)s) n returning id
)
select (select array_agg(id order by id) from contact), (select array_agg(id order by id) from phone)
"""
_PASSAGES = """
with entered as (
    insert into campaigns_enrollment (campaign_id, version_id, occurrence, contact_id, address_id, entered_at)
    select %(campaign)s, %(version)s, 1, who.contact, who.phone, %(now)s
    from unnest(%(contacts)s::bigint[], %(phones)s::bigint[]) as who (contact, phone)
    returning id
)
insert into campaigns_step
    (campaign_id, enrollment_id, node_id, state, state_at, created_at, due_at, outcome)
select %(campaign)s, entered.id, node.id, case when node.open then 'waiting' else 'completed' end, %(now)s,
       %(now)s, case when node.open then %(due)s::timestamptz end, case when node.open then '' else 'next' end
from entered
cross join unnest(%(nodes)s::bigint[], %(open)s::bool[]) as node (id, open)
"""


class Stock:
    """People of a contractor, inactive so that no audience has them, on their way through campaigns."""

    def __init__(self, contractor: Contractor, *, people: int = PEOPLE, passed: Sequence[str] = ()) -> None:
        """`passed` are the nodes behind everybody; each adds a completed step to the waiting one."""
        self.contractor, self.people, self.passed = contractor, people, passed
        self.steps = 0
        self._who: list[tuple[list[int], list[int]]] = []
        self._campaigns: list[Campaign] = []
        self._filled = people  # of the latest campaign
        with _unchecked():
            for first in range(1, people + 1, SLICE):
                last = min(first + SLICE - 1, people)
                values = {"account": contractor.account.pk, "first": first, "last": last, "now": LAUNCHED}
                self._who += sql.rows(_PEOPLE, values)

    def grow(self, steps: int) -> None:
        """Let the stock reach that many steps, rounded to whole slices of people; campaigns stay active."""
        nodes = dict(Node.objects.filter(version=self.contractor.version).values_list("key", "pk"))
        keys = [*self.passed, "later"]
        with _unchecked():
            while self.steps < steps:
                if self._filled >= self.people:
                    self._campaigns.append(self.contractor.campaign())
                    self._filled = 0
                contacts, phones = self._who[self._filled // SLICE]
                most = -(-(steps - self.steps) // len(keys))
                contacts, phones = contacts[:most], phones[:most]
                campaign = self._campaigns[-1]
                self.steps += sql.run(
                    _PASSAGES,
                    {
                        "campaign": campaign.pk, "version": campaign.version_id, "now": LAUNCHED, "due": DUE,
                        "contacts": contacts, "phones": phones, "nodes": [nodes[key] for key in keys],
                        "open": [key == "later" for key in keys],
                    },
                )  # fmt: skip
                self._filled = self.people if most < SLICE else self._filled + SLICE
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")
            cursor.execute("checkpoint")

    @property
    def campaigns(self) -> list[Campaign]:
        """What holds the stock."""
        return self._campaigns


@contextmanager
def _unchecked() -> Iterator[None]:
    """Without the checks of foreign keys, which would take most of the time; counters count as ever."""
    with connection.cursor() as cursor:
        for table in FILLED:
            cursor.execute(f"alter table {table} disable trigger all")
            cursor.execute(f"alter table {table} enable trigger user")
        try:
            yield
        finally:
            for table in FILLED:
                cursor.execute(f"alter table {table} enable trigger all")
