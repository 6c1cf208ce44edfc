"""Short links: people who follow them, led on by the real web server once their click is on record."""

from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.contractor import LAUNCHED, Contractor
from bench.events import Server, web_process
from bench.measurement import Measurement
from campaigns import engine, enrolling, link_signs
from campaigns.models import Click, LinkCode
from common import clock, sql

CODES = 40_000  # a text and a link each
ROUNDS = 4
PLAIN, OURS, INLINE = "/bench/unrecorded", "/l", "/bench/inline-click"
LONGEST_MS = 100.0
NODES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("text", "send_sms", "Text", {"body": "Hi {{ first_name }}, book at https://comfort.example/book"}),
    ("done", "end", "Done", {}),
]
EDGES = [("text", "next", "done")]


def measurements(codes: int = CODES, rounds: int = ROUNDS) -> Iterator[Measurement]:
    """Links followed a second over 64 kept-alive connections, each code twice, so that the web process has
    to look half of them up; against two other redirects of the same process, in turn."""
    clock.set_offset(LAUNCHED - datetime.now(UTC))
    spelled = _sent(codes)
    share = len(spelled) // (2 * rounds)  # PLAIN and OURS remember what they looked up
    rates: dict[str, list[float]] = {PLAIN: [], OURS: [], INLINE: []}
    waits: list[float] = []
    with web_process() as server:
        for number in range(rounds):
            for place, path in enumerate(rates):
                first = (2 * number + place % 2) * share
                found = _followed(server, path, spelled[first : first + share])
                rates[path].append(2 * share / found["seconds"])
                if path == OURS:
                    waits.append(found["p99"])
    plain, ours, inline = (median(rates[path]) for path in (PLAIN, OURS, INLINE))
    n = 2 * share
    yield Measurement(
        "links_redirect", n, ours, "redirects/s", "the same redirect without a record", plain, ours / plain
    )
    yield Measurement(
        "links_redirect_vs_inline", n, ours, "redirects/s", "each looked up and inserted by the ORM",
        inline, ours / inline,
    )  # fmt: skip
    p99 = median(waits)
    yield Measurement(
        "links_redirect_p99", n, p99, "ms p99", "the longest that may be", LONGEST_MS, LONGEST_MS / p99
    )


def _followed(server: Server, path: str, codes: list[str]) -> dict[str, Any]:
    """Follow each of these twice, all having to be on record in the end where the path keeps them."""
    sql.run("truncate campaigns_click")
    found = server.ask(path, 2 * len(codes), "302", {"codes": [*codes, *codes]})
    kept = 0 if path == PLAIN else 2 * len(codes)
    if Click.objects.count() != kept:
        raise SystemExit(f"{path}: {Click.objects.count()} clicks on record, not {kept}")
    return found


def _sent(codes: int) -> list[str]:
    """A campaign whose texts carry a link each; their codes, in no order."""
    contractor = Contractor(codes, nodes=NODES, edges=EDGES, rate=100_000)
    enrolling.enroll(contractor.campaign(), now=clock.now())
    while engine.run_round(now=clock.now()):
        pass
    sql.run("vacuum analyze")
    return [link_signs.spell(pk) for pk in LinkCode.objects.order_by("pk").values_list("pk", flat=True)]
