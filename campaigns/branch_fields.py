"""What a branch may ask: each field once, with its words, its kind, and its SQL.

The SQL stands over e (campaigns_enrollment), d (its snapshot) and c (audiences_contact); `%(now)s` is the
product's clock. Where nothing is known it gives NULL, which is like nothing and unlike everything.
"""

from enum import StrEnum
from typing import NamedTuple

_YEAR_SECONDS = 31_557_600  # 365.25 days
_OWN_TEXTS = "campaigns_step s JOIN conversations_message m ON m.id = s.message_id"
_JOBS = (
    "audiences_job j WHERE j.account_id = c.account_id AND j.active AND j.status <> 'Canceled'"
    " AND j.servicetitan_customer_id = c.servicetitan_customer_id"
)


class Kind(StrEnum):
    """What a field holds, and so how it may be compared."""

    WORD = "word"
    NUMBER = "number"
    YES_NO = "yes or no"
    LIST = "list"


class BranchField(NamedTuple):
    """One thing that is known of somebody, and how to ask the database for it."""

    words: str
    kind: Kind
    sql: str


FIELDS: dict[str, BranchField] = {
    "kind": BranchField("Residential or commercial", Kind.WORD, "c.kind"),
    "state": BranchField("State", Kind.WORD, "c.state"),
    "city": BranchField("City", Kind.WORD, "c.city"),
    "zip": BranchField("ZIP code", Kind.WORD, "left(c.zip, 5)"),
    "language": BranchField("Language", Kind.WORD, "c.language"),
    "tag": BranchField(
        "Tag",
        Kind.LIST,
        "(SELECT coalesce(array_agg(t.name::text), '{{}}') FROM audiences_contacttag ct"
        " JOIN audiences_tag t ON t.id = ct.tag_id WHERE ct.contact_id = c.id)",
    ),
    "last_job_type": BranchField("Last job's type", Kind.WORD, "d.data->>'last_job_type'"),
    "years_since_last_job": BranchField(
        "Years since the last job",
        Kind.NUMBER,
        f"floor(extract(epoch from (%(now)s - (d.data->>'last_job_at')::timestamptz)) / {_YEAR_SECONDS})",
    ),
    "has_appointment": BranchField(
        "Has an appointment ahead",
        Kind.YES_NO,
        f"EXISTS (SELECT 1 FROM audiences_appointment p WHERE p.account_id = c.account_id"
        f" AND p.starts_at > %(now)s AND p.status NOT IN ('Canceled', 'Done') AND p.servicetitan_job_id IN"
        f" (SELECT j.servicetitan_id FROM {_JOBS}))",
    ),
    "booked": BranchField(
        "Has a new job since entering",
        Kind.YES_NO,
        f"EXISTS (SELECT 1 FROM {_JOBS} AND j.created_on > e.entered_at)",
    ),
    "replied": BranchField(
        "Has replied in this campaign",
        Kind.YES_NO,
        f"EXISTS (SELECT 1 FROM {_OWN_TEXTS} WHERE s.enrollment_id = e.id AND m.replied_at IS NOT NULL)",
    ),
    "clicked": BranchField(
        "Has followed a link in this campaign",
        Kind.YES_NO,
        f"EXISTS (SELECT 1 FROM {_OWN_TEXTS} WHERE s.enrollment_id = e.id AND m.clicked_at IS NOT NULL)",
    ),
    "last_reply": BranchField(
        "What the last reply in this campaign asked",
        Kind.WORD,
        f"(SELECT r.label FROM {_OWN_TEXTS} JOIN conversations_message i ON i.replies_to_id = m.id"
        " JOIN conversations_reading r ON r.message_id = i.id"
        " WHERE s.enrollment_id = e.id ORDER BY i.created_at DESC, i.id DESC LIMIT 1)",
    ),
    "delivered": BranchField(
        "The last text was delivered",
        Kind.YES_NO,
        f"(SELECT m.state = 'delivered' FROM {_OWN_TEXTS} WHERE s.enrollment_id = e.id"
        " AND m.mailbox_id IS NULL ORDER BY s.id DESC LIMIT 1)",
    ),
}
OPERATORS: dict[str, str] = {
    "is": "({field})::text = {value}",
    "is_not": "({field})::text IS DISTINCT FROM {value}",
    "at_least": "({field})::numeric >= ({value})::numeric",
    "below": "({field})::numeric < ({value})::numeric",
    # The cast keeps Postgres from reading the field's subquery as the list itself.
    "has": "{value} = ANY(({field})::text[])",
    "has_not": "NOT ({value} = ANY(({field})::text[]))",
}
FITTING: dict[Kind, frozenset[str]] = {
    Kind.WORD: frozenset({"is", "is_not"}),
    Kind.YES_NO: frozenset({"is", "is_not"}),
    Kind.NUMBER: frozenset({"is", "is_not", "at_least", "below"}),
    Kind.LIST: frozenset({"has", "has_not"}),
}
"""The comparisons each kind of field takes: lists are searched, numbers ordered, the rest equal or not."""
