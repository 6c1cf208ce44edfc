"""What an audience's rules mean: stored JSON → one SQL query over contacts.

`audiences.rules` holds the parts: fields, each declared once; operators; the tree; its SQL. Rules without
any are every active contact. A rule that names something unknown or deleted is an error, never silently
everybody. Jobs are those of `audiences.last_job`: neither cancelled nor deleted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL

from accounts.models import Account
from audiences.models import Contact
from audiences.rules import compiling, reading, trees, words
from audiences.rules.trees import Problem
from common import clock, sql

Rules = Mapping[str, Any]


class InvalidRules(ValueError):
    """Rules that cannot be given a meaning; `errors` are sentences for a person."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


def problems(account: Account, rules: Rules | None, *, audience: int | None = None) -> list[Problem]:
    """What is wrong with the rules, and where; `audience` is the one whose rules they are to become."""
    return reading.ready(account, rules, within=(audience,) if audience else ())[1]


def validate(account: Account, rules: Rules | None, *, audience: int | None = None) -> list[str]:
    """What is wrong with the rules, as sentences; empty where they have a meaning."""
    return [problem.words for problem in problems(account, rules, audience=audience)]


def compile_ids(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None,
    sliced: bool = False,
) -> tuple[str, list[Any]]:  # fmt: skip
    """`SELECT c.id FROM audiences_contact c WHERE …` and its parameters, one row per contact.

    The text ends inside its WHERE, so that a caller may append ` AND c.id > %s ORDER BY c.id LIMIT %s`.
    `targeting` narrows further. `sliced`: to be asked of some contacts at a time, so that totals of rows are
    not taken of everybody each time. Raises InvalidRules.
    """
    now = now or clock.now()
    conditions, params = ["c.account_id = %s", "c.active"], [account.pk]
    for part in (rules, targeting):
        group = tree(account, part)
        if group.asks:
            found = compiling.where(group, account, now, one_by_one=sliced)
            conditions.append(f"({found.text})")
            params += found.params
    return f"SELECT c.id FROM audiences_contact c WHERE {' AND '.join(conditions)}", params


def tree(account: Account, rules: Rules | None) -> trees.Group:
    """The rules as a tree with other audiences put in. Raises InvalidRules."""
    group, wrong = reading.ready(account, rules)
    if wrong:
        raise InvalidRules([problem.words for problem in wrong])
    return group


def contacts(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None
) -> "models.QuerySet[Contact]":
    """The contacts that match, unordered. Raises InvalidRules."""
    query, params = compile_ids(account, rules, targeting, now=now)
    return Contact.objects.filter(account=account, pk__in=RawSQL(query, params))


def count(
    account: Account, rules: Rules | None, targeting: Rules | None = None, *, now: datetime | None = None
) -> int:
    """How many contacts match. Raises InvalidRules."""
    query, params = compile_ids(account, rules, targeting, now=now)
    return int(sql.value(f"SELECT count(*) FROM ({query}) matching", params))


def frozen(account: Account, rules: Rules | None) -> dict[str, Any]:
    """The rules as a campaign keeps them: what other audiences mean today stands in their place.

    What has no meaning stays as it is, and stays refused.
    """
    written, wrong = reading.typed(rules)
    named = any(
        isinstance(node, trees.Condition) and node.field.key == reading.INCLUDES
        for _, node in trees.walk(written)
    )
    if wrong or not named:
        return dict(rules or {})
    group, wrong = reading.ready(account, rules)
    return dict(rules or {}) if wrong else trees.write(group)


def describe(account: Account, rules: Rules | None) -> list[str]:
    """The rules in words, one sentence each; what is wrong with them where they have no meaning."""
    said, errors = told(account, rules)
    return errors or said


def told(account: Account, rules: Rules | None) -> tuple[list[str], list[str]]:
    """The rules in words, and what is wrong with them: one of the two is empty."""
    if errors := validate(account, rules):
        return [], errors
    return words.describe(account, reading.typed(rules)[0]), []
