"""Contacts with jobs, visits, tags and texts, and a plain evaluation of rules over them, word by word.

`matches` knows no SQL: it reads the rows as people would and says who meets a tree.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import Account, BusinessUnit
from audiences import derived_contacts
from audiences.models import Appointment, Audience, Contact, ContactTag, Household, Job, JobTag, JobType, Tag
from audiences.rules.exclusions import EXCLUSIONS
from tests.audiences import people
from tests.audiences.people import NOON

ZONE = ZoneInfo("America/Chicago")
DAY = timedelta(days=1)


@dataclass
class Person:
    """What is known of one contact."""

    row: Contact
    tags: set[int] = field(default_factory=set)
    jobs: list[Job] = field(default_factory=list)
    visits: list[tuple[Appointment, Job]] = field(default_factory=list)


@dataclass
class World:
    account: Account
    people: list[Person]
    tags: list[Tag]
    types: list[JobType]
    units: list[BusinessUnit]
    audiences: list[Audience]


def make(size: int = 200, seed: int = 7) -> World:
    """An account with `size` contacts, in a constant number of statements for each kind of row."""
    draw = random.Random(seed)
    account = people.account(timezone=ZONE.key)
    tags = [people.tag(account, name) for name in ("VIP", "Member", "Furnace")]
    types = [people.job_type(account, name) for name in ("Tune-up", "Install", "Repair")]
    units = [people.unit(account, name) for name in ("West", "East")]
    zone_set = people.hours.zone_set_for(state="IL", zip_code="60601")
    homes = Household.objects.bulk_create(Household(account=account, key=f"h{i}") for i in range(size))
    found = [
        Person(Contact(
            account=account, household=homes[i], zone_set=zone_set, servicetitan_customer_id=90_000 + i // 2,
            person=str(i % 2), name=draw.choice(["Ann Doe", "Bob 10%", "Cy_Poe", "Dee"]),
            kind=draw.choice(["residential", "commercial"]),
            city=draw.choice(["", "Berlin", "Bergen", "Albany"]),
            state="IL", zip=draw.choice(["", "60601", "60605-1234", "12201"]), active=draw.random() > 0.1,
            do_not_service=draw.random() < 0.1,
        ))
        for i in range(size)
    ]  # fmt: skip
    jobs: list[Job] = []
    for i in range(size // 2):  # half as many customers, each of two contacts
        mine = [
            _job(account, 90_000 + i, types, units, draw, i * 10 + n)
            for n in range(draw.choice([0, 0, 1, 2, 3]))
        ]
        jobs += mine
        for person in found[2 * i : 2 * i + 2]:
            person.jobs = [job for job in mine if job.active and job.status != "Canceled"]
            person.row.last_job_at = max((_at(job) for job in person.jobs), default=None)
    Contact.objects.bulk_create(person.row for person in found)
    Job.objects.bulk_create(jobs)
    for job in jobs:
        job.drawn_tags = {tag.pk for tag in tags if draw.random() < 0.3}  # type: ignore[attr-defined]
    JobTag.objects.bulk_create(JobTag(job=job, tag_id=pk) for job in jobs for pk in job.drawn_tags)  # type: ignore[attr-defined]
    visits = [_visit(account, job, draw) for job in jobs if draw.random() < 0.7]
    Appointment.objects.bulk_create(visits)
    by_job = {visit.servicetitan_job_id: visit for visit in visits if visit.status != "Canceled"}
    for person in found:
        person.tags = {tag.pk for tag in tags if draw.random() < 0.3}
        person.visits = [
            (by_job[job.servicetitan_id], job) for job in person.jobs if job.servicetitan_id in by_job
        ]
    ContactTag.objects.bulk_create(
        ContactTag(contact=person.row, tag_id=pk) for person in found for pk in person.tags
    )
    # Of half the customers the sync has noted it, some time ago; the others were there before it did so.
    noted = [person.row.servicetitan_customer_id for person in found if person.row.pk % 4 > 1]
    derived_contacts.note_last_jobs(account.pk, noted, now=NOON - 3 * DAY)
    audiences = [
        Audience.objects.create(account=account, name="Homes", rules={"kind": "residential"}),
        Audience.objects.create(account=account, name="Idle homes", rules={
            "match": "all", "exclusions": ["open_job"],
            "rules": [{"field": "kind", "is": "any_of", "value": ["residential"]}],
        }),
    ]  # fmt: skip
    with connection.cursor() as cursor:  # without statistics the planner takes the tables for huge ones
        cursor.execute(
            "ANALYZE audiences_contact, audiences_job, audiences_appointment, audiences_contacttag"
        )
    return World(account, found, tags, types, units, audiences)


def _job(
    account: Account,
    customer: int,
    types: list[JobType],
    units: list[BusinessUnit],
    draw: random.Random,
    n: int,
) -> Job:
    status = draw.choice(["Completed", "Completed", "Scheduled", "Hold", "Canceled"])
    made = NOON - draw.choice([1, 20, 40, 100, 334, 335, 700, 4000]) * DAY
    return Job(
        account=account, servicetitan_id=5_000 + n, number=f"J{n}", servicetitan_customer_id=customer,
        business_unit=draw.choice([None, *units]), job_type=draw.choice([None, *types]), status=status,
        total=draw.choice([None, 0, 150, "99.50"]), no_charge=draw.random() < 0.2, active=draw.random() > 0.1,
        created_on=made, completed_on=made + 2 * timedelta(hours=3) if status == "Completed" else None,
        recall_for_servicetitan_id=draw.choice([None, None, 1]),
    )  # fmt: skip


def _visit(account: Account, job: Job, draw: random.Random) -> Appointment:
    starts = NOON + draw.choice([-400, -31, -29, -1, 1, 6, 8, 40]) * DAY
    return Appointment(
        account=account, servicetitan_id=job.servicetitan_id, servicetitan_job_id=job.servicetitan_id,
        starts_at=starts, ends_at=starts + timedelta(hours=2),
        status=draw.choice(["Done", "Scheduled", "Canceled"]),
    )  # fmt: skip


def _at(job: Job) -> datetime:
    return job.completed_on or job.created_on


VALUES: dict[str, Any] = {
    "kind": lambda p: p.row.kind,
    "name": lambda p: p.row.name,
    "city": lambda p: p.row.city,
    "zip": lambda p: p.row.zip,
    "do_not_service": lambda p: p.row.do_not_service,
    "last_job": lambda p: p.row.last_job_at,
    "jobs": lambda p: len(p.jobs),
    "revenue": lambda p: sum(float(job.total or 0) for job in p.jobs),
    "job.type": lambda job: job.job_type_id,
    "job.unit": lambda job: job.business_unit_id,
    "job.tag": lambda job: job.drawn_tags,
    "job.date": _at,
    "job.completed": lambda job: job.completed_on,
    "job.open": lambda job: job.status not in ("Completed", "Canceled"),
    "job.recall": lambda job: job.recall_for_servicetitan_id is not None,
    "job.total": lambda job: None if job.total is None else float(job.total),
    "visit.starts": lambda pair: pair[0].starts_at,
    "visit.done": lambda pair: pair[0].status == "Done",
    "visit.type": lambda pair: pair[1].job_type_id,
}
ROWS_OF = {"job": lambda p: p.jobs, "visit": lambda p: p.visits}


def names(world: World, tree: dict[str, Any]) -> set[int]:
    """The ids of the active contacts that meet the tree."""
    return {p.row.pk for p in world.people if p.row.active and matches(world, tree, p)}


def matches(world: World, rule: dict[str, Any], one: Any) -> bool:
    """Whether one person, or one row of theirs, meets a rule."""
    if "field" in rule:
        return _compares(world, rule, one)
    inner = rule["rules"]
    if of := rule.get("of"):
        test = any if rule["match"] == "any" and inner else all
        some = any(test(matches(world, r, row) for r in inner) for row in ROWS_OF[of](one))
        return some != (rule["match"] == "none")
    met = [matches(world, r, one) for r in inner]
    here = {"all": all(met), "any": any(met) or not met, "none": not any(met)}[rule["match"]]
    return here and not any(matches(world, EXCLUSIONS[key].rule, one) for key in rule.get("exclusions", ()))  # type: ignore[arg-type]


def _compares(world: World, rule: dict[str, Any], one: Any) -> bool:
    key, op, wanted = rule["field"], rule["is"], rule.get("value")
    if key == "audience":
        rules = [a.rules for a in world.audiences if a.pk in wanted]
        inside = any(
            matches(world, r if "match" in r else {
                "match": "all", "rules": [{"field": "kind", "is": "any_of", "value": [r["kind"]]}]}, one)
            for r in rules
        )  # fmt: skip
        return inside == (op == "any_of")
    if key in ("tag", "job.tag"):
        tags = one.tags if key == "tag" else one.drawn_tags
        return bool(tags & set(wanted)) == (op == "any_of")
    value = VALUES[key](one)
    match op:
        case "any_of" | "none_of":
            return (value in wanted) == (op == "any_of")
        case "is" | "is_not":
            return (value.lower() in [w.lower() for w in wanted]) == (op == "is")
        case "starts":
            return any(value.lower().startswith(w.lower()) for w in wanted)
        case "contains":
            return any(w.lower() in value.lower() for w in wanted)
        case "known" | "unknown":
            return bool(value) == (op == "known")
        case "yes" | "no":
            return value == (op == "yes")
    if value is None:
        return False
    match op:
        case "at_least":
            return bool(value >= wanted)
        case "at_most":
            return bool(value <= wanted)
        case "before":
            return bool(value < _midnight(wanted))
        case "since":
            return bool(value >= _midnight(wanted))
        case "more_ago":
            return bool(value <= _shifted(wanted, -1))
        case "in_last":
            return bool(value >= _shifted(wanted, -1))
        case "in_past":
            return bool(_shifted(wanted, -1) <= value <= NOON)
        case "in_next":
            return bool(NOON <= value <= _shifted(wanted, 1))
        case "more_ahead":
            return bool(value >= _shifted(wanted, 1))
    raise AssertionError(op)


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(0), tzinfo=ZONE).astimezone(UTC)


def _shifted(span: dict[str, Any], sign: int) -> datetime:
    """A calendar's months, counted one by one."""
    if span["unit"] in ("days", "weeks"):
        return NOON + sign * span["n"] * (7 if span["unit"] == "weeks" else 1) * DAY
    here = NOON.astimezone(ZONE)
    year, month = here.year, here.month
    for _ in range(span["n"] * (12 if span["unit"] == "years" else 1)):
        month += sign
        if month in (0, 13):
            year, month = year + sign, 12 if month == 0 else 1
    day = here.day
    while True:
        try:
            return here.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1
