"""Status callbacks: taken in by the real web server, and applied by the drain."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.db import transaction

from bench import callers
from bench.contractor import LAUNCHED, Contractor, uncounted
from bench.measurement import Measurement, processor_seconds
from bench.product import free_port
from campaigns import engine, enrolling
from common import clock, sql
from config import running
from config.processes import spawn, stop
from conversations import draining
from conversations.models import Message
from integrations import inbox
from integrations.models import ProviderEvent

TEXTS = 4_000
CALLBACKS = 12_000  # taken in per round; handled inline, which is slow, one per text
ROUNDS = 5
PATH = "/webhooks/twilio/messages/status"
VERIFIED, INLINE = "/bench/verified", "/bench/inline"
NODES = [
    ("text", "send_sms", "Text", {"body": "Hi {{ first_name }}, {{ company }} here."}),
    ("done", "end", "Done", {}),
]
EDGES = [("text", "next", "done")]
Texts = Sequence[tuple[str, str]]  # attempt, MessageSid


def measurements(
    texts: int = TEXTS, callbacks: int = CALLBACKS, rounds: int = ROUNDS
) -> Iterator[Measurement]:
    """All of the group, on one campaign's texts."""
    clock.set_offset(LAUNCHED - datetime.now(UTC))
    attempts = _accepted_texts(texts)
    yield from _taken_in(attempts, callbacks, rounds)
    yield _drained(attempts, rounds)


def _taken_in(attempts: Texts, callbacks: int, rounds: int) -> Iterator[Measurement]:
    """Signed callbacks a second, each answered once it is durably stored, against two other receivers.

    All three are addresses of one web process with the product's settings, asked in turn over the same 64
    kept-alive connections: a view that only verifies, and one that handles each callback through the ORM.
    """
    rates: dict[str, list[float]] = {VERIFIED: [], PATH: [], INLINE: []}
    with web_process() as server:
        for _ in range(rounds):
            for path, found in rates.items():
                _forget_news()
                n = len(attempts) if path == INLINE else callbacks
                told = _told(attempts, n) if path == INLINE else [(a, _sid()) for a, _ in _told(attempts, n)]
                seconds = server.call(path, told)
                _check(path, n)
                found.append(n / seconds)
    verified, ours, inline = (median(rates[path]) for path in (VERIFIED, PATH, INLINE))
    yield Measurement(
        "events_ingest", callbacks, ours, "callbacks/s", "an empty view that verifies the signature",
        verified, ours / verified,
    )  # fmt: skip
    yield Measurement(
        "events_vs_inline", callbacks, ours, "callbacks/s", "each handled in its request through the ORM",
        inline, ours / inline,
    )  # fmt: skip


def _check(path: str, n: int) -> None:
    """Each receiver must have done what it stands for; a benchmark of something else is worth nothing."""
    stored = ProviderEvent.objects.count()
    delivered = Message.objects.filter(state="delivered").count()
    expected = {VERIFIED: (0, 0), PATH: (n, 0), INLINE: (n, n)}[path]
    if (stored, delivered) != expected:
        raise SystemExit(f"{path}: {stored} events and {delivered} delivered, not {expected}")


def _drained(attempts: Texts, rounds: int) -> Measurement:
    """Stored callbacks applied a second, two of each text, by the drain and by bare SQL that knows them.

    The baseline collapses and applies as many in a transaction, believes every callback, and runs without
    the counting triggers.
    """
    n = 2 * len(attempts)
    ours: list[float] = []
    bare: list[float] = []
    outcomes = []
    for _ in range(rounds):
        for apply, taken in ((_drain, ours), (_apply_bare, bare)):
            _forget_news()
            _store(attempts)
            sql.run("vacuum analyze")
            began = time.perf_counter()
            apply()
            taken.append(time.perf_counter() - began)
            outcomes.append(_applied())
    if any(outcome != outcomes[0] for outcome in outcomes) or len(outcomes[0][1]) != n:
        raise SystemExit("the baseline did not apply what the drain applied")
    rate, baseline = n / median(ours), n / median(bare)
    return Measurement(
        "events_drain", n, rate, "callbacks/s",
        f"bare SQL, {draining.BATCH} in a transaction, no triggers", baseline, rate / baseline,
    )  # fmt: skip


def _drain() -> None:
    while draining.drain(600):
        pass


def _applied() -> tuple[list[Any], list[Any]]:
    """What the texts and the events came to."""
    texts = Message.objects.order_by("pk").values_list("pk", "state", "provider_id", "code", "reason")
    events = ProviderEvent.objects.exclude(applied_at=None).order_by("event_id")
    return list(texts), list(events.values_list("event_id", "outcome"))


