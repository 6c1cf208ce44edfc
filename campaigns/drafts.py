"""A launch in the making: its stages, what was typed at each, and how far it may go.

Everything typed is kept raw on the server, stage by stage, wrong values included; a stage may be visited once
all before it hold. Nothing is decided here: `launching.launch` checks everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import transaction
from django.forms import Field, Form, ModelMultipleChoiceField, MultipleChoiceField
from django.http import QueryDict

from accounts.models import Account, User
from audiences import segments
from audiences.forms import RulesField
from audiences.models import Audience
from audiences.rules import builder
from audiences.rules.trees import Problem
from campaigns import launching, samples
from campaigns.forms import SenderForm, TimeForm, WhomForm, WorkflowForm
from campaigns.models import Campaign, LaunchDraft
from campaigns.start_form import NOW
from campaigns.starts import Schedule
from campaigns.terms import Terms
from common import clock
from common.htmx import version_of
from integrations.models import SendingNumber

MOST_LETTERS, MOST_VALUES = 500, 1000
CLOSE_SHARE, CLOSE_CONTACTS = 0.05, 50  # how much an audience may change between review and launch
TYPED_ABOVE = 5_000  # more contacts than this are sent to only after the number was typed


@dataclass(frozen=True)
class Stage:
    """One page of the creation modal."""

    slug: str
    title: str
    heading: str
    form: type[Any] | None = None


REVIEW = "review"
STAGES: dict[str, Stage] = {
    stage.slug: stage
    for stage in (
        Stage("workflow", "Workflow", "What do you want to send?", WorkflowForm),
        Stage("audience", "Audience", "Who should get it?", WhomForm),
        Stage("sender", "Sender", "Which number sends it?", SenderForm),
        Stage("time", "Time", "When does it start?", TimeForm),
        Stage(REVIEW, "Review", "Check it, then send"),
    )
}
ORDER = list(STAGES)


def open_for(account: Account, user: User) -> LaunchDraft:
    """The person's one open draft in this account, an empty one where there is none."""
    return LaunchDraft.objects.get_or_create(account=account, user=user)[0]


def keep(draft: LaunchDraft, stage: str, data: QueryDict, *, now: datetime) -> LaunchDraft | None:
    """Store what was typed at a stage, right or wrong; None where the draft is gone meanwhile."""
    form = STAGES[stage].form
    with transaction.atomic():
        locked = LaunchDraft.objects.select_for_update().filter(pk=draft.pk, token=draft.token).first()
        if locked is not None and form is not None:
            locked.fields |= _typed(form(account=locked.account, now=now), data)
            locked.updated_at = now
            locked.save(update_fields=["fields", "updated_at"])
    return locked


def reshape(draft: LaunchDraft, rules: dict[str, Any], *, now: datetime) -> None:
    """Store rules whose shape has changed; nothing where the draft is gone meanwhile."""
    with transaction.atomic():
        locked = LaunchDraft.objects.select_for_update().filter(pk=draft.pk, token=draft.token).first()
        if locked is not None:
            locked.fields["targeting"], locked.updated_at = rules, now
            locked.save(update_fields=["fields", "updated_at"])


def _typed(form: Form, data: QueryDict) -> dict[str, Any]:
    return {name: _of_field(field, name, data) for name, field in form.fields.items()}


def _of_field(field: Field, name: str, data: QueryDict) -> Any:
    if isinstance(field, RulesField):
        rules = builder.typed(data)
        return rules if builder.asks(rules) else {}
    if isinstance(field, MultipleChoiceField | ModelMultipleChoiceField):
        return [_kept(value) for value in data.getlist(name)[:MOST_VALUES] if value]
    return _kept(data.get(name, ""))


def _kept(value: str) -> str:
    return value.replace("\0", "")[:MOST_LETTERS]  # the database keeps no NUL


def discard(draft: LaunchDraft) -> None:
    """Forget a draft, launched or not wanted any more."""
    LaunchDraft.objects.filter(pk=draft.pk).delete()


