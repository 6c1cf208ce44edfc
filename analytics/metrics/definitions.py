"""What every number is: its words, its unit, the columns it sums.

Columns are what the triggers in `analytics/sql/` append; a metric sums some of them, or is a rate of two.
"""

from dataclasses import dataclass

from campaigns.models import Node, Step
from conversations.call_outcomes import REACHED

TEXT_KINDS: tuple[str, ...] = (Node.Kind.SEND_SMS,)
CALL_KINDS: tuple[str, ...] = (Node.Kind.CALL,)
EMAIL_KINDS: tuple[str, ...] = (Node.Kind.SEND_EMAIL,)
TOUCH_KINDS = TEXT_KINDS + EMAIL_KINDS + CALL_KINDS  # what can win a job
STATES: tuple[str, ...] = tuple(Step.State.values)
SPOKEN = tuple(f"call:{outcome.value}" for outcome in REACHED)


@dataclass(frozen=True)
class Metric:
    """One number: its name, its words for people, the columns it sums, and for a rate those it divides by.

    `at` says at which instant a row counts, for numbers of a range; `opens` what a row of its list is, where
    the unit does not say so.
    """

    name: str
    label: str
    unit: str
    meaning: str
    columns: tuple[str, ...]
    over: tuple[str, ...] = ()
    at: str = ""
    opens: str = ""

    @property
    def rows(self) -> str:
        """What each row of the list behind it is."""
        return self.opens or ROWS.get(self.unit, "")


ROWS = {  # by unit: what each row of the list behind a number is
    "steps": "one step: one passage of a contact at one node",
    "messages": "one text or email",
    "texts": "one text",
    "emails": "one email",
    "calls": "one call: one try",
    "people called": "one planned call, with all its tries",
    "contacts": "one contact, once per campaign",
    "enrollments": "one enrollment: one passage of a contact through a campaign",
    "jobs": "one ServiceTitan job credited to us",
    "bookings": "one request to book",
    "dollars": "one credited job, with what it comes to",
    "share": "one of those counted above the line; below it, the figure named there opens its own",
}


def _metric(
    name: str,
    label: str,
    unit: str,
    meaning: str,
    *columns: str,
    over: tuple[str, ...] = (),
    at: str = "",
    opens: str = "",
) -> dict[str, Metric]:
    return {name: Metric(name, label, unit, meaning, columns or (name,), over, at, opens)}


