"""Launching a campaign: everything is checked, then frozen, then handed to the intake."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import segments
from audiences.models import Audience
from campaigns import approving, calls_foreseen, capacity, first_launch, graph, pools, samples, units
from campaigns.models import Campaign, Node, Playbook, WorkflowVersion
from campaigns.starts import LONGEST_REPEATING, Schedule
from campaigns.terms import LONGEST_JOINING, Terms
from common import sql
from common.doorbell import ring
from conversations import pausing
from conversations.models import Lane
from integrations.models import SendingNumber

LONGEST_LEAD = timedelta(days=366)
AT_ONCE, UNDO = timedelta(0), timedelta(seconds=60)
"""How long a launch waits, so that it can be undone: a program's not at all, a person's a minute."""
_LOCK_CLASS = 7104  # advisory locks of this module, beside a hash of the launch's token


class LaunchRefused(Exception):
    """Nothing was launched; `errors` say why, by the field they concern ("" for the whole)."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(e for found in errors.values() for e in found))
        self.errors = errors


@dataclass(frozen=True)
class Draft:
    """What a person chose for a launch. `token` makes a second click find the first launch."""

    name: str
    version: WorkflowVersion
    audience: Audience
    number: SendingNumber
    targeting: dict[str, Any] = field(default_factory=dict)
    playbook: Playbook | None = None
    terms: Terms = field(default_factory=Terms)
    schedule: Schedule | None = None  # where clocks count, or it comes round again
    typed: dict[str, Any] = field(default_factory=dict)  # what undoing the launch gives back
    token: uuid.UUID = field(default_factory=uuid.uuid4)
    others: tuple[SendingNumber, ...] = ()  # numbers beside the first: together they are the pool

    @property
    def pool(self) -> list[SendingNumber]:
        """Every number it sends from, once."""
        return list(dict.fromkeys([self.number, *self.others]))