@transaction.atomic
def launch(plan: Plan, *, by: User) -> Campaign:
    """Launch a draft and forget it, both or neither. Raises LaunchRefused; the draft then stays.

    A draft that outlived its launch would send whatever is typed into it next to that same campaign.
    """
    campaign = launching.launch(
        plan.draft.account, plan.to_launch(), by=by, now=plan.now, at=plan.at, hold=launching.UNDO
    )
    discard(plan.draft)
    return campaign


def launched_with(account: Account, token: str) -> Campaign | None:
    """The campaign that a token has already become."""
    try:
        return Campaign.objects.filter(account=account, launch_token=UUID(token)).first()
    except ValueError:
        return None


def take_numbers(draft: LaunchDraft, numbers: Sequence[str], *, now: datetime) -> None:
    """Send from these numbers instead; what is wrong with them their stage says. Nothing where the draft is
    gone meanwhile."""
    with transaction.atomic():
        locked = LaunchDraft.objects.select_for_update().filter(pk=draft.pk, token=draft.token).first()
        if locked is not None:
            locked.fields["number"] = [_kept(value) for value in numbers[:MOST_VALUES]]
            locked.updated_at = now
            locked.save(update_fields=["fields", "updated_at"])


def fill(draft: LaunchDraft, fields: dict[str, Any]) -> None:
    """Begin a draft with these fields."""
    draft.fields, draft.stage, draft.updated_at = fields, "", clock.now()
    LaunchDraft.objects.filter(pk=draft.pk).update(
        fields=draft.fields, stage=draft.stage, updated_at=draft.updated_at
    )


