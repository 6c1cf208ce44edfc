"""What rules can ask of what was sold and offered: memberships, estimates, invoices. Amounts are dollars."""

from audiences.rules import exclusions, fields
from audiences.rules.exclusions import Exclusion
from audiences.rules.fields import Field, Kind, Source

_STATUSES = ("Active", "Suspended", "Expired", "Canceled", "Deleted")
_UNITS = "accounts.BusinessUnit"


def _source(key: str, label: str, plural: str, table: str) -> Source:
    alias = table.rsplit(" ", 1)[1]
    customer = f"{alias}.servicetitan_customer_id"
    account, active = f"{alias}.account_id", f"{alias}.active"
    return Source(key, label, plural, table, account, customer, "c.servicetitan_customer_id", active)


MEMBERSHIP = _source("membership", "a membership", "memberships", "audiences_customermembership s")
ESTIMATE = _source("estimate", "an estimate", "estimates", "audiences_estimate o")
INVOICE = _source("invoice", "an invoice", "invoices", "audiences_invoice i")

OF_MEMBERSHIPS = (
    Field("membership.type", "Kind", "Membership", Kind.ROWS, "s.membership_type_id", of="membership",
          model="audiences.MembershipType"),
    Field("membership.status", "Status", "Membership", Kind.CHOICE, "s.status", of="membership",
          nullable=False, options={word: word.lower() for word in _STATUSES}),
    Field("membership.starts", "Begins", "Membership", Kind.DATE, "s.starts_at", of="membership", ahead=True),
    Field("membership.ends", "Ends", "Membership", Kind.DATE, "s.ends_at", of="membership", ahead=True),
    Field("membership.unit", "Business unit", "Membership", Kind.ROWS, "s.business_unit_id", of="membership",
          model=_UNITS),
)  # fmt: skip
OF_ESTIMATES = (
    Field("estimate.status", "Status", "Estimate", Kind.CHOICE, "o.status", of="estimate", nullable=False,
          options={"Open": "open", "Sold": "sold", "Dismissed": "dismissed"}),
    Field("estimate.made", "Made", "Estimate", Kind.DATE, "o.created_on", of="estimate", nullable=False),
    Field("estimate.sold", "Sold", "Estimate", Kind.DATE, "o.sold_at", of="estimate"),
    Field("estimate.amount", "Amount before tax", "Estimate", Kind.NUMBER, "o.subtotal", of="estimate",
          unit="$"),
    Field("estimate.name", "Name", "Estimate", Kind.TEXT, "o.name", of="estimate", nullable=False),
    Field("estimate.unit", "Business unit", "Estimate", Kind.ROWS, "o.business_unit_id", of="estimate",
          model=_UNITS),
)  # fmt: skip
OF_INVOICES = (
    Field("invoice.total", "Total", "Invoice", Kind.NUMBER, "i.total", of="invoice", unit="$"),
    Field("invoice.balance", "Still to be paid", "Invoice", Kind.NUMBER, "i.balance", of="invoice", unit="$"),
    Field("invoice.date", "Invoiced", "Invoice", Kind.DATE, "i.invoiced_at", of="invoice"),
    Field("invoice.due", "Due", "Invoice", Kind.DATE, "i.due_at", of="invoice", ahead=True),
    Field("invoice.unit", "Business unit", "Invoice", Kind.ROWS, "i.business_unit_id", of="invoice",
          model=_UNITS),
)  # fmt: skip
SUMMED = (
    Field("balance", "Balance owed", "Sales", Kind.NUMBER, "c.balance", unit="$"),
    Field("invoiced", "Total of all invoices", "Sales", Kind.NUMBER, "coalesce(sum(i.total), 0)",
          of="invoice", summed=True, unit="$"),
    Field("memberships", "Number of memberships", "Sales", Kind.NUMBER, "count(*)",
          of="membership", summed=True, unit="memberships"),
)  # fmt: skip

LEFT_OUT = (
    Exclusion("open_estimate", "An open estimate", {"match": "all", "of": "estimate", "rules": [
        {"field": "estimate.status", "is": "any_of", "value": ["Open"]},
    ]}),
    Exclusion("overdue_balance", "An overdue balance", {"match": "all", "of": "invoice", "rules": [
        {"field": "invoice.balance", "is": "at_least", "value": 0.01},
        {"field": "invoice.due", "is": "more_ago", "value": {"n": 0, "unit": "days"}},
    ]}),
)  # fmt: skip


def declare() -> None:
    """Make all of it known."""
    fields.register(MEMBERSHIP, ESTIMATE, INVOICE, *SUMMED, *OF_MEMBERSHIPS, *OF_ESTIMATES, *OF_INVOICES)
    exclusions.register(*LEFT_OUT)
