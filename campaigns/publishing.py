"""Making workflow versions and freezing them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from campaigns import destinations, graph
from campaigns.models import Edge, Node, Workflow, WorkflowVersion


class PublishRefused(Exception):
    """The version stays a draft; `errors` say what is wrong with it."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


@transaction.atomic
def draft(
    workflow: Workflow,
    *,
    nodes: Iterable[tuple[str, str, str, dict[str, Any]]],
    edges: Iterable[tuple[str, str, str]],
    by: User | None,
    now: datetime,
) -> WorkflowVersion:
    """A new draft version. `nodes` are (key, kind, name, settings), the first one first; `edges` are
    (source key, label, target key)."""
    last = workflow.versions.order_by("-number").first()
    version = WorkflowVersion.objects.create(
        workflow=workflow, number=last.number + 1 if last else 1, created_by=by, created_at=now
    )
    _draw(version, nodes, edges)
    return version


@transaction.atomic
def redraw(
    version: WorkflowVersion,
    *,
    nodes: Iterable[tuple[str, str, str, dict[str, Any]]],
    edges: Iterable[tuple[str, str, str]],
) -> None:
    """Let an unpublished version say this instead; of a published one the database refuses it."""
    Edge.objects.filter(version=version).delete()
    Node.objects.filter(version=version).delete()
    _draw(version, nodes, edges)


def _draw(
    version: WorkflowVersion,
    nodes: Iterable[tuple[str, str, str, dict[str, Any]]],
    edges: Iterable[tuple[str, str, str]],
) -> None:
    by_key = {
        key: Node.objects.create(
            version=version, key=key, kind=kind, name=name, settings=settings, position=position
        )
        for position, (key, kind, name, settings) in enumerate(nodes)
    }
    Edge.objects.bulk_create(
        Edge(version=version, source=by_key[source], label=label, target=by_key[target])
        for source, label, target in edges
    )


@transaction.atomic
def publish(version: WorkflowVersion, *, by: User | None, now: datetime) -> None:
    """Freeze a version, so that campaigns may run it. Raises PublishRefused; publishing twice is harmless.

    Whoever changes a draft or its words holds the workflow, too: what is checked here is what is frozen.
    """
    Workflow.objects.select_for_update(no_key=True).get(pk=version.workflow_id)
    locked = WorkflowVersion.objects.select_for_update(of=("self",)).select_related("workflow__account")
    version = locked.get(pk=version.pk)
    if version.published_at is not None:
        return
    if errors := graph.errors(version):
        raise PublishRefused(errors)
    version.published_at = now
    version.save(update_fields=["published_at"])
    account: Account = version.workflow.account
    destinations.ask_for(account, destinations.of_version(version), now=now)
    audit.record(account=account, by=by, verb="published", summary=f"Published {version}", on=version)
