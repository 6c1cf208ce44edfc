"""What rules can ask of the ServiceTitan mirror: contact, customer, place, tags and jobs."""

from functools import partial

from audiences import fitness
from audiences.last_job import JOB_AT, JOB_COUNTS, VISIT_COUNTS, total, visited_within
from audiences.rules import exclusions, fields
from audiences.rules.exclusions import Exclusion
from audiences.rules.fields import Field, Kind, Source

_TAG_GONE = "The tag “{name}” was deleted in ServiceTitan."
_OPEN = "j.status NOT IN ('Completed', 'Canceled')"
_OPTED_OUT = """EXISTS (SELECT 1 FROM audiences_contactaddress ca
    JOIN audiences_optout oo ON oo.address_id = ca.address_id AND oo.lifted_at IS NULL
    WHERE ca.contact_id = c.id AND ca.wrong_number_at IS NULL AND oo.channel = '{channel}')"""
_ADDRESS = "SELECT 1 FROM audiences_contactaddress ca JOIN audiences_address ad ON ad.id = ca.address_id"
_CUSTOMER = "c.servicetitan_customer_id"

JOB = Source(
    "job", "a job", "jobs", "audiences_job j", "j.account_id", "j.servicetitan_customer_id", _CUSTOMER,
    JOB_COUNTS,
)  # fmt: skip
PLACE = Source(
    "location", "a service location", "service locations", "audiences_location l", "l.account_id",
    "l.servicetitan_customer_id", _CUSTOMER, "l.active",
)  # fmt: skip
VISIT = Source(
    "visit", "a visit", "visits",
    "audiences_appointment p JOIN audiences_job j ON j.account_id = p.account_id"
    " AND j.servicetitan_id = p.servicetitan_job_id",
    "j.account_id", "j.servicetitan_customer_id", _CUSTOMER, VISIT_COUNTS,
)  # fmt: skip

