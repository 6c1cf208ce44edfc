"""What a launch's call steps come to: who calls whom, and how many of a script's people a person calls
instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from accounts.models import Account
from audiences import fitness
from campaigns import graph
from campaigns.models import Node, WorkflowVersion
from campaigns.nodes.call import CallSettings
from campaigns.said import Wording
from common import sql
from common.spoken import ENGLISH
from conversations import call_routing
from conversations.call_scripts import Plan
from conversations.variants import SPANISH


@dataclass(frozen=True, slots=True)
class CallStep:
    """One call step of a workflow."""

    name: str
    plan: Plan

    @property
    def by_script(self) -> bool:
        """Whether a recorded or synthetic voice speaks."""
        return self.plan.mode == "script"


@dataclass(frozen=True, slots=True)
class CallsForeseen:
    """The call steps of a launch. `without_consent` of those admitted have no recorded written consent to
    recorded voice: where a script would speak, a person calls them."""

    steps: tuple[CallStep, ...] = ()
    admitted: int = 0
    without_consent: int = 0

    @property
    def by_script(self) -> tuple[CallStep, ...]:
        """Those in which a script speaks."""
        return tuple(step for step in self.steps if step.by_script)

    @property
    def with_consent(self) -> int:
        """How many may hear a script."""
        return self.admitted - self.without_consent


NONE = CallsForeseen()


def steps(version: WorkflowVersion) -> tuple[CallStep, ...]:
    """The call steps of a version in their order; one that could not run is left out."""
    found = []
    for node in graph.build(version).nodes.values():
        if node.kind == Node.Kind.CALL:
            try:
                found.append(CallStep(node.name, CallSettings.model_validate(node.settings).plan))
            except ValidationError:
                continue
    return tuple(found)


def of(
    version: WorkflowVersion, query: str, params: Sequence[Any], *, admitted: int, now: datetime
) -> CallsForeseen:
    """What calls a launch to the contacts of this query makes. One query, where a script speaks."""
    found = steps(version)
    if not any(step.by_script for step in found):
        return CallsForeseen(found, admitted)
    without = sql.value(
        f"""
        WITH {fitness.MOMENT_SQL} SELECT count(*)
        FROM audiences_contact c LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
        WHERE c.id IN ({query}) AND {fitness.entry_reason_sql()} = ''
          AND NOT {fitness.RECORDED_CALLS_AGREED}
        """,
        [now, *params],
    )
    return CallsForeseen(found, admitted, int(without))


def problems(account: Account, version: WorkflowVersion) -> list[str]:
    """What keeps a workflow's calls from being launched, in words that say where to set it right."""
    offering = [step for step in steps(version) if step.by_script and step.plan.talk]
    if not offering or call_routing.may_transfer(account.pk):
        return []
    return [
        f"“{offering[0].name}” offers “press 1 to talk to us”, and nobody would be rung. Write your office "
        "line down, or let available agents be rung, in Settings, Calls; or choose another workflow."
    ]


def script_words(plan: Plan) -> dict[str, Wording]:
    """A script's words by language: whoever lacks what they need is passed over."""
    said = [spoken for spoken in (None if plan.plays else plan.words, plan.voicemail) if spoken is not None]
    english = Wording("", said[0].en if said else "", tuple(spoken.en for spoken in said[1:]))
    if not any(spoken.es for spoken in said):
        return {ENGLISH: english}
    spanish = [spoken.es or spoken.en for spoken in said]
    return {ENGLISH: english, SPANISH: Wording("", spanish[0], tuple(spanish[1:]))}
