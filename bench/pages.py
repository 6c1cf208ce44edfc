"""Every page through its real view, at two sizes; unchanged fragments; and what many open tabs cost.

A page's p95 is what somebody waits at the large size. Whether it grows is judged by processor time, ours and
the database's, because what else runs on the machine changes between the sizes and spoils what a clock
says; and on pages that are as full at the small size (`bench.page_ground`), because a list of fifty rows
takes longer to write than one of ten, whatever lies behind it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from accounts import access
from analytics import metrics
from analytics.models import JobStanding
from analytics.views.campaign import TABS
from bench import tabs
from bench.effort import backend, processor_time
from bench.flatness import read_figures
from bench.measurement import Measurement, processor_seconds
from bench.page_ground import NOW, PageGround
from bench.product import free_port
from campaigns.models import Enrollment
from common import clock
from config import running
from config.processes import spawn, stop, wait_until
from conversations.models import Thread

SMALL, SMALL_MESSAGES = 10_000, 20_000
LARGE, LARGE_MESSAGES = 5_000_000, 10_000_000
ROUNDS = 41  # so that the 95th of a hundred is not the worst of all
MOST_MS, MOST_304_MS, MOST_PERCENT = 100, 3, 40
NOISE_MS = 20  # pages as quick as this are not compared between sizes
POLLS = 200
DASHBOARDS, THREADS, SECONDS = 450, 50, 20
READS, MOST_READ_MS = 100, 10
# Columns of a campaign whose lists are opened, at all nodes and at one.
COLUMNS = (
    "entries", "audience", "active", "exits", "exits:opted_out", "excluded", "entered", "scheduled", "queued",
    "waiting", "completed", "failed", "skipped", "accepted", "delivered", "undelivered", "replies", "optouts",
    "booked", "contacts_booked",
)  # fmt: skip
NO_PAGES = ("webhook", "twilio", "sendgrid", "readyz", "healthz", "metrics", "styleguide", "file", "logout")


@dataclass
class Timed:
    """One address: milliseconds of each visit, by size; `worked`: of processors, ours and the server's."""

    times: dict[str, list[float]] = field(default_factory=dict)
    worked: dict[str, list[float]] = field(default_factory=dict)

    def p95(self, size: str) -> float:
        """Milliseconds within which 95 of 100 visits are answered."""
        each = sorted(self.times.get(size, [0.0]))
        return each[min(len(each) - 1, int(0.95 * len(each)))]

    @property
    def growth(self) -> float:
        """Large ÷ small, of medians of the work; 0 where it is too little to be compared."""
        large, small = self.work("large"), self.work("small")
        return large / small if small and large > NOISE_MS else 0.0

    def work(self, size: str) -> float:
        """Milliseconds of both processors for a visit, the median."""
        return median(self.worked.get(size, [0.0]))


def measurements(
    small: tuple[int, int] = (SMALL, SMALL_MESSAGES),
    large: tuple[int, int] = (LARGE, LARGE_MESSAGES),
    rounds: int = ROUNDS,
    seconds: int = SECONDS,
    ground: PageGround | None = None,
    only: str = "",
) -> Iterator[Measurement]:
    """All of the group on one ground; pages whose name holds `only`."""
    call_command("collectstatic", verbosity=0, interactive=False)
    clock.set_offset(NOW - datetime.now(UTC))
    ground = ground or PageGround()
    found: dict[str, Timed] = {}
    read = []
    for size, (steps, messages) in (("small", small), ("large", large)):
        ground.grow(steps, messages)
        read.append(read_figures(ground.account, ground.campaigns[0], READS))
        _visit_all(ground, size, rounds, found, only)
    yield Measurement(
        "dashboard_flatness", ground.steps, read[1], "ms", f"the same at {small[0]:,} steps", read[0],
        read[1] / read[0],
    )  # fmt: skip
    yield Measurement(
        "dashboard_read", ground.steps, read[1], "ms", "the most allowed", MOST_READ_MS,
        read[1] / MOST_READ_MS,
    )  # fmt: skip
    yield _flatness(ground, found, small[0])
    yield _unchanged(ground)
    yield tabs_cpu(ground, seconds)


