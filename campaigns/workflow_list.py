"""Workflows as a whole: begun blank, from a file or from another, renamed, archived and brought back."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Account, User
from campaigns import workflow_drafts, workflow_files
from campaigns.drawing import Drawing
from campaigns.models import Workflow

LONGEST_NAME = 120


class NameTaken(Exception):
    """Another workflow of the account has that name."""


def free_name(account: Account, name: str) -> str:
    """This name, or with the first number that is free behind it."""
    taken = set(Workflow.objects.filter(account=account).values_list("name", flat=True))
    names = (name if n == 1 else f"{name[: LONGEST_NAME - 5]} {n}" for n in range(1, len(taken) + 2))
    return next(free for free in names if free not in taken)


@transaction.atomic
def begin(
    account: Account,
    name: str,
    drawn: Drawing,
    *,
    by: User,
    now: datetime,
    description: str = "",
    said: str = "Began it",
) -> Workflow:
    """A new workflow under a name that is free, with a draft that says this; nothing is published."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # two at once would choose one name
    made = Workflow.objects.create(
        account=account, name=free_name(account, name[:LONGEST_NAME]), description=description,
        created_by=by, created_at=now,
    )  # fmt: skip
    workflow_drafts.apply(made, lambda _: drawn, said=said, revision=0, by=by, now=now)
    audit.record(account=account, by=by, verb="began_workflow", summary=f"Began {made.name}", on=made)
    return made


def clone(workflow: Workflow, *, by: User, now: datetime) -> Workflow:
    """A new workflow that says what this one's draft says, with steps of its own."""
    drawn = workflow_files.renamed(workflow_drafts.of(workflow).drawn)
    return begin(
        workflow.account, f"Copy of {workflow.name}", drawn, by=by, now=now,
        description=workflow.description, said=f"Copied {workflow.name}"[:200],
    )  # fmt: skip


@transaction.atomic
def rename(workflow: Workflow, name: str, description: str, *, by: User) -> None:
    """Another name and description; campaigns that ran it show it under the new one. Raises NameTaken."""
    before = workflow.name
    workflow.name, workflow.description = name[:LONGEST_NAME], description[:1_000]
    try:
        with transaction.atomic():
            workflow.save(update_fields=["name", "description"])
    except IntegrityError:
        raise NameTaken from None
    if before != workflow.name:
        audit.record(
            account=workflow.account, by=by, verb="renamed_workflow",
            summary=f"Renamed {before} to {workflow.name}", on=workflow,
        )  # fmt: skip


@transaction.atomic
def archive(workflow: Workflow, *, by: User, now: datetime) -> None:
    """Out of the list and of what can be launched; running campaigns go on."""
    if Workflow.objects.filter(pk=workflow.pk, archived_at__isnull=True).update(archived_at=now):
        audit.record(
            account=workflow.account, by=by, verb="archived_workflow", summary=f"Archived {workflow.name}",
            on=workflow,
        )  # fmt: skip


@transaction.atomic
def bring_back(workflow: Workflow, *, by: User) -> None:
    """Into the list again."""
    if Workflow.objects.filter(pk=workflow.pk, archived_at__isnull=False).update(archived_at=None):
        audit.record(
            account=workflow.account, by=by, verb="archived_workflow",
            summary=f"Brought {workflow.name} back", on=workflow,
        )  # fmt: skip


def listed(rows: QuerySet[Workflow], *, archived: bool) -> QuerySet[Workflow]:
    """Those of the list, or of the archive, with their drafts."""
    found = rows.filter(archived_at__isnull=not archived).order_by("name", "pk")
    return found.select_related("draft__changed_by", "draft__version")