CONTACT = (
    Field(
        "kind", "Kind of customer", "Customer", Kind.CHOICE, "c.kind",
        options={"residential": "residential", "commercial": "commercial"}, nullable=False,
    ),
    Field(
        "tag", "Tag", "Customer", Kind.ROWS, "t.tag_id", model="audiences.Tag", deleted=_TAG_GONE,
        exists="EXISTS (SELECT 1 FROM audiences_contacttag t WHERE t.contact_id = c.id AND {has})",
    ),
    Field(
        "import", "Imported with", "Customer", Kind.ROWS, "i.of_id", model="audiences.ContactImport",
        exists="EXISTS (SELECT 1 FROM audiences_importedcontact i WHERE i.contact_id = c.id AND {has})",
    ),
    Field("do_not_service", "Marked “do not service”", "Customer", Kind.YES_NO, "c.do_not_service",
          nullable=False),
    Field("name", "Name", "Customer", Kind.TEXT, "c.name", nullable=False),
    Field(
        "language", "Language", "Customer", Kind.CHOICE, "c.language",
        options={"en": "English", "es": "Spanish"}, nullable=False,
    ),
    Field(
        "mobile", "Has a phone for texts", "Customer", Kind.YES_NO,
        f"EXISTS ({_ADDRESS} WHERE {fitness.TEXT_PHONE} AND NOT {fitness.DO_NOT_TEXT})",
        nullable=False,
    ),
    Field(
        "email", "Has an email address", "Customer", Kind.YES_NO,
        f"EXISTS ({_ADDRESS} WHERE {fitness.MAILBOX})", nullable=False,
    ),
    Field("do_not_mail", "Marked “do not mail”", "Customer", Kind.YES_NO, "c.do_not_mail", nullable=False),
    Field("customer_since", "Customer since", "Customer", Kind.DATE, "c.customer_since"),
    Field("city", "City", "Place", Kind.TEXT, "c.city", nullable=False),
    Field("state", "State", "Place", Kind.TEXT, "c.state", nullable=False),
    Field("zip", "ZIP code", "Place", Kind.TEXT, "c.zip", nullable=False),
    Field(
        "locations", "Number of service locations", "Place", Kind.NUMBER, "count(*)", of="location",
        summed=True, unit="locations",
    ),
    Field("last_job", "Last job", "Jobs", Kind.DATE, "c.last_job_at"),
    Field("jobs", "Number of jobs", "Jobs", Kind.NUMBER, total("job_count", "count(*)"), unit="jobs",
          nullable=False),
    Field(
        "revenue", "Worth of all jobs", "Jobs", Kind.NUMBER,
        total("job_total", "coalesce(sum(j.total), 0)"), unit="$", nullable=False,
    ),
    Field("opted_out", "Opted out of texts and calls", "Our contact", Kind.YES_NO,
          _OPTED_OUT.format(channel="phone"), nullable=False),
    Field("opted_out_of_email", "Opted out of emails", "Our contact", Kind.YES_NO,
          _OPTED_OUT.format(channel="email"), nullable=False),
    Field(
        "audience", "Audience", "Audiences", Kind.ROWS, "", model="audiences.Audience", nullable=False
    ),
)  # fmt: skip
OF_JOBS = (
    Field("job.type", "Job type", "Job", Kind.ROWS, "j.job_type_id", of="job", model="audiences.JobType"),
    Field("job.unit", "Business unit", "Job", Kind.ROWS, "j.business_unit_id", of="job",
          model="accounts.BusinessUnit"),
    Field("job.source", "Lead source", "Job", Kind.ROWS, "j.lead_source_id", of="job",
          model="audiences.LeadSource"),
    Field(
        "job.tag", "Tag of the job", "Job", Kind.ROWS, "t.tag_id", of="job", model="audiences.Tag",
        deleted=_TAG_GONE,
        exists="EXISTS (SELECT 1 FROM audiences_jobtag t WHERE t.job_id = j.id AND {has})",
    ),
    Field("job.date", "Done, or made where it is open", "Job", Kind.DATE, JOB_AT, of="job", nullable=False),
    Field("job.completed", "Completed", "Job", Kind.DATE, "j.completed_on", of="job"),
    Field("job.open", "Open or scheduled", "Job", Kind.YES_NO, _OPEN, of="job", nullable=False),
    Field("job.recall", "Is a recall", "Job", Kind.YES_NO, "j.recall_for_servicetitan_id IS NOT NULL",
          of="job", nullable=False),
    Field("job.no_charge", "No charge", "Job", Kind.YES_NO, "j.no_charge", of="job", nullable=False),
    Field("job.total", "Worth", "Job", Kind.NUMBER, "j.total", of="job", unit="$"),
    Field("job.number", "Job number", "Job", Kind.TEXT, "j.number", of="job", nullable=False),
)  # fmt: skip
OF_VISITS = (
    Field("visit.starts", "Begins", "Visit", Kind.DATE, "p.starts_at", of="visit", ahead=True,
          nullable=False),
    Field("visit.done", "Is done", "Visit", Kind.YES_NO, "p.status = 'Done'", of="visit", nullable=False),
    Field("visit.type", "Job type", "Visit", Kind.ROWS, "j.job_type_id", of="visit",
          model="audiences.JobType"),
    Field("visit.unit", "Business unit", "Visit", Kind.ROWS, "j.business_unit_id", of="visit",
          model="accounts.BusinessUnit"),
)  # fmt: skip
OF_PLACES = (
    Field("location.city", "City", "Service location", Kind.TEXT, "l.city", of="location", nullable=False),
    Field("location.state", "State", "Service location", Kind.TEXT, "l.state", of="location", nullable=False),
    Field(
        "location.tag",
        "Tag of the location",
        "Service location",
        Kind.ROWS,
        "t.tag_id",
        of="location",
        model="audiences.Tag",
        deleted=_TAG_GONE,
        exists="EXISTS (SELECT 1 FROM audiences_locationtag t WHERE t.location_id = l.id AND {has})",
    ),
    Field("location.zip", "ZIP code", "Service location", Kind.TEXT, "l.zip", of="location", nullable=False),
)


def _some(of: str, *rules: dict[str, object], match: str = "all") -> dict[str, object]:
    return {"match": match, "of": of, "rules": list(rules)}


def _lately(field: str, days: int, op: str = "in_last") -> dict[str, object]:
    return {"field": field, "is": op, "value": {"n": days, "unit": "days"}}


LEFT_OUT = (
    Exclusion("open_job", "An open or scheduled job", _some("job", {"field": "job.open", "is": "yes"})),
    Exclusion(
        "recent_visit", "A visit in the last 30 days",
        {"match": "any", "rules": [
            _some("job", _lately("job.completed", 30)),
            _some("visit", _lately("visit.starts", 30, "in_past")),
        ]},
        short=partial(visited_within, 30),
    ),
    Exclusion(
        "recall", "A recall in the last 60 days",
        _some("job", {"field": "job.recall", "is": "yes"}, _lately("job.date", 60)),
    ),
    Exclusion(
        "do_not_service", "Marked “do not service”", {"field": "do_not_service", "is": "yes"},
        note="Every campaign leaves them out in any case.",
    ),
)  # fmt: skip


def declare() -> None:
    """Make all of it known."""
    fields.register(JOB, PLACE, VISIT, *CONTACT, *OF_JOBS, *OF_VISITS, *OF_PLACES)
    exclusions.register(*LEFT_OUT)