def _flatness(ground: PageGround, found: dict[str, Timed], small: int) -> Measurement:
    """The slowest page's p95; the ratio is that of the page that grew most."""
    for url, timed in sorted(found.items(), key=lambda one: -one[1].p95("large"))[:60]:
        work = f"work {timed.work('small'):.1f} → {timed.work('large'):.1f} ms ×{timed.growth:.2f}"
        _say(f"{timed.p95('large'):7.1f} ms p95 ({timed.p95('small'):6.1f} small), {work} {url}")
    slowest = max(found, key=lambda url: found[url].p95("large"))
    grown = max(found, key=lambda url: found[url].growth)
    _say(f"slowest {slowest}; grew most {grown}; {len(found)} pages")
    return Measurement(
        "page_flatness", ground.steps, found[slowest].p95("large"), "ms p95",
        f"the same pages at {small:,} steps", found[slowest].p95("small"), found[grown].growth,
    )  # fmt: skip


def _visit_all(ground: PageGround, size: str, rounds: int, found: dict[str, Timed], only: str) -> None:
    client = Client(raise_request_exception=True)
    client.force_login(ground.user)
    pid = backend()
    for name, url in addresses(ground):
        if (
            only not in name or client.get(url).status_code != 200
        ):  # once for caches; what leads elsewhere or takes forms only
            continue
        timed = found.setdefault(name, Timed())
        timed.times[size], timed.worked[size] = [], []
        for _ in range(rounds):
            began, worked = time.perf_counter(), time.thread_time() + processor_time(pid)
            client.get(url)
            timed.times[size].append((time.perf_counter() - began) * 1000)
            timed.worked[size].append((time.thread_time() + processor_time(pid) - worked) * 1000)


def addresses(ground: PageGround) -> Iterator[tuple[str, str]]:
    """Every page of the product's own list of addresses, with a name that both sizes share: new ones join."""
    campaign, thread = ground.campaigns[0], Thread.objects.filter(account=ground.account).first()
    record = Enrollment.objects.filter(campaign=campaign).order_by("-pk").first()
    won = JobStanding.objects.filter(account=ground.account).first()
    rows = {
        "campaign": campaign.pk, "contact": thread.contact_id if thread else 0, "thread": thread.pk if thread
        else 0, "record": record.pk if record else 0, "number": ground.contractor.number.pk,
        "audience": ground.contractor.audience.pk, "workflow": ground.contractor.version.workflow_id,
        "version": ground.contractor.version.pk, "job": won.pk if won else 0,
    }  # fmt: skip
    for name, pattern in _named(get_resolver()):
        rule = access.rule_of(pattern.callback)
        if rule is None or rule.public or any(word in name for word in NO_PAGES):
            continue
        for words, args in _arguments(name, pattern, rows):
            try:
                url = reverse(name, kwargs=args)
            except NoReverseMatch:
                continue
            yield f"{name} {words}".strip(), url
    yield from _variants(ground, campaign.pk)


def _variants(ground: PageGround, campaign: int) -> Iterator[tuple[str, str]]:
    page, lists = (
        reverse("analytics:campaign", args=[campaign]),
        reverse("analytics:campaign_rows", args=[campaign]),
    )
    for tab in TABS:
        yield f"campaign tab {tab}", f"{page}?tab={tab}"
    for column in COLUMNS:
        yield f"campaign rows {column}", f"{lists}?column={column}"
    for column in ("completed", "failed", "skipped", "accepted", "delivered", "undelivered", "replies"):
        yield f"campaign rows {column} at a node", f"{lists}?column={column}&node=last"
    inbox, contacts = reverse("conversations:inbox"), reverse("audiences:contacts")
    for folder in ("needs_reply", "mine", "unassigned", "opted_out", "all"):
        yield f"inbox {folder}", f"{inbox}?folder={folder}"
    yield "inbox searched by name", f"{inbox}?folder=all&q=Quill"
    yield "inbox searched by phone", f"{inbox}?folder=all&q=000044"
    yield "contacts searched", f"{contacts}?q=Quill"
    yield "contacts searched, too many", f"{contacts}?q=Page"
    yield "dashboard, a year", "/?range=year"