# Columns are the metric's own name unless others are named.
NODE_METRICS: dict[str, Metric] = (
    _metric("entered", "Entered", "steps", "Everybody who came here; the six states add up to it.")
    | _metric(
        "scheduled", "Scheduled", "steps", "Not yet taken up: a later time, closed hours, a cap, a pause."
    )
    | _metric("queued", "Queued", "steps", "Taken up, not yet accepted by the provider.")
    | _metric(
        "waiting",
        "Waiting",
        "steps",
        "Begun, and held by a timer, a reply, a call’s outcome, a booking or an unknown send.",
    )
    | _metric("completed", "Completed", "steps", "Ended normally, “no reply in time” included.")
    | _metric("failed", "Failed", "steps", "Ended without doing its work; each row says why.")
    | _metric("skipped", "Skipped", "steps", "Deliberately not done; each row says why.")
    | _metric(
        "booked", "Booked", "jobs", "Jobs credited to this node; beside the states, never added to them."
    )
    | _metric(
        "job_completed",
        "Completed",
        "jobs",
        "Of the jobs booked here: those whose work is done.",
    )
    | _metric(
        "job_invoiced",
        "Invoiced",
        "jobs",
        "Of the jobs booked here: those that have been billed.",
    )
    | _metric(
        "job_cancelled",
        "Of which cancelled",
        "jobs",
        "Booked here and cancelled since: they bring nothing.",
    )
    | _metric(
        "influenced",
        "Influenced",
        "jobs",
        "Other new jobs within the credit window after this node’s message; nothing ties them to us.",
    )
    | _metric("accepted", "Accepted", "messages", "Texts and emails the provider accepted. Never falls.")
    | _metric(
        "delivered",
        "Delivered",
        "messages",
        "Confirmed by a handset, a carrier or a mail server.",
        "text:delivered",
        "email:delivered",
    )
    | _metric("undelivered", "Undelivered", "messages", "Accepted, and then given up by the provider.")
    | _metric("replies", "Replies", "messages", "Texts answered within 7 days; opt-outs are no replies.")
    | _metric(
        "reply_rate", "Reply rate", "share", "Texts answered ÷ accepted.", "replies", over=("accepted",)
    )
    | _metric("optouts", "Opt-outs", "messages", "Texts that were answered with an opt-out.")
    | _metric(
        "linked", "With a link", "messages", "Texts and emails accepted with a short link of ours in them."
    )
    | _metric(
        "clicks", "Clicks", "messages", "Of those with a link: whose link a person followed; never machines."
    )
    | _metric(
        "click_rate", "Click rate", "share", "Clicked ÷ accepted with a link.", "clicks", over=("linked",)
    )
    | _metric(
        "called",
        "People called",
        "people called",
        "Those of whom the carrier took at least one try. Never falls.",
        "call:reached",
    )
    | _metric("calls", "Calls", "calls", "Tries the carrier took. Never falls.", "call:accepted")
    | _metric(
        "spoken",
        "Spoken to",
        "people called",
        "Those who talked to us: answered, booked, or asked for a call back.",
        *SPOKEN,
    )
    | _metric(
        "answer_rate", "Answer rate", "share", "Spoken to ÷ people called.", *SPOKEN, over=("call:reached",)
    )
    | _metric(
        "voicemail", "Voicemail", "people called", "Whose last try ended at a voicemail.", "call:voicemail"
    )
    | _metric("no_answer", "No answer", "people called", "Who took none of the tries.", "call:no_answer")
    | _metric("busy", "Busy", "people called", "Whose line was busy at the last try.", "call:busy")
    | _metric(
        "abandoned",
        "Abandoned",
        "calls",
        "Calls that somebody answered and for 2 seconds heard neither our words nor a person.",
        "call:abandoned",
    )
    | _metric(
        "call_optouts",
        "Opt-outs by phone",
        "people called",
        "Calls that were answered with an opt-out.",
        "call:optouts",
    )
)
CAMPAIGN_METRICS: dict[str, Metric] = (
    _metric("audience", "Audience count", "contacts", "Distinct contacts admitted.")
    | _metric("entries", "Entries", "enrollments", "Enrollments begun; entries less exits are active.")
    | _metric("active", "Active", "enrollments", "Enrollments not ended.")
    | _metric("exits", "Exits", "enrollments", "Enrollments ended, whatever the reason.")
    | _metric(
        "excluded", "Excluded", "contacts", "Matched and not admitted, by the first reason that applied."
    )
)
TILE_METRICS: dict[str, Metric] = (
    _metric("waiting_calls", "Waiting calls", "steps", "Queued + waiting, call nodes.", "queued", "waiting")
    | _metric("waiting_texts", "Waiting texts", "steps", "Queued + waiting, text nodes.", "queued", "waiting")
    | _metric("scheduled", "Scheduled", "steps", "Scheduled at all nodes.")
    | _metric("completed_today", "Completed today", "steps", "Calls and texts since midnight.", "completed")
    | _metric("audience_count", "Audience count", "contacts", "Admitted, summed over campaigns.", "audience")
    | _metric("jobs_booked", "Jobs booked", "jobs", "Credited to campaigns; cancelled ones stay.", "booked")
    | _metric(
        "booking_rate", "Booking rate", "share", "Contacts with a credited job ÷ audience count.",
        "contacts_booked", over=("audience",),
    )
    | _metric("total_calls", "Total calls", "calls", "Campaign calls the carrier accepted.", "call:accepted")
    | _metric("total_texts", "Total texts", "texts", "Texts the carrier accepted, not segments.", "accepted")
)  # fmt: skip
# Parts of tiles, and what today's curve counts; each opens its rows as a tile does.
PART_METRICS: dict[str, Metric] = (
    _metric(
        "jobs_completed", "Completed jobs", "jobs", "Jobs credited to campaigns, work done.", "job_completed"
    )
    | _metric(
        "jobs_invoiced", "Invoiced jobs", "jobs", "Jobs credited to campaigns and billed.", "job_invoiced"
    )
    | _metric(
        "jobs_cancelled",
        "Cancelled jobs",
        "jobs",
        "Jobs credited to campaigns and cancelled since.",
        "job_cancelled",
    )
    | _metric("jobs_pending", "Pending bookings", "bookings", "Requests that have no job number yet.")
    | _metric(
        "jobs_influenced",
        "Influenced jobs",
        "jobs",
        "Other new jobs within a credit window after our message; never part of the credited ones.",
        "influenced",
    )
    | _metric(
        "revenue",
        "Credited revenue",
        "dollars",
        "What the invoices of credited jobs say, less refunds. Cancelled jobs bring nothing; it can fall.",
    )
)
PART_METRICS |= _metric(
    "unknown_sends", "Unknown sends", "messages", "Handed over, and the provider’s answer was lost."
)
TODAY_METRICS: dict[str, Metric] = (
    _metric("texts_today", "Texts", "texts", "Texts the carrier accepted today.", "accepted")
    | _metric("calls_today", "Calls", "calls", "Campaign calls the carrier accepted today.", "call:accepted")
    | _metric("replies_today", "Replies", "texts", "Texts whose first reply came today.", "replies")
    | _metric("booked_today", "Jobs booked", "jobs", "Jobs credited to campaigns today.", "booked")
)
# What campaigns did in a range of days.
RANGE_METRICS: dict[str, Metric] = (
    _metric("range_audience", "Audience count", "contacts", "Admitted in these days.", "audience")
    | _metric("range_texts", "Texts", "texts", "Texts the carrier accepted in these days.", "accepted")
    | _metric("range_calls", "Calls", "calls", "Calls the carrier accepted in these days.", "call:accepted")
    | _metric("range_replies", "Replies", "messages", "Answered for the first time in these days.", "replies")
    | _metric("range_optouts", "Opt-outs", "messages", "Answered with an opt-out in these days.", "optouts")
    | _metric(
        "range_call_optouts", "Opt-outs by phone", "people called",
        "Calls answered with an opt-out in these days.", "call:optouts",
    )
    | _metric("range_booked", "Jobs booked", "jobs", "Credited to campaigns in these days.", "booked")
)  # fmt: skip
OPENED_METRICS: dict[str, Metric] = TILE_METRICS | PART_METRICS | TODAY_METRICS | RANGE_METRICS