@transaction.atomic
def launch(
    account: Account,
    draft: Draft,
    *,
    by: User | None,
    now: datetime,
    at: datetime | None = None,
    hold: timedelta = AT_ONCE,
) -> Campaign:
    """Create and launch a campaign; at `at` where that lies ahead, else now. Raises LaunchRefused.

    The same token twice gives the same campaign. Version, audience rules and targeting are frozen;
    enrolling begins in the background as soon as `hold` is over, for a later launch too: until then the
    launch can be undone. One above the account's limit is only created, and waits for a second person.
    """
    before = Campaign.objects.filter(launch_token=draft.token, account=account)
    if known := before.first():
        return known
    if errors := problems(account, draft, now=now, at=at):
        raise LaunchRefused(errors)
    # A second click waits here for the first, and then finds its campaign.
    sql.run("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK_CLASS, str(draft.token)])
    if known := before.all().first():
        return known
    campaign, made = Campaign.objects.get_or_create(
        launch_token=draft.token,
        defaults={
            "account": account, "playbook": draft.playbook, "name": draft.name.strip(),
            "version": draft.version, "audience": draft.audience, "number": draft.number,
            "targeting": segments.frozen(account, draft.targeting),
            "audience_rules": segments.frozen(account, draft.audience.rules),
            "starts_at": at, "created_by": by, "created_at": now, "typed": draft.typed,
            **draft.terms.columns(), **(draft.schedule.columns() if draft.schedule else {}),
        },
    )  # fmt: skip
    if campaign.account_id != account.pk:  # what the browser sends back is no secret and no claim
        raise LaunchRefused({"": ["This launch form was used before. Open a new one."]})
    if made:
        pools.keep(campaign, draft.others, now=now)
    if not approving.ask(campaign, by=by, now=now):
        begin(campaign, by=by, now=now, hold=hold, texts_per_hour=draft.terms.texts_per_hour)
    return campaign


def begin(
    campaign: Campaign, *, by: User | None, now: datetime, hold: timedelta, texts_per_hour: int | None
) -> None:
    """Let a created campaign go, once `hold` is over; in the transaction that decided so."""
    from campaigns.tasks import take_in  # tasks import most of this package

    held_until = now + hold if hold else None
    begins = max(campaign.starts_at or now, held_until or now)
    later = begins > now
    campaign.lane = Lane.objects.create(
        account=campaign.account,
        kind=Lane.Kind.CAMPAIGN,
        name=campaign.name,
        texts_per_hour=texts_per_hour,
    )
    campaign.status = Campaign.Status.SCHEDULED if later else Campaign.Status.ACTIVE
    campaign.starts_at, campaign.held_until = begins, held_until
    campaign.launched_by, campaign.launched_at = by, now
    campaign.save()
    audit.record(
        account=campaign.account, by=by, verb="launched", summary=f"Launched {campaign.name}", on=campaign
    )
    ring(take_in)


def problems(
    account: Account, draft: Draft, *, now: datetime, at: datetime | None = None
) -> dict[str, list[str]]:
    """Everything that keeps a draft from being launched, by field; empty when it may go."""
    found: dict[str, list[str]] = {
        "name": [] if draft.name.strip() else ["Give the campaign a name."],
        "workflow": _workflow_problems(account, draft),
        "audience": _audience_problems(account, draft, now),
        "number": list(dict.fromkeys(why for one in draft.pool for why in _number_problems(account, one))),
        "starts_at": [],
        "": pausing.launch_problems(account),
    }
    if at is not None and at - now >= LONGEST_LEAD:
        found["starts_at"].append("The launch lies more than a year ahead. Choose an earlier time.")
    if draft.terms.joins_until is not None:
        found["joins_until"] = _joining_problems(draft.terms.joins_until, max(at or now, now))
    if draft.schedule is not None and draft.schedule.repeats:
        found["repeats_until"] = _repeating_problems(draft.schedule, max(at or now, now))
    if draft.playbook is not None and draft.playbook.account_id != account.pk:
        found["playbook"] = ["This playbook does not belong to your account."]
    if not any(found.values()):
        found["number"] = _rate_problems(account, draft, start=max(at or now, now), now=now)
    if not found["audience"]:
        for name, errors in first_launch.problems(account, draft, now=now).items():
            found.setdefault(name, []).extend(errors)
    return {name: errors for name, errors in found.items() if errors}


def obstacles(account: Account, draft: Draft, *, now: datetime) -> list[str]:
    """What keeps a draft from being launched that neither its forms nor its figures show: told at its review,
    so that nobody decides about what cannot be. Of `problems`, those of the workflow and of the account."""
    found = [*_workflow_problems(account, draft), *pausing.launch_problems(account)]
    for errors in first_launch.problems(account, draft, now=now).values():
        found.extend(errors)
    return found


def _joining_problems(until: datetime, start: datetime) -> list[str]:
    if until <= start:
        return ["Late joiners need an end that lies after the start. Choose a later day."]
    if until - start > LONGEST_JOINING + timedelta(days=1):  # it is the end of a day
        return ["Late joiners need an end within two years. Choose an earlier day."]
    return []


def _repeating_problems(schedule: Schedule, start: datetime) -> list[str]:
    if schedule.until is None or schedule.until <= start:
        return ["What comes round again needs an end that lies after the start. Choose a later day."]
    if schedule.until - start > LONGEST_REPEATING + timedelta(days=1):  # it is the end of a day
        return ["What comes round again needs an end within two years. Choose an earlier day."]
    return []


def _workflow_problems(account: Account, draft: Draft) -> list[str]:
    version = draft.version
    if version.workflow.account_id != account.pk:
        return ["This workflow does not belong to your account."]
    if version.published_at is None:
        return ["This workflow has not been published yet. Publish it, then launch."]
    if version.workflow.archived_at is not None:
        return ["This workflow is archived. Bring it back in Workflows, or choose another one."]
    errors = graph.errors(version) + _email_problems(account, draft)
    return errors + calls_foreseen.problems(account, version)


def _email_problems(account: Account, draft: Draft) -> list[str]:
    sends_emails = draft.version.nodes.filter(kind=Node.Kind.SEND_EMAIL).exists()
    if not sends_emails:
        return []
    sender = units.mailbox(account.pk, draft.targeting, draft.audience.rules)
    if sender is None:
        return [
            "This workflow sends emails, and there is no mailbox to send them from. Set it up in Settings, "
            "Connections, SendGrid, or choose another workflow."
        ]
    if not sender.postal_address.strip():  # 15 USC 7704(a)(5)
        return [
            f"This workflow sends emails from {sender.email}, and the law asks for your postal address below "
            "each. Write it down in Settings, Connections, SendGrid, or choose another workflow."
        ]
    return []


def _audience_problems(account: Account, draft: Draft, now: datetime) -> list[str]:
    if draft.audience.account_id != account.pk:
        return ["This audience does not belong to your account."]
    try:
        count = segments.count(account, draft.audience.rules, draft.targeting, now=now)
    except segments.InvalidRules as invalid:
        return list(invalid.errors)
    return [] if count else ["Nobody in this audience meets these rules. Widen them, or choose another one."]


def _rate_problems(account: Account, draft: Draft, *, start: datetime, now: datetime) -> list[str]:
    """Too many texts for the numbers; whom they reach is evaluated only where that can be so at all."""
    rate = capacity.pace(draft.pool, draft.terms.texts_per_hour)
    able = capacity.sendable(
        account, draft.pool, draft.version,
        start=start, send_by_hours=draft.terms.send_by_hours, rate=rate,
    )  # fmt: skip
    most = segments.count(account, draft.audience.rules, draft.targeting, now=now) * capacity.MOST_SEGMENTS
    if most <= able:
        return []
    foreseen = samples.preview(
        account, audience=draft.audience, targeting=draft.targeting, version=draft.version,
        number=draft.number, now=now, at=start, terms=draft.terms, others=draft.others,
    )  # fmt: skip
    return [foreseen.refusal] if foreseen.refusal else []


def _number_problems(account: Account, number: SendingNumber) -> list[str]:
    if number.account_id != account.pk:
        return ["This number does not belong to your account."]
    return [why] if (why := pools.unfit(number)) else []