def _named(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from _named(pattern, space)
        elif pattern.name:
            yield prefix + pattern.name, pattern


def _arguments(name: str, pattern: URLPattern, rows: dict[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arguments of an address: rows by what its name begins with, every tile for tiles."""
    wanted = set(pattern.pattern.converters)
    if not wanted:
        yield "", {}
    elif wanted == {"tile"}:
        for tile in metrics.OPENED_METRICS:
            yield tile, {"tile": tile}
    else:
        kind = next((kind for kind in rows if name.split(":")[-1].startswith(kind)), "")
        if kind and "pk" in wanted:
            yield "", {"pk": rows[kind]} | {key: rows[key] for key in wanted - {"pk"} if key in rows}


def _unchanged(ground: PageGround) -> Measurement:
    """Milliseconds for the 304 of a live region that somebody looks at; the worst region's median."""
    client = Client()
    client.force_login(ground.user)
    worst, where = 0.0, ""
    for name, url in _live(ground):
        version = _version(client, url)
        poll = {"HX-Request": "true", "X-Poll": "1", "HX-PTag": version}
        taken, answers = [], set()
        for _ in range(POLLS):
            began = time.perf_counter()
            answer = client.get(url, headers=poll)
            taken.append((time.perf_counter() - began) * 1000)
            answers.add(answer.status_code)
        _say(f"unchanged {name}: {median(taken):.2f} ms, {answers}")
        if median(taken) > worst:
            worst, where = median(taken), name
    _say(f"the slowest unchanged fragment is {where}")
    return Measurement(
        "fragment_unchanged", ground.steps, worst, "ms", "the most allowed", MOST_304_MS, worst / MOST_304_MS
    )


def _live(ground: PageGround) -> Iterator[tuple[str, str]]:
    campaign = reverse("analytics:campaign", args=[ground.campaigns[0].pk])
    thread = Thread.objects.filter(account=ground.account).first()
    yield "dashboard", reverse("analytics:dashboard")
    yield "campaign", campaign
    yield "node table", f"{campaign}?tab=table"
    yield "campaigns", reverse("campaigns:list")
    yield "inbox", reverse("conversations:inbox")
    if thread:
        yield "thread", reverse("conversations:thread", args=[thread.pk])
    yield "waiting", reverse("conversations:waiting")


def _version(client: Client, url: str) -> str:
    answer = client.get(url, headers={"HX-Request": "true"})
    return str(answer.headers.get("HX-PTag", ""))


def tabs_cpu(ground: PageGround, seconds: int = SECONDS) -> Measurement:
    """Percent of one core that the web process takes for 450 dashboards at 2 s and 50 threads at 1 s.

    Nothing changes meanwhile. The clients are another process; the database's work is its own.
    """
    client = Client()
    client.force_login(ground.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    threads = Thread.objects.filter(account=ground.account).order_by("pk")[:THREADS]
    asked = {
        "cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}", "seconds": seconds,
        "tabs": [["/", 2.0]] * DASHBOARDS
        + [[reverse("conversations:thread", args=[thread.pk]), 1.0] for thread in threads],
    }  # fmt: skip
    port = free_port()
    program = running.web(port, {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"})
    with open(os.devnull, "wb") as nowhere:
        process = spawn(program, stdout=nowhere)
    try:
        if not wait_until(lambda: tabs.answers(port), seconds=60):
            raise SystemExit("the web process did not come")
        told = _open_tabs(port, asked, process.pid)
    finally:
        stop(process, program, seconds=20)
    _say(f"tabs: {told['answers']} in {told['seconds']:.1f} s, {told['late']} rounds began late")
    percent = 100 * told["cpu"] / told["seconds"]
    return Measurement(
        "tabs_cpu", DASHBOARDS + THREADS, percent, "percent", "the most allowed", MOST_PERCENT,
        percent / MOST_PERCENT,
    )  # fmt: skip


def _open_tabs(port: int, asked: dict[str, Any], pid: int) -> dict[str, Any]:
    clients = subprocess.Popen(
        [sys.executable, "-m", "bench.tabs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert clients.stdin is not None and clients.stdout is not None
    clients.stdin.write(json.dumps(asked | {"port": port}) + "\n")
    clients.stdin.flush()
    if clients.stdout.readline().strip() != "ready":
        raise SystemExit("the tabs did not open")
    before, began = processor_seconds(pid), time.perf_counter()
    clients.stdin.write("go\n")
    clients.stdin.flush()
    told: dict[str, Any] = json.loads(clients.stdout.readline())
    told |= {"cpu": processor_seconds(pid) - before, "seconds": time.perf_counter() - began}
    clients.wait(timeout=30)
    return told


def _say(words: str) -> None:
    print(f"pages: {words}", file=sys.stderr)