class Plan:
    """A draft as it stands: its forms, what they hold, and which stages may be visited."""

    def __init__(self, draft: LaunchDraft, *, now: datetime) -> None:
        self.draft = draft
        self.now = now

    @cached_property
    def forms(self) -> dict[str, Form]:
        """The form of every stage, bound to what was typed and validated."""
        found = {
            stage.slug: stage.form(self.draft.fields, account=self.draft.account, now=self.now)
            for stage in STAGES.values()
            if stage.form
        }
        for form in found.values():
            form.is_valid()
        return found

    def unbound(self, stage: str) -> Form | None:
        """The form of a stage to be filled in, with what was typed, and no errors yet."""
        form = STAGES[stage].form
        return form(initial=self._initial(), account=self.draft.account, now=self.now) if form else None

    def _initial(self) -> dict[str, Any]:
        return {key: value for key, value in self.draft.fields.items() if value not in ("", [])}

    def done(self, stage: str) -> bool:
        """Whether a stage holds."""
        return stage in self.forms and self.forms[stage].is_valid()

    def reachable(self, stage: str) -> bool:
        """Whether all stages before it hold."""
        return all(self.done(before) for before in ORDER[: ORDER.index(stage)])

    def furthest(self) -> str:
        """The last stage that may be visited."""
        return [stage for stage in ORDER if self.reachable(stage)][-1]

    def resume_at(self) -> str:
        """Where the person goes on: where they were, if that still may be visited."""
        last = self.draft.stage
        return last if last in STAGES and self.reachable(last) else self.furthest()

    def overtaken(self, stage: str) -> Form | None:
        """The form of a stage with what is wrong in it, where the person was beyond it already: what they
        chose has gone or passed since, and they are led back. None where there is nothing to be told."""
        last = self.draft.stage
        beyond = last in STAGES and ORDER.index(last) > ORDER.index(stage)
        return self.forms[stage] if beyond and stage in self.forms and not self.done(stage) else None

    def chosen(self, name: str) -> Any:
        """A valid value of any stage, else None."""
        for form in self.forms.values():
            if name in form.fields:
                return form.cleaned_data.get(name) or None
        return None

    @property
    def numbers(self) -> list[SendingNumber]:
        """The numbers it would send from, as far as they are valid."""
        return list(self.chosen("number") or ())

    @property
    def rules(self) -> dict[str, Any]:
        """The rules that narrow the audience, where they have a meaning."""
        return dict(self.chosen("targeting") or {})

    @property
    def rules_typed(self) -> dict[str, Any]:
        """These rules as they were typed, right or wrong."""
        kept = self.draft.fields.get("targeting")
        return kept if isinstance(kept, dict) and kept else builder.nothing()

    @property
    def rule_problems(self) -> list[Problem]:
        """What is wrong with them, and where."""
        form = self.forms["audience"]
        assert isinstance(form, WhomForm)
        return form.rules.problems

    @property
    def at(self) -> datetime | None:
        """When it starts; None for at once. By customers' clocks, when it does for the first of them."""
        if self.chosen("start") == NOW or self.chosen("start") is None:
            return None
        schedule = self.schedule
        by_clocks = schedule is not None and schedule.local
        return schedule.moment(self.draft.account) if schedule and by_clocks else self.chosen("starts_at")

    @cached_property
    def schedule(self) -> Schedule | None:
        """What clocks show, where those of customers count or it comes round again."""
        form = self.forms["time"]
        assert isinstance(form, TimeForm)
        return form.schedule()

    @property
    def terms(self) -> Terms:
        """The terms, as far as they are valid."""
        form = self.forms["time"]
        assert isinstance(form, TimeForm)
        return form.terms()

    @property
    def later(self) -> bool:
        """Whether it is scheduled, and not sent at once."""
        return self.chosen("start") not in (None, NOW)

    def preview(self) -> samples.Preview | None:
        """Whom it would reach and how long that takes, evaluated now; None before there is an audience.

        Rules without a meaning reach nobody, and say so.
        """
        audience: Audience | None = self.chosen("audience")
        if audience is None:
            return None
        if self.rule_problems:
            return samples.Preview(errors=tuple(problem.words for problem in self.rule_problems))
        return samples.preview(
            self.draft.account,
            audience=audience,
            targeting=self.rules,
            version=self.chosen("workflow"),
            number=next(iter(self.numbers), None),
            now=self.now,
            at=self.at,
            terms=self.terms,
            others=self.numbers[1:],
        )

    @property
    def fingerprint(self) -> str:
        """Stands for everything that would be launched: what was reviewed is what is sent, or nothing is."""
        audience: Audience | None = self.chosen("audience")
        rows = [getattr(self.chosen(name), "pk", None) for name in ("workflow", "audience", "playbook")] + [
            number.pk for number in self.numbers
        ]
        account = self.draft.account
        rules = [segments.frozen(account, one) for one in (audience.rules if audience else None, self.rules)]
        schedule = None if self.chosen("start") == NOW else self.schedule  # else it changes by the minute
        again = (self.chosen("repeats"), self.chosen("repeats_every"), self.chosen("repeats_until"))
        return version_of((self.chosen("name"), rows, rules, self.at, self.terms, schedule, again))

    def to_launch(self) -> launching.Draft:
        """What `launching.launch` takes. Only where the review may be visited."""
        return launching.Draft(
            name=self.chosen("name"),
            version=self.chosen("workflow"),
            audience=self.chosen("audience"),
            number=self.numbers[0],
            targeting=self.rules,
            playbook=self.chosen("playbook"),
            terms=self.terms,
            schedule=self.schedule,
            typed=self.draft.fields,
            token=self.draft.token,
            others=tuple(self.numbers[1:]),
        )


def review(plan: Plan, preview: samples.Preview) -> None:
    """Freeze the figures that a person is about to decide on."""
    draft = plan.draft
    draft.reviewed = {
        "matched": preview.matched, "admitted": preview.admitted, "excluded": list(preview.excluded),
        "plan": plan.fingerprint,
    }  # fmt: skip
    LaunchDraft.objects.filter(pk=draft.pk).update(reviewed=draft.reviewed)  # it may be launched meanwhile


def changed_much(reviewed: int, now: int) -> bool:
    """Whether an audience is no longer the one that was reviewed: by more than 50 contacts or 5%."""
    difference = abs(now - reviewed)
    return difference > CLOSE_CONTACTS or difference > CLOSE_SHARE * reviewed
