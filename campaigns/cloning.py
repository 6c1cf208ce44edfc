"""A new draft from a campaign that was launched: what is taken over, and what cannot be, in words."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from audiences import segments
from audiences.rules import builder
from campaigns import pools, start_form, terms, terms_form
from campaigns.forms import launchable
from campaigns.models import Campaign
from common.phone import display_phone

LONGEST_NAME = 160
_LEAD = re.compile(r"Copy (?:[0-9]+ )?of (?=.)")


@dataclass(frozen=True)
class Clone:
    """The fields of a draft. `missing`: what is left to be chosen anew; `changed`: what differs by now."""

    fields: dict[str, Any]
    missing: list[str]
    changed: list[str]


def of(campaign: Campaign) -> Clone:
    """What was chosen for a campaign as a draft: its workflow's latest version, and no time."""
    missing, changed = list[str](), list[str]()
    ran, audience = campaign.version, campaign.audience
    latest = launchable(campaign.account).filter(workflow=ran.workflow_id).first() or ran
    if ran.workflow.archived_at is not None:
        missing.append(f"The workflow {ran.workflow.name}: it is in the archive. Choose another.")
    elif latest != ran:
        changed.append(f"It ran version {ran.number} of {ran.workflow.name}; this takes {latest.number}.")
    if segments.frozen(campaign.account, audience.rules) != campaign.audience_rules:
        differ = f"The rules of {audience.name} were changed since that launch"
        changed.append(f"{differ}. They count as they are now.")
    numbers = pools.numbers_of(campaign)
    for number in numbers:
        if not number.active:
            missing.append(f"The number {display_phone(number.e164)}: it no longer sends. Choose another.")
    playbook = campaign.playbook
    if playbook is not None and playbook.archived_at is not None:
        missing.append(f"The playbook {playbook.name}: it is in the archive.")
    if terms.of(campaign).joins_until:
        missing.append("The last day for late joiners. Choose a new one.")
    if campaign.repeats:
        missing.append("The last day on which it begins again. Choose a new one.")
    missing.append("The start. Choose when it begins.")
    return Clone(
        fields={
            "name": name_of_copy(campaign.name, copies_in(campaign.account_id), longest=LONGEST_NAME),
            "workflow": str(latest.pk),
            "playbook": str(playbook.pk) if playbook and playbook.archived_at is None else "",
            "audience": str(audience.pk),
            "targeting": builder.stored(campaign.targeting) if campaign.targeting else {},
            "number": [str(number.pk) for number in numbers if number.active],
            **terms_form.fields_of(campaign),
            **start_form.fields_of(campaign),
        },
        missing=missing,
        changed=changed,
    )


def name_of_copy(name: str, taken: Collection[str], *, longest: int) -> str:
    """What a copy of something so called is called: a copy of a copy is the next one of the original."""
    original, number = _LEAD.sub("", name, count=1), 1
    while True:
        lead = "Copy of " if number == 1 else f"Copy {number} of "
        if (found := f"{lead}{original}"[:longest].rstrip()) not in taken:
            return found
        number += 1


def copies_in(account_id: int) -> set[str]:
    """The names of an account's campaigns that could be those of copies."""
    found = Campaign.objects.filter(account=account_id, name__startswith="Copy ")
    return set(found.values_list("name", flat=True))
