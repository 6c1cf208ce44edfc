"""Business units as a filter over campaigns: which campaigns are aimed at the customers of one."""

from accounts.models import Account
from common import sql

# A rule names a unit as `{"field": "job.unit", "is": "any_of", "value": [pk]}`, in the short form as
# `{"business_units": [pk]}`; both are looked for in what a launch froze: audience and targeting.
_NAMED = (
    '$.** ? (@.field like_regex "[.]unit$" && @.is == "any_of" && exists (@.value[*] ? (@ == $unit)))',
    "$.business_units[*] ? (@ == $unit)",
)
_AIMED = """
    SELECT c.id FROM campaigns_campaign c
    WHERE c.account_id = %(account)s AND EXISTS (
        SELECT FROM (VALUES (c.targeting), (c.audience_rules)) AS frozen (rules),
                    unnest(%(paths)s::jsonpath[]) AS path
        WHERE jsonb_path_exists(frozen.rules, path, jsonb_build_object('unit', %(unit)s::bigint)))
    ORDER BY c.id
"""


def aimed_at(account: Account, unit_id: int) -> list[int]:
    """The ids of the account's campaigns whose audience or targeting names this business unit, by id.

    A campaign that asks for no unit is in none of them; one that asks for two is in both. One query.
    """
    return sql.column(_AIMED, {"account": account.pk, "unit": unit_id, "paths": list(_NAMED)})
