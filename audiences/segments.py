"""What an audience's rules mean: validated JSON → one SQL query over contacts.

Every field is declared once, in `FIELDS`: its label, its type, its SQL and its words. Rules narrow: each
one present must hold; none at all is every active contact. A rule that names something unknown or deleted
is an error, never silently everybody. Jobs are those of `audiences.last_job`: neither cancelled nor deleted.
Job fields ask each for itself: "business unit A" and "job type B" may be met by two different jobs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

import pydantic
from django.db import connection, models
from django.db.models.expressions import RawSQL

from accounts.models import Account, BusinessUnit
from audiences.last_job import JOB_COUNTS
from audiences.models import Contact, JobType, Tag
from common import clock

Ids = Annotated[list[int], pydantic.Field(max_length=1000)]
Days = Annotated[int, pydantic.Field(ge=0, le=36500)]
Rules = Mapping[str, Any]

_JOB_OF_CONTACT = (
    "EXISTS (SELECT 1 FROM audiences_job j WHERE j.account_id = c.account_id"
    f" AND j.servicetitan_customer_id = c.servicetitan_customer_id AND {JOB_COUNTS}"
    " AND j.{column} = ANY(%s))"
)
_TAG_OF_CONTACT = (
    "EXISTS (SELECT 1 FROM audiences_contacttag t WHERE t.contact_id = c.id AND t.tag_id = ANY(%s))"
)


class InvalidRules(ValueError):
    """Rules that cannot be given a meaning; `errors` are sentences for a person."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class SegmentField:
    """One thing that rules can ask. `sql` takes exactly one parameter, made by `parameter`."""

    label: str
    type: Any
    sql: str
    parameter: Callable[[Any, Account, datetime], Any] = lambda value, account, now: value
    model: type[models.Model] | None = None  # ids of this model, of the same account
    deleted: str = ""  # what is said of a row that the source no longer uses; empty: still meaningful
    words: str = "{label}: {value}"


def _midnight(value: date, account: Account, now: datetime) -> datetime:
    return datetime.combine(value, time(0), tzinfo=account.zone)


def _days_ago(value: int, account: Account, now: datetime) -> datetime:
    return now - timedelta(days=value)


FIELDS: dict[str, SegmentField] = {
    "kind": SegmentField("Kind of customer", Literal["residential", "commercial"], "c.kind = %s"),
    "tags": SegmentField(
        "Any of the tags",
        Ids,
        _TAG_OF_CONTACT,
        model=Tag,
        deleted="The tag “{name}” was deleted in ServiceTitan.",
    ),
    "without_tags": SegmentField(
        "None of the tags",
        Ids,
        f"NOT {_TAG_OF_CONTACT}",
        model=Tag,
        deleted="The tag “{name}” was deleted in ServiceTitan.",
    ),
    "business_units": SegmentField(
        "A job in any of the business units",
        Ids,
        _JOB_OF_CONTACT.format(column="business_unit_id"),
        model=BusinessUnit,
    ),
    "job_types": SegmentField(
        "A job of any of the types", Ids, _JOB_OF_CONTACT.format(column="job_type_id"), model=JobType
    ),
    "last_job_before": SegmentField(
        "Last job before", date, "c.last_job_at < %s", parameter=_midnight, words="{label} {value}"
    ),
    "last_job_after": SegmentField(
        "Last job on or after", date, "c.last_job_at >= %s", parameter=_midnight, words="{label} {value}"
    ),
    "days_since_last_job_min": SegmentField(
        "Last job at least",
        Days,
        "c.last_job_at <= %s",
        parameter=_days_ago,
        words="{label} {value} days ago",
    ),
    "days_since_last_job_max": SegmentField(
        "Last job at most", Days, "c.last_job_at >= %s", parameter=_days_ago, words="{label} {value} days ago"
    ),
}

_Shape = pydantic.create_model(  # type: ignore[call-overload]
    "Rules",
    __config__=pydantic.ConfigDict(extra="forbid"),
    **{key: (field.type | None, None) for key, field in FIELDS.items()},
)


def validate(account: Account, rules: Rules | None) -> list[str]:
    """What is wrong with the rules, as sentences; empty where they have a meaning."""
    try:
        values = _parse(rules)
    except InvalidRules as invalid:
        return invalid.errors
    return [error for key, value in values.items() for error in _wrong_ids(account, FIELDS[key], value)]


def compile_ids(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None
) -> tuple[str, list[Any]]:
    """`SELECT c.id FROM audiences_contact c WHERE …` and its parameters, one row per contact.

    The text ends inside its WHERE, so that a caller may append ` AND c.id > %s ORDER BY c.id LIMIT %s`.
    `targeting` narrows further. Raises InvalidRules.
    """
    now = now or clock.now()
    conditions, params = ["c.account_id = %s", "c.active"], [account.pk]
    for part in (rules, targeting):
        if errors := validate(account, part):
            raise InvalidRules(errors)
        for key, value in _parse(part).items():
            conditions.append(FIELDS[key].sql)
            params.append(FIELDS[key].parameter(value, account, now))
    return f"SELECT c.id FROM audiences_contact c WHERE {' AND '.join(conditions)}", params


def contacts(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None
) -> "models.QuerySet[Contact]":
    """The contacts that match, unordered. Raises InvalidRules."""
    sql, params = compile_ids(account, rules, targeting, now=now)
    return Contact.objects.filter(account=account, pk__in=RawSQL(sql, params))


def count(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None
) -> int:
    """How many contacts match. Raises InvalidRules."""
    sql, params = compile_ids(account, rules, targeting, now=now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) matching", params)
        found: int = cursor.fetchone()[0]
    return found


def describe(account: Account, rules: Rules | None) -> list[str]:
    """The rules in words, one sentence each; what is wrong with them where they have no meaning."""
    if errors := validate(account, rules):
        return errors
    values = _parse(rules)
    if not values:
        return ["All active contacts"]
    found = []
    for key, value in values.items():
        field = FIELDS[key]
        if field.model is not None:
            names = field.model._default_manager.filter(pk__in=value, account=account).order_by("name")
            value = ", ".join(str(row) for row in names)
        elif isinstance(value, date):
            value = f"{value:%b} {value.day}, {value.year}"
        found.append(field.words.format(label=field.label, value=value))
    return found


def _parse(rules: Rules | None) -> dict[str, Any]:
    """The rules that are set, typed; a null or an empty list is not set. Raises InvalidRules."""
    try:
        parsed = _Shape.model_validate_json(pydantic.TypeAdapter(dict).dump_json(dict(rules or {})))
    except pydantic.ValidationError as invalid:
        raise InvalidRules([_sentence(error) for error in invalid.errors()]) from invalid
    return {key: value for key, value in parsed if value not in (None, [])}


def _sentence(error: Any) -> str:
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"“{key}” is not a rule that we know."
    label = FIELDS[key].label if key in FIELDS else key
    return f"{label}: {error['msg'][:1].lower()}{error['msg'][1:]}."


def _wrong_ids(account: Account, field: SegmentField, value: Any) -> list[str]:
    if field.model is None:
        return []
    known = {row.pk: row for row in field.model._default_manager.filter(pk__in=value, account=account)}
    errors = [f"{field.label}: number {pk} does not exist any more." for pk in value if pk not in known]
    if field.deleted:
        gone = [row for row in known.values() if not getattr(row, "active", True)]
        errors += [field.deleted.format(name=row) for row in gone]
    return errors
