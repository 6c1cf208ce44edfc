"""Whom a customer who wants to talk is connected to: available agents, the office line, or nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.models import Account, Membership, User
from conversations import call_urls
from conversations.models import AgentPhone, Call, CallSettings
from integrations.twilio.twiml import MOST_RUNG, Rung

SEEN_WITHIN = timedelta(minutes=1)
"""Somebody whose call queue was open this long ago is rung; whoever closed it is not."""
AGENTS, OFFICE = "agents", "office"


@dataclass(frozen=True, slots=True)
class Round:
    """Phones that are rung together; `stage` names them in the address that hears what came of it."""

    stage: str
    phones: tuple[Rung, ...]


def settings_of(account: Account | int) -> CallSettings:
    """How an account calls; unsaved usual settings where nobody changed them."""
    account_id = account if isinstance(account, int) else account.pk
    found = CallSettings.objects.filter(account=account_id).first()
    return found or CallSettings(account_id=account_id)


@transaction.atomic
def change(chosen: CallSettings, *, by: User) -> None:
    """Keep how an account calls."""
    kept = settings_of(chosen.account)
    names = [field.name for field in CallSettings._meta.fields if field.name not in ("id", "account")]
    differing = {
        name: f"{getattr(kept, name)} → {getattr(chosen, name)}"
        for name in names
        if getattr(kept, name) != getattr(chosen, name)
    }
    chosen.save()
    if differing:
        audit.record(
            account=chosen.account, by=by, verb="changed_calls", on=chosen, detail=differing,
            summary="Changed how calls are made and taken",
        )  # fmt: skip


def next_round(call: Call, after: str = "", *, now: datetime) -> Round | None:
    """Who is rung next for this call, once `after` did not take it; None where nobody is left."""
    chosen = settings_of(call.account_id)
    order = {
        CallSettings.Transfer.OFFICE: (OFFICE,),
        CallSettings.Transfer.AGENTS: (AGENTS,),
        CallSettings.Transfer.AGENTS_THEN_OFFICE: (AGENTS, OFFICE),
    }[CallSettings.Transfer(chosen.transfer_to)]
    for stage in order[order.index(after) + 1 :] if after in order else () if after else order:
        if phones := _phones(stage, chosen, call, now):
            return Round(stage, phones)
    return None


def may_transfer(account_id: int) -> bool:
    """Whether somebody could be rung at all: an office line, or agents with a phone."""
    chosen = settings_of(account_id)
    by_office = chosen.transfer_to != CallSettings.Transfer.AGENTS and bool(chosen.office_line)
    by_agents = chosen.transfer_to != CallSettings.Transfer.OFFICE
    return by_office or by_agents


def available(account_id: int, *, now: datetime) -> list[AgentPhone]:
    """Phones of agents who take calls now: available, seen of late, able to sign in, and on no call. Who has
    waited longest comes first."""
    able = Membership.objects.filter(account=account_id).able().values("user")
    talking = Call.objects.filter(account=account_id, by__isnull=False, state__in=Call.LIVE).values("by")
    rows = AgentPhone.objects.filter(
        account=account_id, available_since__isnull=False, seen_at__gt=now - SEEN_WITHIN, user__in=able
    )
    return list(rows.exclude(user__in=talking).order_by("available_since", "pk")[:MOST_RUNG])


def _phones(stage: str, chosen: CallSettings, call: Call, now: datetime) -> tuple[Rung, ...]:
    if stage == OFFICE:
        office = Rung(chosen.office_line, news=call_urls.of("leg", call.attempt))
        return (office,) if chosen.office_line else ()
    return tuple(
        Rung(agent.phone, first=call_urls.of("screen", call.attempt, agent=agent.user_id))
        for agent in available(call.account_id, now=now)
    )
