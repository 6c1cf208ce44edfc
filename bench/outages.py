"""Servers that are away: Redis, PostgreSQL, the disk below them; and rows that nobody can digest."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from bench import looks
from bench.faulted import Course, clock_of
from bench.misbehaving import PROMPT_SECONDS
from bench.people import WISHES
from bench.product import wait_for
from config import embedded

REDIS_STANDS_STILL = 90.0
POSTGRES_AWAY = 8.0
AWAY_STOPS = 5
DISK_FULL = 8.0
RECOVERS_WITHIN = 120.0
POISONED = 3
_POISON_EVENTS = """
insert into integrations_providerevent
    (month, provider, event_id, kind, payload, headers, received_at, outcome)
select date_trunc('month', %(now)s::timestamptz), 'twilio',
       'poison-' || n || '-' || extract(epoch from now()), 'message_status', body::jsonb, '{}', %(now)s, ''
from (values (1, '[]'), (2, '{"attempt": "nobody"}'), (3, '{}'), (4, '"words"')) as poison (n, body)
"""


def flush_redis(course: Course) -> None:
    """Everything in Redis is gone: right after the launch, and twice amid the sending."""
    with redis.Redis.from_url(embedded.redis_url(course.product.data)) as server:
        course.launch()
        server.flushall()
        for share in sorted(course.rng.uniform(0.05, 0.9) for _ in range(2)):
            course.await_share(share)
            server.flushall()
            before = course.texts_taken()
            course.await_that(lambda: course.texts_taken() > before, RECOVERS_WITHIN, "nothing left")  # noqa: B023
    course.recount()


def pause_redis(course: Course) -> None:
    """Redis stands still for 90 s: pages and customers are answered all the while, nothing is lost."""
    course.launch()
    course.await_share(course.rng.uniform(0.1, 0.4))
    slowest = 0.0
    course.product.signal("redis", signal.SIGSTOP)
    try:
        until = time.monotonic() + REDIS_STANDS_STILL
        course.notes.append(f"a ring took {course.company('ring', '1')['seconds']:.1f} s")
        phones = course.rng.sample(sorted(course.facts.zones), AWAY_STOPS)
        course.facts.stopping = frozenset(phones)
        while time.monotonic() < until:
            began = time.monotonic()
            if course.product.status("/login/") != 200:
                course.complain("a page failed")
            if phones:
                answer = course.provider.say(phones.pop(), "STOP", course.number)
                if answer["status"] != 200:
                    course.complain(f"a STOP was answered with {answer['status']}")
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(1.0)
    finally:
        course.product.signal("redis", signal.SIGCONT)
    if slowest > PROMPT_SECONDS * 2:  # a page and a STOP
        course.complain(f"a page and a STOP took {slowest:.1f} s")
    before = course.texts_taken()
    if before < len(course.facts.zones) // 2:
        course.await_that(lambda: course.texts_taken() > before, RECOVERS_WITHIN, "nothing left afterwards")
    course.recount()


def stop_postgres(course: Course) -> None:
    """PostgreSQL ends at once and stays away for some seconds, in which customers write, some of them STOP.

    What they wrote must be had from the provider before any text of a campaign leaves again.
    """
    course.provider.misbehave(webhook_retries=0)
    course.launch()
    course.await_share(course.rng.uniform(0.1, 0.4))
    stopping = course.rng.sample(sorted(course.facts.zones), AWAY_STOPS)
    course.facts.stopping = frozenset(stopping)
    texted = sorted({text["to"] for text in course.texts} - course.facts.stopping)
    phones = stopping + course.rng.sample(texted, min(AWAY_STOPS, len(texted)))
    course.rng.shuffle(phones)
    since = time.time()
    answers: list[int | None] = []
    with broken(embedded.place(course.product.data) / "postgres" / "postgresql.conf"):
        course.product.signal("postgres", signal.SIGQUIT)  # pg_ctl stop -m immediate
        threads = [threading.Thread(target=_write, args=(course, phone, answers)) for phone in phones]
        for thread in threads:
            time.sleep(POSTGRES_AWAY / len(threads))
            thread.start()
        for thread in threads:
            thread.join()
    course.await_that(lambda: course.product.status("/readyz") == 200, 60, "the database did not come back")
    course.facts.deaf = [(since, time.time())]
    if set(answers) - {503, None}:
        course.complain(f"webhooks were answered {answers} without a database")
    course.await_share(1.0 - 2 * AWAY_STOPS / course.recipients)
    course.await_that(
        lambda: looks.heard(course) >= len(phones), 60, "what customers wrote was not asked for"
    )
    course.recount()


@contextmanager
def broken(settings: Path) -> Iterator[None]:
    """Settings with which the server does not start."""
    sound = settings.read_bytes()
    settings.write_bytes(sound + b"\nthis is not a setting\n")
    try:
        yield
    finally:
        settings.write_bytes(sound)


def _write(course: Course, phone: str, answers: list[int | None]) -> None:
    stops = phone in course.facts.stopping
    wish, intent = (course.rng.choice(WISHES), "optout") if stops else ("What does it cost?", "question")
    answers.append(course.provider.say(phone, wish, course.number, intent)["status"])


def fill_disk(course: Course) -> None:
    """The disk below PostgreSQL and Redis is full for some seconds amid the sending."""
    course.launch()
    course.await_share(course.rng.uniform(0.1, 0.5))
    ballast = embedded.place(course.product.data) / "ballast"
    with ballast.open("wb", buffering=0) as file:
        until = time.monotonic() + DISK_FULL
        while time.monotonic() < until:
            try:
                file.write(bytes(1 << 16))
            except OSError:
                time.sleep(0.05)
    ballast.unlink()
    wait_for(lambda: course.product.status("/readyz") == 200, seconds=120, what="a product that is ready")
    course.recount()


def poison_rows(course: Course) -> None:
    """Texts and callbacks that nobody can digest stand among the others."""
    course.launch()
    course.await_share(course.rng.uniform(0.05, 0.2))
    poisoned: list[object] = []

    def poison() -> bool:
        poisoned.extend(
            course.database.rows(
                'update conversations_message set variables = \'["not", "a mapping"]\' where id in ('
                " select id from conversations_message where state = 'queued' and leased_until is null"
                " order by id desc limit %s for no key update skip locked) returning id",
                [POISONED - len(poisoned)],
            )
        )
        return len(poisoned) >= POISONED

    course.await_that(poison, 20, "no text was queued")
    course.database.rows(_POISON_EVENTS, {"now": clock_of(course.product)})
    course.await_share(0.9)
    course.recount()
