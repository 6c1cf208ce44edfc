"""Counting an audience: what the builder asks of a large contractor's customer base, against SQL by hand."""

import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from accounts.models import Account, BusinessUnit
from audiences import counting, segments
from audiences.models import JobType
from audiences.rules import builder
from audiences.rules.exclusions import EXCLUSIONS
from bench import audience_ground
from bench.audience_ground import NOW
from bench.measurement import Measurement
from common import sql

RUNS = 41
ELEVEN_MONTHS_AGO, TEN_YEARS_AGO = "2026-01-01 17:00+00", "2016-12-01 17:00+00"  # before NOW
_INSTALLS = ("Furnace install", "AC install", "Water heater install")
_BY_HAND = """
    SELECT count(*) FROM audiences_contact c
    WHERE c.account_id = %(account)s AND c.active AND c.kind = 'residential'
      AND c.last_job_at <= %(eleven_months_ago)s
      AND EXISTS (
        SELECT FROM audiences_job j WHERE j.account_id = c.account_id
        AND j.servicetitan_customer_id = c.servicetitan_customer_id AND j.active AND j.status <> 'Canceled'
        AND j.business_unit_id = %(west)s AND j.job_type_id = ANY(%(installs)s)
        AND j.completed_on <= %(ten_years_ago)s)
      AND NOT EXISTS (
        SELECT FROM audiences_job j WHERE j.account_id = c.account_id
        AND j.servicetitan_customer_id = c.servicetitan_customer_id AND j.active AND j.status <> 'Canceled'
        AND j.job_type_id = ANY(%(installs)s)
        AND coalesce(j.completed_on, j.created_on) >= %(ten_years_ago)s)
      AND NOT EXISTS (
        SELECT FROM audiences_job j WHERE j.account_id = c.account_id
        AND j.servicetitan_customer_id = c.servicetitan_customer_id AND j.active
        AND j.status NOT IN ('Completed', 'Canceled'))
"""


def audience_count(contacts: int = audience_ground.CONTACTS, runs: int = RUNS) -> Measurement:
    """Homes of the west unit whose last install is over ten years old, without a job for eleven months and
    with nothing on the board: five conditions. Milliseconds from typed rules to the count, 95 of 100 times,
    and so by hand; `ratio` is that of the medians.

    What other rules take is said in words, most of all those that a new audience begins with.
    """
    account = audience_ground.lay(contacts)
    asked = _asked(account)
    by_hand = {
        "account": account.pk,
        "west": asked["unit"],
        "installs": asked["installs"],
        "eleven_months_ago": ELEVEN_MONTHS_AGO,
        "ten_years_ago": TEN_YEARS_AGO,
    }

    def hand() -> int:
        return int(sql.value(_BY_HAND, by_hand))

    five = partial(_count, account, asked["rules"])
    if not 0 < five() == hand():
        raise SystemExit("audience_count: the rule and the SQL by hand count differently, or nobody")
    ours, theirs = _timed(runs, five, hand)
    for words, rules in _others(asked).items():
        (took,) = _timed(max(3, runs // 5), partial(_count, account, rules))
        print(f"audience_count: {words}: {median(took):.0f} ms", file=sys.stderr)
    return Measurement(
        "audience_count", contacts, _p95(ours), "ms", "the same question as SQL by hand", _p95(theirs),
        median(ours) / median(theirs),
    )  # fmt: skip


def _count(account: Account, rules: dict[str, Any]) -> int:
    """As the builder does: what was typed is checked, made SQL and counted, within its time."""
    complete, problems = builder.complete(account, rules, None)
    if problems:
        raise SystemExit(f"audience_count: {problems[0].words}")
    with counting.within(counting.AT_LENGTH, asked_by="bench"):
        return segments.count(account, complete, now=NOW)


def _timed(runs: int, *ways: Callable[[], int]) -> list[list[float]]:
    """Milliseconds of each way, the ways by turns; the first two turns are for nothing."""
    taken: list[list[float]] = [[] for _ in ways]
    for turn in range(runs + 2):
        for way, found in zip(ways, taken, strict=True):
            began = time.perf_counter()
            way()
            if turn > 1:
                found.append((time.perf_counter() - began) * 1000)
    return taken


def _p95(taken: list[float]) -> float:
    return sorted(taken)[round(0.95 * (len(taken) - 1))]


def _asked(account: Account) -> dict[str, Any]:
    unit = BusinessUnit.objects.get(account=account, name="West Heating").pk
    installs = list(JobType.objects.filter(account=account, name__in=_INSTALLS).values_list("pk", flat=True))
    install = {"field": "job.type", "is": "any_of", "value": installs}
    decade = {"n": 10, "unit": "years"}
    rules = [
        {"field": "kind", "is": "any_of", "value": ["residential"]},
        {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}},
        {"match": "all", "of": "job", "rules": [
            install, {"field": "job.unit", "is": "any_of", "value": [unit]},
            {"field": "job.completed", "is": "more_ago", "value": decade},
        ]},
        {"match": "none", "of": "job", "rules": [
            install, {"field": "job.date", "is": "in_last", "value": decade},
        ]},
    ]  # fmt: skip
    whole = {"match": "all", "rules": rules, "exclusions": ["open_job"]}
    return {"unit": unit, "installs": installs, "rules": whole}


def _others(asked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    idle = {"field": "last_job", "is": "more_ago", "value": {"n": 11, "unit": "months"}}
    in_unit = {"field": "job.unit", "is": "any_of", "value": [asked["unit"]]}
    return {
        "idle for eleven months, with every default exclusion": {
            "match": "all", "rules": [idle], "exclusions": list(EXCLUSIONS),
        },
        "idle, with a job of a unit, not on the board": {
            "match": "all", "exclusions": ["open_job"],
            "rules": [idle, {"match": "all", "of": "job", "rules": [in_unit]}],
        },
        "three jobs and $5,000 at least": {"match": "all", "rules": [
            {"field": "jobs", "is": "at_least", "value": 3},
            {"field": "revenue", "is": "at_least", "value": 5000},
        ]},
    }  # fmt: skip
