"""What is kept of a contact at entry: merge fields for people, ServiceTitan's identifiers for credit.

The last job is the one that dates `Contact.last_job_at`. At most 1 kB a row: five jobs, the next
appointment, and short texts.
"""

MERGE_FIELDS = {
    "first_name",
    "last_name",
    "name",
    "city",
    "street",
    "company",
    "last_job_type",
    "last_job_date",
    "next_appointment_date",
}

# Over aliases c (audiences_contact) and acc (accounts_account); %(now)s is the product's clock.
SNAPSHOT_SQL = """
    jsonb_strip_nulls(jsonb_build_object(
        'first_name', nullif(left(c.first_name, 60), ''),
        'last_name', nullif(left(c.last_name, 60), ''),
        'name', left(c.name, 80),
        'city', nullif(left(c.city, 60), ''),
        'street', nullif(left(c.street, 80), ''),
        'company', left(acc.name, 80),
        'customer_id', c.servicetitan_customer_id,
        'job_ids', past.ids,
        'last_job_type', left(past.type, 60),
        'last_job_at', past.at,
        'last_job_date', to_char(past.at AT TIME ZONE acc.timezone, 'FMMonth YYYY'),
        'next_appointment_at', ahead.at,
        'next_appointment_date', to_char(ahead.at AT TIME ZONE acc.timezone, 'FMMonth FMDD')
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
