"""Business units as a filter over campaigns: which campaigns are aimed at the customers of one."""

from collections.abc import Iterator
from typing import Any

from accounts.models import Account
from common import sql
from integrations.models import SendingMailbox

# A rule names a unit as `{"field": "job.unit", "is": "any_of", "value": [pk]}`, in the short form as
# `{"business_units": [pk]}`; both are looked for in what a launch froze: audience and targeting. Whom a group
# of `none` names is kept out by it, and aimed at by nobody.
_AIMED = """
    WITH RECURSIVE part (id, rule) AS (
        SELECT c.id, frozen.rules
        FROM campaigns_campaign c
        CROSS JOIN LATERAL (VALUES (c.targeting), (c.audience_rules)) AS frozen (rules)
        WHERE c.account_id = %(account)s AND jsonb_typeof(frozen.rules) = 'object'
        UNION ALL
        SELECT part.id, child
        FROM part
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE WHEN jsonb_typeof(part.rule -> 'rules') = 'array' THEN part.rule -> 'rules' ELSE '[]' END
        ) AS child
        WHERE part.rule ->> 'match' IS DISTINCT FROM 'none'
    )
    SELECT DISTINCT id FROM part
    WHERE rule -> 'business_units' @> to_jsonb(%(unit)s::bigint)
       OR (rule ->> 'field' LIKE '%%.unit' AND rule ->> 'is' = 'any_of'
           AND rule -> 'value' @> to_jsonb(%(unit)s::bigint))
    ORDER BY id
"""


def only_one(*rules: Any) -> int | None:
    """The business unit that these rules are about, where they name exactly one: whose customers are
    reached, and so whose name stands below what they get."""
    named = {unit for each in rules for unit in _named(each)}
    return named.pop() if len(named) == 1 else None


def mailbox(account_id: int, *rules: Any) -> SendingMailbox | None:
    """What emails to whom these rules name leave from: the mailbox of the one unit they are about, else the
    account's; None where there is none."""
    return SendingMailbox.objects.of(account_id, only_one(*rules))


def _named(rule: Any) -> Iterator[int]:
    """The business units that a rule asks for, as `_AIMED` reads it."""
    if not isinstance(rule, dict):
        return
    units = rule.get("business_units")
    if str(rule.get("field", "")).endswith(".unit") and rule.get("is") == "any_of":
        units = rule.get("value")
    if isinstance(units, list):
        yield from (unit for unit in units if isinstance(unit, int))
    if rule.get("match") != "none" and isinstance(rule.get("rules"), list):
        for part in rule["rules"]:
            yield from _named(part)


def aimed_at(account: Account, unit_id: int) -> list[int]:
    """The ids of the account's campaigns whose audience or targeting names this business unit, by id.

    A campaign that asks for no unit is in none of them; one that asks for two is in both. One query.
    """
    return sql.column(_AIMED, {"account": account.pk, "unit": unit_id})
