"""What pages are measured on: a contractor's year of campaigns, laid by plain SQL without triggers.

Two hundred campaigns, the newest of them running, the first as large as twenty others; people texted three
times each; threads with everything else that was said. The counters are counted from the rows, as triggers
would have counted them. `grow` adds up to the next size: two sizes stand in one database.

Every list of the first campaign fills its page at each size, and so do searches and the inbox: what differs
between two sizes is the history behind a page, not how many rows stand on it.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection

from accounts.models import Membership, Role, User
from analytics import counters, rollups
from bench import page_rows
from bench.contractor import Contractor
from campaigns.models import Campaign, Node
from common import sql
from conversations.models import Lane

NOW = datetime(2026, 12, 1, 19, tzinfo=UTC)  # a Tuesday, 1 pm in Chicago
CAMPAIGNS, RUNNING = 200, 10
STEPS_EACH = 5  # of a passage
CROWD = 1_000  # passages that fill the lists of the first campaign at every size, half of the smallest
NAMESAKES = 60  # people of one name, for searches: as many at every size
NODES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("text", "send_sms", "First text", {"body": "Hi {{ first_name }}, {{ company }} here."}),
    ("pause", "wait", "Two days", {"minutes": 2880}),
    ("again", "send_sms", "Second text", {"body": "Hi {{ first_name }}, still time for a tune-up."}),
    ("rest", "wait", "A week", {"minutes": 10080}),
    ("last", "send_sms", "Last text", {"body": "Hi {{ first_name }}, last call."}),
    ("done", "end", "Done", {}),
]
EDGES = [(a[0], "next", b[0]) for a, b in pairwise(NODES)]
FILLED = (
    "audiences_household", "audiences_contact", "audiences_address", "audiences_contactaddress",
    "audiences_job", "campaigns_enrollment", "campaigns_step", "conversations_message",
    "conversations_thread", "analytics_jobcredit", "analytics_jobstanding",
)  # fmt: skip


class PageGround:
    """The contractor with nobody yet; `user` is an admin of it."""

    def __init__(self, campaigns: int = CAMPAIGNS) -> None:
        self.contractor = Contractor(2, nodes=NODES, edges=EDGES)
        self.account = self.contractor.account
        self.user = User.objects.create_user(email="bench@example.com", password="not for signing in")
        Membership.objects.create(user=self.user, account=self.account, role=Role.ADMIN)
        first = self.contractor.campaign()
        self.campaigns = [first, *(_another(first) for _ in range(campaigns - 1))]
        self._date_campaigns()
        self.passages = self.messages = self.people = self.threads = self.crowd = 0

    @property
    def steps(self) -> int:
        """How many there are."""
        return int(sql.value("SELECT count(*) FROM campaigns_step"))

    def _date_campaigns(self) -> None:
        for n, campaign in enumerate(self.campaigns):
            at = NOW - timedelta(days=3 if n < RUNNING else 5 + n * 1.8)
            over = {} if n < RUNNING else {"status": "completed", "completed_at": at + timedelta(days=12)}
            status = {"status": "active"} | over
            Campaign.objects.filter(pk=campaign.pk).update(
                launched_at=at, created_at=at, starts_at=None, name=f"Bench {n:03}", **status
            )

    def grow(self, steps: int, messages: int) -> None:
        """Add passages, people and threads until there are about so many steps and messages."""
        began = time.perf_counter()
        passages = steps // STEPS_EACH
        self.crowd = self.crowd or min(CROWD, passages // 2)
        people = max(passages // 5, self.crowd, 50)
        threads = max(min(messages // 200, 50_000), 20)
        nodes = dict(Node.objects.filter(version=self.contractor.version).values_list("key", "pk"))
        asked = {
            "account": self.account.pk, "number": self.contractor.number.pk, "now": NOW,
            "version": self.contractor.version.pk, "running": min(RUNNING, len(self.campaigns)),
            "campaigns": [campaign.pk for campaign in self.campaigns],
            "lanes": [campaign.lane_id for campaign in self.campaigns], "nodes": [nodes[n[0]] for n in NODES],
            "first": self.passages, "last": passages - 1, "first_person": self.people,
            "last_person": people - 1, "first_thread": self.threads, "last_thread": threads - 1,
            "said": 0, "threads": threads, "people": people, "crowd": self.crowd,
            "namesakes": NAMESAKES,
        }  # fmt: skip
        with _bare(large=passages > 10_000):
            for name, statement in page_rows.STATEMENTS.items():
                if name == "said":
                    there = int(sql.value("SELECT count(*) FROM conversations_message"))
                    asked["said"] = max(messages - there, 0)
                since = time.perf_counter()
                n = sql.run(statement, asked)
                print(f"ground: {n:,} {name} in {time.perf_counter() - since:.0f} s", file=sys.stderr)
        self.passages, self.people, self.threads = passages, people, threads
        self.messages = int(sql.value("SELECT count(*) FROM conversations_message"))
        since = time.perf_counter()
        rollups.correct()  # the counters are what the rows say
        while counters.squash():
            pass
        print(f"ground: counted in {time.perf_counter() - since:.0f} s", file=sys.stderr)
        with connection.cursor() as cursor:
            cursor.execute("vacuum analyze")
            cursor.execute("checkpoint")
        words = f"{self.steps:,} steps, {self.messages:,} messages"
        print(f"ground: {words} in {time.perf_counter() - began:.0f} s", file=sys.stderr)


def _another(first: Campaign) -> Campaign:
    """The same campaign once more, with a lane of its own; nobody is told of it."""
    assert first.lane_id is not None, "it was launched"
    lane = Lane.objects.get(pk=first.lane_id)
    lane.pk = None
    lane.save()
    made = Campaign.objects.get(pk=first.pk)
    made.pk, made.lane, made.launch_token = None, lane, uuid.uuid4()
    made.save()
    return made


@contextmanager
def _bare(*, large: bool) -> Iterator[None]:
    """Without triggers and checks of foreign keys; when much is laid with unique indexes only."""
    built = sql.rows(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisunique",
        [list(FILLED)],
    ) if large else []  # fmt: skip
    with connection.cursor() as cursor:
        for name, _ in built:
            cursor.execute(f"drop index {name}")
        for table in FILLED:
            cursor.execute(f"alter table {table} disable trigger all")
        try:
            yield
        finally:
            for table in FILLED:
                cursor.execute(f"alter table {table} enable trigger all")
            cursor.execute("set maintenance_work_mem = '512MB'")
            for _, definition in built:
                cursor.execute(definition)
            cursor.execute("reset maintenance_work_mem")
