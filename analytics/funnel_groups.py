"""The groups of contacts that a campaign's funnel tells apart, and the rows behind each."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from campaigns.models import Campaign, Enrollment
from conversations.call_outcomes import REACHED

_SPOKEN = ", ".join(f"'{outcome.value}'" for outcome in REACHED)
# Of each contact: whether a message or call to it was ever accepted, whether one arrived (a voicemail is one
# that did), was answered (talking to us is an answer), and a job credited.
CONTACTS = f"""
select min(enrollment.id) as enrollment,
       bool_or(message.accepted_at is not null or planned.first_accepted_at is not null) as reached,
       coalesce(bool_or(message.state = 'delivered'), false)
         or bool_or(coalesce(planned.outcome, '') in ({_SPOKEN}, 'voicemail'))
         as delivered,
       bool_or(message.replied_at is not null
               or coalesce(planned.outcome, '') in ({_SPOKEN})) as replied,
       bool_or(exists (
           select from analytics_jobcredit credit where credit.enrollment_id = enrollment.id
       )) as booked
from campaigns_enrollment enrollment
left join campaigns_step step on step.enrollment_id = enrollment.id
left join conversations_message message on message.origin = 'step:' || step.id
left join conversations_plannedcall planned on planned.origin = 'step:' || step.id
where enrollment.campaign_id = %s
group by enrollment.contact_id
"""


@dataclass(frozen=True)
class Group:
    """Some contacts of the campaign: those whom `condition` describes; `column` opens them."""

    column: str
    words: str
    condition: str


STAGES = (
    Group("funnel:audience", "Audience", "true"),
    Group("funnel:reached", "Reached", "reached"),
    Group("funnel:delivered", "Delivered", "delivered"),
    Group("funnel:replied", "Replied", "replied"),
    Group("funnel:booked", "Booked", "booked"),
)
MEANINGS = {
    "funnel:audience": "Contacts admitted.",
    "funnel:reached": "Contacts with a text, email or call that the provider accepted.",
    "funnel:delivered": "Contacts with a text or email that a handset, a carrier or a mail server confirmed, "
    "or whose phone or voicemail took a call.",
    "funnel:replied": "Contacts who answered a text or email of this campaign, or talked to us on the phone.",
    "funnel:booked": "Contacts with a job credited to this campaign.",
}
LOST = (  # between one stage and the next
    Group("lost:reached", "nothing was accepted for them (yet)", "not reached"),
    Group("lost:delivered", "reached, and no delivery confirmed (yet)", "reached and not delivered"),
    Group("lost:replied", "delivered, and no reply (yet)", "delivered and not replied"),
    Group("lost:booked", "replied, and no job (yet)", "replied and not booked"),
)
BESIDE = (  # in a stage without having been in the one before
    Group("beside:replied", "replied although no delivery was confirmed", "replied and not delivered"),
    Group("beside:booked", "booked without a reply by message", "booked and not replied"),
)
GROUPS = {group.column: group for group in (*STAGES, *LOST, *BESIDE)}


def rows(campaign: Campaign, column: str) -> QuerySet[Enrollment] | None:
    """The contacts of a group, each as its first passage here; None for no such group."""
    group = GROUPS.get(column)
    if group is None:
        return None
    firsts = f"select contact.enrollment from ({CONTACTS}) contact where {group.condition}"
    found = Enrollment.objects.filter(campaign=campaign, pk__in=RawSQL(firsts, [campaign.pk]))
    return found.order_by("-pk")
