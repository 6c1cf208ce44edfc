"""Merge fields: what words to a customer may say of that person, declared once for texts, emails and replies.

A value is read when a message is made, so that a balance paid or a visit moved meanwhile is not told as it
was; what is fixed on entering a campaign is that campaign's to keep (`campaigns/snapshots.py`). SQL stands
over c (audiences_contact) and the joins it names, and gives text or NULL: ISO days and hours in company time,
amounts in dollars. `common.spoken` says them in the reader's language.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from common import sql
from common.spoken import Form, say


class MergeField(NamedTuple):
    """One thing that words may say: its name in them, its name for people, and how the database gives it."""

    name: str
    label: str
    group: str
    example: str  # as it is stored
    source: str  # where it comes from, for people
    sql: str
    form: Form = Form.TEXT
    joins: tuple[str, ...] = ()
    fallback: str = ""  # what is proposed where it is not known
    spanish_fallback: str = ""
    said: str | None = None  # its value for one contact, where the list is one contact's: "" for unknown

    @property
    def shown(self) -> str:
        """The example as somebody would read it."""
        return say(self.example, self.form)


def _text(column: str, longest: int) -> str:
    return f"nullif(left(btrim({column}), {longest}), '')"


def _day(moment: str) -> str:
    return f"to_char({moment} AT TIME ZONE acc.timezone, 'YYYY-MM-DD')"


def _hour(moment: str) -> str:
    return f"to_char({moment} AT TIME ZONE acc.timezone, 'HH24:MI')"


# Whole names of a crew, as many as somebody reads: s is audiences_appointmentassignment.
TECHNICIAN, MOST_NAMES, BETWEEN_NAMES = _text("s.technician", 80), 2, ", "

_CUSTOMER, _COMPANY, _JOB, _VISIT = "Customer", "Company", "Last job", "Next visit"
_MEMBER, _ESTIMATE = "Membership", "Open estimate"
_RECORD = "the customer’s record"
_PAST, _AHEAD = "the latest job that was not cancelled", "the next visit that is not cancelled"
_WINDOW = "the arrival window of the next visit, where ServiceTitan has one"
_CREW = "who is assigned to the next visit, two at most"
_PLAN, _OFFER = "the active membership", "the latest estimate that is still open"

FIELDS: dict[str, MergeField] = {
    field.name: field
    for field in (
        MergeField("first_name", "First name", _CUSTOMER, "Ann", _RECORD, _text("c.first_name", 60),
                   fallback="there", spanish_fallback="cliente"),
        MergeField("last_name", "Last name", _CUSTOMER, "Rivera", _RECORD, _text("c.last_name", 60)),
        MergeField("name", "Whole name", _CUSTOMER, "Ann Rivera", _RECORD, _text("c.name", 80)),
        MergeField("street", "Street", _CUSTOMER, "12 Elm St", _RECORD, _text("c.street", 80)),
        MergeField("city", "City", _CUSTOMER, "Joliet", _RECORD, _text("c.city", 60),
                   fallback="your area", spanish_fallback="su zona"),
        MergeField("balance", "Balance owed", _CUSTOMER, "184.50", "what the customer owes in all",
                   "CASE WHEN c.balance > 0 THEN c.balance::text END", Form.MONEY),
        MergeField("company", "Company name", _COMPANY, "Prairie Home Comfort", "the account’s settings",
                   _text("acc.name", 80), joins=("account",)),
        MergeField("company_phone", "Company number for texts", _COMPANY, "+13125550142",
                   "the first sending number in use",
                   "(SELECT n.e164 FROM integrations_sendingnumber n WHERE n.account_id = c.account_id"
                   " AND n.active ORDER BY n.id LIMIT 1)", Form.PHONE),
        MergeField("business_unit", "Business unit", _COMPANY, "HVAC service", "the last job’s business unit",
                   _text("past.unit", 60), joins=("past",)),
        MergeField("last_job_type", "Last job’s type", _JOB, "Furnace tune-up", _PAST,
                   _text("past.type", 60), joins=("past",), fallback="last visit",
                   spanish_fallback="última visita"),
        MergeField("last_job_date", "Last job’s month", _JOB, "2025-10-14", _PAST, _day("past.at"),
                   Form.MONTH, ("account", "past")),
        MergeField("next_appointment_date", "Next visit’s day", _VISIT, "2026-11-24", _AHEAD,
                   _day("ahead.at"), Form.WEEKDAY, ("account", "ahead")),
        MergeField("next_appointment_time", "Next visit’s hour", _VISIT, "14:30", _AHEAD,
                   _hour("ahead.at"), Form.HOUR, ("account", "ahead")),
        MergeField("next_appointment_window", "Next visit’s arrival window", _VISIT, "14:00-16:00", _WINDOW,
                   f"{_hour('ahead.arrives_from')} || '-' || {_hour('ahead.arrives_until')}", Form.SPAN,
                   ("account", "ahead"), "the agreed time", "la hora acordada"),
        MergeField("next_appointment_technician", "Next visit’s technician", _VISIT, "Luis Ortega", _CREW,
                   "crew.names", joins=("ahead", "crew"), fallback="our technician",
                   spanish_fallback="nuestro técnico"),
        MergeField("next_appointment_type", "Next visit’s job type", _VISIT, "AC repair", _AHEAD,
                   _text("ahead.type", 60), joins=("ahead",), fallback="visit", spanish_fallback="visita"),
        MergeField("membership_type", "Membership", _MEMBER, "Gold plan", _PLAN, _text("plan.type", 60),
                   joins=("plan",), fallback="membership", spanish_fallback="membresía"),
        MergeField("membership_renewal_date", "Membership ends on", _MEMBER, "2027-01-12", _PLAN,
                   _day("plan.ends_at"), Form.DAY, ("account", "plan")),
        MergeField("open_estimate_amount", "Estimate’s amount", _ESTIMATE, "4250.00", _OFFER,
                   "CASE WHEN offer.subtotal > 0 THEN offer.subtotal::text END", Form.MONEY, ("offer",)),
        MergeField("open_estimate_name", "Estimate’s name", _ESTIMATE, "New furnace", _OFFER,
                   _text("offer.name", 60), joins=("offer",), fallback="estimate",
                   spanish_fallback="presupuesto"),
        MergeField("open_estimate_date", "Estimate’s day", _ESTIMATE, "2026-10-30", _OFFER,
                   _day("offer.created_on"), Form.DAY, ("account", "offer")),
        MergeField("open_estimate_days", "Estimate’s age in days", _ESTIMATE, "25", _OFFER,
                   "floor(extract(epoch FROM %(now)s::timestamptz - offer.created_on) / 86400)::text",
                   joins=("offer",)),
    )
}  # fmt: skip

_THEIRS = "account_id = c.account_id AND {0}.servicetitan_customer_id = c.servicetitan_customer_id"
JOINS: dict[str, str] = {
    "account": "JOIN accounts_account acc ON acc.id = c.account_id",
    "past": f"""
    LEFT JOIN LATERAL (
        SELECT t.name AS type, coalesce(j.completed_on, j.created_on) AS at, u.name AS unit
        FROM audiences_job j LEFT JOIN audiences_jobtype t ON t.id = j.job_type_id
        LEFT JOIN accounts_businessunit u ON u.id = j.business_unit_id
        WHERE j.{_THEIRS.format("j")} AND j.active AND j.status <> 'Canceled' ORDER BY at DESC LIMIT 1
    ) past ON TRUE""",
    "ahead": f"""
    LEFT JOIN LATERAL (
        SELECT p.starts_at AS at, p.servicetitan_id AS visit, p.arrives_from, p.arrives_until, t.name AS type
        FROM audiences_job j
        JOIN audiences_appointment p
            ON p.account_id = j.account_id AND p.servicetitan_job_id = j.servicetitan_id
        LEFT JOIN audiences_jobtype t ON t.id = j.job_type_id
        WHERE j.{_THEIRS.format("j")} AND j.active AND j.status <> 'Canceled'
          AND p.starts_at > %(now)s AND p.status NOT IN ('Canceled', 'Done') ORDER BY p.starts_at LIMIT 1
    ) ahead ON TRUE""",
    "crew": f"""
    LEFT JOIN LATERAL (
        SELECT string_agg(n.name, '{BETWEEN_NAMES}' ORDER BY n.turn) AS names FROM (
            SELECT {TECHNICIAN} AS name, min(s.servicetitan_id) AS turn
            FROM audiences_appointmentassignment s
            WHERE s.account_id = c.account_id AND s.servicetitan_appointment_id = ahead.visit
              AND s.active AND s.technician <> '' GROUP BY name ORDER BY turn LIMIT {MOST_NAMES}) n
    ) crew ON TRUE""",
    "plan": f"""
    LEFT JOIN LATERAL (
        SELECT t.name AS type, m.ends_at FROM audiences_customermembership m
        LEFT JOIN audiences_membershiptype t ON t.id = m.membership_type_id
        WHERE m.{_THEIRS.format("m")} AND m.active AND m.status = 'Active'
        ORDER BY m.starts_at DESC NULLS LAST, m.id DESC LIMIT 1
    ) plan ON TRUE""",
    "offer": f"""
    LEFT JOIN LATERAL (
        SELECT o.subtotal, o.name, o.created_on FROM audiences_estimate o
        WHERE o.{_THEIRS.format("o")} AND o.active AND o.status = 'Open'
        ORDER BY o.created_on DESC, o.id DESC LIMIT 1
    ) offer ON TRUE""",
}
"""What a field's SQL may stand on beside c, each once, in this order: the crew is that of the visit ahead.
`%(now)s` is the product's clock."""

