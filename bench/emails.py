"""Emails: one sender process, from queue to recorded acceptance, into a real sandbox process.

The sandbox checks every personalization, keeps the requests durably and enters them in its ledger. The
baseline posts the same requests to it, made beforehand, and keeps nothing.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp
from django.db import connection

from accounts.models import Account
from bench.contractor import LAUNCHED, Contractor
from bench.measurement import Measurement, processor_seconds
from campaigns import engine, enrolling
from common import clock, sql
from conversations import sender
from conversations.models import Message
from integrations.models import Connection, SendingMailbox

RECIPIENTS = 30_000
ROUNDS = 3
CONCURRENCY = 100
SUBJECT = "{{ first_name }}, time for a tune-up"
BODY = (
    "Hi {{ first_name }},\n\nit has been a while since we looked after your system in {{ city }}."
    " {{ company }} has openings next week, and a tune-up now saves you a cold night later.\n\n"
    "Shall we come by?"
)
NODES = [
    ("email", "send_email", "Email", {"subject": SUBJECT, "body": BODY}),
    ("done", "end", "Done", {}),
]
EDGES = [("email", "next", "done")]
_MAILBOXES = """
    with mailbox as (
        insert into audiences_address (account_id, channel, value, line_type, unreachable_reason)
        select c.account_id, 'email', 'pat' || c.servicetitan_customer_id || '@example.org', 'unknown', ''
        from audiences_contact c where c.account_id = %(account)s returning id, value
    )
    insert into audiences_contactaddress (contact_id, address_id, position, label, do_not_text)
    select c.id, m.id, 5, '', false from audiences_contact c
    join mailbox m on m.value = 'pat' || c.servicetitan_customer_id || '@example.org'
    where c.account_id = %(account)s
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    url: str
    key: str
    pid: int


def email_send(recipients: int = RECIPIENTS, rounds: int = ROUNDS) -> Measurement:
    """Recipients a second of one sender process: lease, claim under locks with the gate, words and
    unsubscribe link of each, requests of up to a thousand, record with what follows in the workflow."""
    clock.set_offset(LAUNCHED - datetime.now(UTC))
    ours, bare = [], []
    with sandbox() as there:
        contractor = Contractor(recipients, nodes=NODES, edges=EDGES, rate=100_000)
        give_mailboxes(contractor.account, there.url, there.key)
        for _ in range(rounds):
            campaign = contractor.campaign()
            enrolling.enroll(campaign, now=clock.now())
            while engine.run_round(now=clock.now()):
                pass
            with connection.cursor() as cursor:
                cursor.execute("vacuum analyze")
            effort = _Effort(there)
            began = time.perf_counter()
            waiting = Message.objects.filter(lane=campaign.lane_id, state="queued")
            while waiting.exists():  # a busy machine lets claims grow too old; they come back a second later
                sender.run(600, concurrency=CONCURRENCY, until_idle=True)
            ours.append(time.perf_counter() - began)
            effort.tell(recipients)
            sent = Message.objects.filter(lane=campaign.lane_id, state="accepted").count()
            if sent != recipients:
                raise SystemExit(f"{sent} were accepted, not {recipients}")
            Message.objects.update(accepted_at="2020-01-01T00:00:00Z")  # or caps would hold the next round
            bare.append(asyncio.run(_bare(there, recipients)))
    rate, baseline = recipients / median(ours), recipients / median(bare)
    return Measurement(
        "email_send", recipients, rate, "recipients/s", "the same requests, made beforehand, nothing kept",
        baseline, rate / baseline,
    )  # fmt: skip


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A sandbox process with silent customers and a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="truckroll-bench-sandbox-") as folder:
        credentials = Path(folder) / "credentials.json"
        command = [
            sys.executable, "-m", "sandbox", "--port", "0", "--data", folder, "--customers", "silent",
            "--credentials", str(credentials),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[-1]
                key = json.loads(credentials.read_text())["sendgrid_key"]
                yield Sandbox(url, key, process.pid)
            finally:
                process.terminate()


class _Effort:
    """What sender, database and sandbox use of the processor while a round lasts."""

    def __init__(self, there: Sandbox) -> None:
        self._there = there
        self._postmaster = _postmaster()
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        own = resource.getrusage(resource.RUSAGE_SELF)
        database = processor_seconds(self._postmaster) + _of_ended_children(self._postmaster)
        return own.ru_utime + own.ru_stime, database, processor_seconds(self._there.pid)

    def tell(self, recipients: int) -> None:
        """Say it to people, in microseconds per recipient."""
        spent = (end - begin for end, begin in zip(self._now(), self._began, strict=True))
        names = ("sender", "database", "sandbox")
        words = [f"{name} {used / recipients * 1e6:.0f} µs" for name, used in zip(names, spent, strict=True)]
        print(f"email_send: of the processor per recipient {', '.join(words)}", file=sys.stderr)


def _postmaster() -> int:
    """The process above all backends: on this machine, under Linux."""
    backend = int(sql.value("SELECT pg_backend_pid()"))
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def _of_ended_children(pid: int) -> float:
    """Seconds that children which have ended had used: the sender's connections are closed with it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def give_mailboxes(account: Account, url: str, key: str) -> None:
    """A mailbox for everybody, and one to send from."""
    sendgrid = Connection.objects.create(
        account=account,
        provider="sendgrid",
        settings={"base_url": url},
        credentials={"api_key": key},
    )
    SendingMailbox.objects.create(
        account=account, connection=sendgrid, email="office@bench.example", name="Bench Heating",
        postal_address="12 Elm Street, Springfield, IL 62701", emails_per_second=1_000_000,
    )  # fmt: skip
    sql.run(_MAILBOXES, {"account": account.pk})


async def _bare(there: Sandbox, recipients: int) -> float:
    """Seconds in which the sandbox takes as many recipients in the requests that it took last."""
    headers = {"Authorization": f"Bearer {there.key}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{there.url}/mail.json", params={"limit": "1"}) as answer:
            mail = (await answer.json())[0]
        people = len(mail["personalizations"])
        body = json.dumps({k: v for k, v in mail.items() if k not in ("id", "wall")}).encode()
        began = time.perf_counter()
        for _ in range(-(-recipients // people)):
            async with session.post(f"{there.url}/v3/mail/send", data=body) as answer:
                if answer.status != 202:
                    raise SystemExit(f"the sandbox answered {answer.status}")
        return (time.perf_counter() - began) * recipients / (-(-recipients // people) * people)