_APPLY = """
with taken as materialized (
    select id, month, payload from integrations_providerevent
    where kind = 'message_status' and applied_at is null order by id limit %(batch)s
    for no key update skip locked
),
furthest as (
    select distinct on (attempt) attempt, state, rank from (
        select (payload->>'attempt')::uuid as attempt, payload->>'MessageStatus' as state,
               case payload->>'MessageStatus' when 'delivered' then 4 else 3 end as rank from taken
    ) told order by attempt, rank desc
),
moved as (
    update conversations_message m set state = f.state, state_at = %(now)s
    from furthest f join conversations_attempt a on a.id = f.attempt
    where m.id = a.message_id and f.rank > case m.state when 'accepted' then 2 when 'sent' then 3 else 4 end
)
update integrations_providerevent e set applied_at = %(now)s, outcome = 'applied'
from taken where e.id = taken.id and e.month = taken.month
"""


def _apply_bare() -> None:
    with uncounted():
        while sql.run(_APPLY, {"batch": draining.BATCH, "now": clock.now()}):
            pass


def _store(attempts: Texts) -> None:
    """Two callbacks of each text, as the webhook stores them; news of neighbours is mixed."""
    account_id = Message.objects.values_list("account_id", flat=True)[0]
    with transaction.atomic():
        for start in range(0, len(attempts), 200):
            for status in ("sent", "delivered"):
                for attempt, sid in attempts[start : start + 200]:
                    event = inbox.IncomingEvent(
                        "twilio",
                        f"{sid}:{status}:",
                        ProviderEvent.Kind.MESSAGE_STATUS,
                        callers.form(sid, status) | {"attempt": attempt},
                        account_id,
                    )
                    inbox.record(event)


def _accepted_texts(texts: int) -> list[tuple[str, str]]:
    """A campaign whose texts the provider has taken; (attempt, MessageSid) of each."""
    contractor = Contractor(texts, nodes=NODES, edges=EDGES, rate=100_000)
    enrolling.enroll(contractor.campaign(), now=clock.now())
    while engine.run_round(now=clock.now()):
        pass
    sql.run(
        """
        insert into conversations_attempt (id, message_id, try_number, state, started_at, ended_at, code)
        select gen_random_uuid(), id, 1, 'accepted', %(now)s, %(now)s, '' from conversations_message
        """,
        {"now": clock.now()},
    )
    _forget_news()
    sql.run(
        "update campaigns_step set state = 'completed', state_at = %s where message_id is not null",
        [clock.now()],
    )
    sql.run("vacuum analyze")
    return sql.rows(
        "select a.id::text, m.provider_id from conversations_attempt a"
        " join conversations_message m on m.id = a.message_id order by m.id"
    )


def _forget_news() -> None:
    """Every text as it was when the provider took it, and no event."""
    sql.run(
        """
        update conversations_message set state = 'accepted', state_at = %(now)s, accepted_at = %(now)s,
            claimed_at = null, body = 'Hi Pat, Bench Heating here.', due_at = null,
            variables = null, provider_id = 'SM' || md5(id::text)
        """,
        {"now": clock.now()},
    )
    sql.run("truncate integrations_providerevent")


def _told(attempts: Texts, n: int) -> list[tuple[str, str]]:
    return [attempts[number % len(attempts)] for number in range(n)]


def _sid() -> str:
    return f"SM{uuid.uuid4().hex}"


class Server:
    """The web process under measurement."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid

    @property
    def url(self) -> str:
        """Where it listens, and what is signed."""
        return f"http://{running.HOST}:{self.port}"

    def call(self, path: str, texts: Texts) -> float:
        """Have a provider report on these texts; seconds until the last answer."""
        told = {"public_url": self.url, "status": "delivered", "texts": texts}
        return float(self.ask(path, len(texts), "204", told)["seconds"])

    def ask(self, path: str, n: int, answer: str, what: dict[str, Any]) -> dict[str, Any]:
        """Send `n` requests of `bench.callers`, which all have to get this answer; what it measured."""
        asked = {"url": self.url, "path": path, **what}
        with subprocess.Popen(
            [sys.executable, "-m", "bench.callers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{json.dumps(asked)}\n")
            process.stdin.flush()
            process.stdout.readline()
            before = processor_seconds(self.pid)
            process.stdin.write("go\n")
            process.stdin.flush()
            found = json.loads(process.stdout.readline())
        used = (processor_seconds(self.pid) - before) / n * 1e6
        if found["answers"] != {answer: n}:
            raise SystemExit(f"{path}: {found['answers']} for {n} requests")
        print(
            f"{path}: {n / found['seconds']:.0f}/s,"
            f" p99 {found['p99']:.0f} ms, {used:.0f} µs of the web process each",
            file=sys.stderr,
        )
        return dict(found)


@contextmanager
def web_process() -> Iterator[Server]:
    """The product's web process on this database, with the other receivers beside it."""
    port = free_port()
    database = settings.DATABASES["default"]
    env = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "bench.web_settings", "PORT": str(port),
        "PUBLIC_URL": f"http://{running.HOST}:{port}", "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": f"postgres://{database['USER']}@/{database['NAME']}?host={database['HOST']}&port={database['PORT']}",
    }  # fmt: skip
    program = running.web(port, env)
    process = spawn(program)
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"http://{running.HOST}:{port}/healthz"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the web process does not start")
            time.sleep(0.1)
        yield Server(port, process.pid)
    finally:
        stop(process, program, seconds=10)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