FORMS: dict[str, Form] = {field.name: field.form for field in FIELDS.values() if field.form is not Form.TEXT}
"""How the values that are no plain words are said."""


def in_words(name: str) -> str:
    """What people call a field, inside a sentence; its name where there is none."""
    words = FIELDS[name].label if name in FIELDS else name.replace("_", " ")
    return words[:1].lower() + words[1:]


def grouped() -> list[tuple[str, list[MergeField]]]:
    """All fields under their headings, in their order."""
    groups = dict[str, list[MergeField]]()
    for field in FIELDS.values():
        groups.setdefault(field.group, []).append(field)
    return list(groups.items())


def grouped_for(contact_id: int, language: str, *, now: datetime) -> list[tuple[str, list[MergeField]]]:
    """As `grouped`, each with what it says to this contact. One query."""
    values = known([contact_id], now=now).get(contact_id, {})
    return [
        (group, [f._replace(said=say(values.get(f.name, ""), f.form, language)) for f in fields])
        for group, fields in grouped()
    ]


def joins_of(names: Iterable[str]) -> str:
    """The joins that these fields stand on, beside c."""
    needed = {join for name in names if name in FIELDS for join in FIELDS[name].joins}
    return " ".join(words for join, words in JOINS.items() if join in needed)


def known(
    contact_ids: Sequence[int], names: Iterable[str] = tuple(FIELDS), *, now: datetime
) -> dict[int, dict[str, str]]:
    """What is known of these contacts now, as it is stored: by contact, by field. One query."""
    wanted = [name for name in names if name in FIELDS]
    pairs = ", ".join(f"'{name}', {FIELDS[name].sql}" for name in wanted)
    found = sql.rows(
        f"""
        SELECT c.id, jsonb_strip_nulls(jsonb_build_object({pairs}))::text
        FROM audiences_contact c {joins_of(wanted)} WHERE c.id = ANY(%(ids)s::bigint[])
        """,
        {"ids": sql.array(contact_ids), "now": now},
    )
    return {contact: json.loads(values) for contact, values in found}
