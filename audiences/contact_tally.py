"""How many contacts an account has, whatever that number is: for pages that say so all the time.

Whoever writes contacts appends what came and went, in their own transaction, by a statement trigger: nobody
waits for anybody, and the sum is right at any instant.
"""

from dataclasses import dataclass

from django.db.models import Sum

from accounts.models import Account
from audiences.models import ContactTally
from common import sql

MOST_ROWS = 20  # of an account; more are folded into one


@dataclass(frozen=True, slots=True)
class Tally:
    """All contacts of an account, inactive ones too, and those of them who came from ServiceTitan."""

    contacts: int = 0
    mirrored: int = 0


def of(account: Account) -> Tally:
    """The account's contacts now. One query over a few rows."""
    rows = ContactTally.objects.filter(account=account)
    found = rows.aggregate(contacts=Sum("contacts", default=0), mirrored=Sum("mirrored", default=0))
    return Tally(int(found["contacts"]), int(found["mirrored"]))


def fold() -> int:
    """Make one row of each account's that has many; how many rows there were. One statement: no reader ever
    sees a sum without them. Safe to run twice at once: whoever comes second finds the rows gone."""
    return sql.run(
        """
        WITH gone AS (
            DELETE FROM audiences_contacttally WHERE account_id IN (
                SELECT account_id FROM audiences_contacttally GROUP BY account_id HAVING count(*) > %s)
            RETURNING account_id, contacts, mirrored
        ), summed AS (
            INSERT INTO audiences_contacttally (account_id, contacts, mirrored)
            SELECT account_id, sum(contacts), sum(mirrored) FROM gone GROUP BY account_id
        )
        SELECT FROM gone
        """,
        [MOST_ROWS],
    )
