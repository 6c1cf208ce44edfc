"""What is kept of a contact at entry: the facts that credit and branches ask for, and the last job, which is
named as it was then however the passage goes on.

Everything else that words say is read when a message is made (`audiences/merge_fields.py`). The last job is
the one that dates `Contact.last_job_at`. At most 1 kB a row: five jobs and the next appointment.
"""

from collections.abc import Iterable

from audiences.merge_fields import FIELDS, joins_of

# Over aliases c (audiences_contact) and acc (accounts_account); %(now)s is the product's clock.
SNAPSHOT_SQL = """
    jsonb_strip_nulls(jsonb_build_object(
        'customer_id', c.servicetitan_customer_id,
        'job_ids', past.ids,
        'last_job_type', left(past.type, 60),
        'last_job_at', past.at,
        'next_appointment_at', ahead.at
    ))
"""
SNAPSHOT_JOINS = """
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(j.servicetitan_id) AS ids, (array_agg(j.name))[1] AS type,
            (array_agg(j.at))[1] AS at
        FROM (
            SELECT j.servicetitan_id, t.name, coalesce(j.completed_on, j.created_on) AS at
            FROM audiences_job j
            LEFT JOIN audiences_jobtype t ON t.id = j.job_type_id
            WHERE j.account_id = c.account_id AND j.servicetitan_customer_id = c.servicetitan_customer_id
              AND j.active AND j.status <> 'Canceled' ORDER BY at DESC LIMIT 5) j
    ) past ON TRUE
    LEFT JOIN LATERAL (
        SELECT p.starts_at AS at FROM audiences_job j
        JOIN audiences_appointment p
            ON p.account_id = j.account_id AND p.servicetitan_job_id = j.servicetitan_id
        WHERE j.account_id = c.account_id AND j.servicetitan_customer_id = c.servicetitan_customer_id
          AND p.starts_at > %(now)s AND p.status NOT IN ('Canceled', 'Done') ORDER BY p.starts_at LIMIT 1
    ) ahead ON TRUE
"""
_AT_ENTRY = {
    "last_job_type": "d.data->>'last_job_type'",
    "last_job_date": "to_char((d.data->>'last_job_at')::timestamptz AT TIME ZONE acc.timezone, 'YYYY-MM-DD')",
}
"""Fields whose value is the snapshot's, over d (campaigns_enrollmentsnapshot) and acc."""


def values_sql(names: Iterable[str]) -> tuple[list[str], str]:
    """The merge fields of somebody in a campaign, as names and values for jsonb_build_object, and the joins
    they need beside e (campaigns_enrollment): c is among them, always. What is no field is left out."""
    wanted = [name for name in names if name in FIELDS]
    kept = [name for name in wanted if name in _AT_ENTRY]
    pairs = [f"'{name}', {_AT_ENTRY.get(name, FIELDS[name].sql)}" for name in wanted]
    joins = ["JOIN audiences_contact c ON c.id = e.contact_id", joins_of(set(wanted) - set(kept))]
    if kept:
        joins.append("JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id")
    if "last_job_date" in kept and "accounts_account" not in joins[1]:
        joins.append("JOIN accounts_account acc ON acc.id = c.account_id")
    return pairs, " ".join(joins)
