"""The rows behind every figure of Assignments & Sending: exactly as many as it says."""

from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce

from accounts.models import Account
from analytics.metrics import sending
from analytics.sending.selection import Selection, Unknown
from campaigns.models import Campaign, Enrollment
from conversations.call_outcomes import REACHED
from conversations.models import Call, Lane, Message, PlannedCall

PENDING = ("queued", "calling", "unknown")
SENT = ("accepted", "sent", "delivered", "bounced", "blocked")
_STATUS_AT = Case(  # when a message took the status it has
    When(state__in=PENDING, then=F("created_at")),
    When(state__in=SENT, then=Coalesce("accepted_at", "state_at")),
    default=F("state_at"),
)
_PLANNED_AT = Case(When(state__in=PlannedCall.OPEN, then=F("created_at")), default=F("state_at"))


def behind(account: Account, selection: Selection, figure: str) -> QuerySet[Any]:
    """The enrollments, messages, planned calls or tries that a figure counts, newest first. Raises Unknown.

    Figures are named as in `analytics.metrics.sending`; `exits:<reason>` are the exits for one reason.
    """
    group, _, name = figure.partition(":")
    if group in sending.ASSIGNMENT_METRICS and (not name or group == "exits"):
        return _enrollments(account, selection, group, name)
    if figure in sending.SENDING_METRICS:
        if group == sending.CALL:
            return _calls(account, selection, name)
        return _messages(account, selection, group, name)
    if figure in sending.AGENT_METRICS:
        return _of_people(account, selection, name)
    raise Unknown(figure)


def repeats(campaign_ids: list[int], selection: Selection, at: str) -> QuerySet[Enrollment]:
    """Of returning contacts' enrollments those that an earlier one of theirs precedes inside the range.

    `at` is `entered_at` or `ended_at`. Entries or exits less these are distinct contacts, per campaign: who
    is in a campaign for the first time repeats nothing, so that only the few that returned are looked at.
    """
    span = _within(selection, at)
    earlier = Enrollment.objects.filter(
        span, campaign=OuterRef("campaign"), contact=OuterRef("contact"), pk__lt=OuterRef("pk")
    )
    again = Enrollment.objects.filter(span, campaign__in=campaign_ids, returning=True)
    return again.filter(Exists(earlier.order_by())).order_by()


def of_people(account: Account, selection: Selection) -> QuerySet[Message]:
    """Everything that people wrote in threads inside the range."""
    written = Message.objects.filter(account=account, kind=Message.Kind.AGENT, lane__kind=Lane.Kind.AGENTS)
    return written.filter(_within(selection, "created_at"))


def _enrollments(account: Account, selection: Selection, figure: str, reason: str) -> QuerySet[Enrollment]:
    campaigns = selection.campaigns(account).values("pk")
    at = "entered_at" if figure.startswith("entries") else "ended_at"
    found = Enrollment.objects.filter(_within(selection, at), campaign__in=campaigns)
    if at == "ended_at":
        found = found.filter(state=Enrollment.State.ENDED)
    if reason:
        found = found.filter(ended_reason=reason)
    if figure.endswith("_unique"):
        first = found.order_by("campaign", "contact", "pk").distinct("campaign", "contact")
        found = Enrollment.objects.filter(pk__in=first.values("pk"))
    return found.order_by("-pk")


def _calls(account: Account, selection: Selection, name: str) -> QuerySet[Any]:
    """Planned calls of campaigns; for what counts calls, their tries."""
    lanes = Campaign.objects.filter(pk__in=selection.campaigns(account).values("pk")).values("lane")
    planned = PlannedCall.objects.filter(lane__in=lanes, origin__startswith="step:")
    if name in ("accepted", "abandoned"):
        at = f"{name}_at"
        placed = Call.objects.filter(account=account, planned__in=planned)
        tries = placed.filter(_within(selection, at), **{f"{at}__isnull": False})
        return tries.exclude(state=Call.State.REFUSED).order_by("-pk")
    return _planned(planned, selection, name).order_by("-pk")


def _planned(planned: QuerySet[PlannedCall], selection: Selection, name: str) -> QuerySet[PlannedCall]:
    if name == "planned":
        return planned.annotate(status_at=_PLANNED_AT).filter(_within(selection, "status_at"))
    if name == "pending":
        return planned.filter(_within(selection, "created_at"), state__in=PlannedCall.OPEN)
    if name in ("reached", "optouts"):
        at = "first_accepted_at" if name == "reached" else "opted_out_at"
        return planned.filter(_within(selection, at), **{f"{at}__isnull": False})
    outcomes = REACHED if name == "spoken" else (name,) if name in sending.OUTCOMES else ()
    if outcomes:
        planned = planned.filter(outcome__in=outcomes)
    state = PlannedCall.State.CALLED if outcomes or name == "sent" else name
    return planned.filter(_within(selection, "state_at"), state=state)


def _messages(account: Account, selection: Selection, channel: str, name: str) -> QuerySet[Message]:
    lanes = Campaign.objects.filter(pk__in=selection.campaigns(account).values("pk")).values("lane")
    ours = Message.objects.filter(
        lane__in=lanes, origin__startswith="step:", mailbox__isnull=channel == sending.TEXT
    )
    return _in_status(ours, selection, name).order_by("-pk")


def _in_status(messages: QuerySet[Message], selection: Selection, name: str) -> QuerySet[Message]:
    if name == "planned":
        messages = messages.annotate(status_at=_STATUS_AT)
        return messages.filter(_within(selection, "status_at"))
    if name == "pending":
        return messages.filter(_within(selection, "created_at"), state__in=PENDING)
    if name == "sent":
        messages = messages.annotate(sent_at=Coalesce("accepted_at", "state_at"))
        return messages.filter(_within(selection, "sent_at"), state__in=SENT)
    if name == "spam":
        return messages.filter(_within(selection, "spam_reported_at"), spam_reported_at__isnull=False)
    return messages.filter(_within(selection, "state_at"), state=name)


def _of_people(account: Account, selection: Selection, name: str) -> QuerySet[Message]:
    states = {"planned": Message.State.values, "pending": PENDING, "sent": SENT}.get(name, [name])
    return of_people(account, selection).filter(state__in=states).order_by("-pk")


def _within(selection: Selection, at: str) -> Q:
    if selection.since is None or selection.until is None:
        return Q()
    return Q(**{f"{at}__gte": selection.since, f"{at}__lt": selection.until})
