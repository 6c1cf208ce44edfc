"""The draft of a workflow: what the editor shows, changed one operation at a time, undone, redone, published.

One truth: while the draft says something else than the version it was drawn over, structure, settings and
words are all edited in it. Otherwise the latest version stands, with the words that `campaigns.messages`
keeps drafted over it; the first operation takes those words over into the draft.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from campaigns import drawing, editing, message_words, publishing
from campaigns.drawing import Drawing, DrawnNode
from campaigns.models import (
    Edge,
    MessageDraft,
    Workflow,
    WorkflowDraft,
    WorkflowRevision,
    WorkflowVersion,
)

KEPT_REVISIONS = 300  # how far back somebody can undo
Operation = Callable[[Drawing], Drawing]


class NothingToPublish(Exception):
    """The draft says nothing else than the latest version."""


class NothingToUndo(Exception):
    """There is nothing before, or after, what the draft says."""


@dataclass(frozen=True)
class Draft:
    """A workflow as it is drawn at this moment. `version` is the latest, published or not; None for none."""

    workflow: Workflow
    version: WorkflowVersion | None
    drawn: Drawing
    published: Drawing  # what the latest version says
    revision: int = 0
    row: WorkflowDraft | None = None
    undoes: WorkflowRevision | None = None  # what undoing takes back
    redoes: WorkflowRevision | None = None

    @property
    def differs(self) -> bool:
        """Whether publishing would make anything new."""
        return self.drawn != self.published or (self.version is not None and not self.version.published_at)

    @property
    def number(self) -> int:
        """The number of the version that publishing makes."""
        if self.version is None:
            return 1
        return self.version.number + bool(self.version.published_at)


class Stale(Exception):
    """A colleague has edited since the revision that was seen. `meanwhile` says what, oldest first; `apart`
    whether the operation could still be done, and touches no step of theirs."""

    def __init__(self, draft: Draft, meanwhile: list[WorkflowRevision], *, apart: bool) -> None:
        super().__init__("changed by somebody else meanwhile")
        self.draft, self.meanwhile, self.apart = draft, meanwhile, apart


def drawn(version: WorkflowVersion) -> Drawing:
    """A version as a drawing. Two queries."""
    ways: dict[str, dict[str, str]] = {}
    rows = Edge.objects.filter(version=version).values_list("source__key", "label", "target__key")
    for source, label, target in rows:
        ways.setdefault(source, {})[label] = target
    nodes = [
        DrawnNode(node.key, node.kind, node.name, node.settings, ways.get(node.key, {}))
        for node in version.nodes.order_by("position", "pk")
    ]
    return drawing.of(nodes, nodes[0].key if nodes else "")


def latest(workflow: Workflow) -> WorkflowVersion | None:
    """The version that a draft stands over: the newest, published or not."""
    return workflow.versions.order_by("-number").first()


def of(workflow: Workflow) -> Draft:
    """The draft as it stands; a workflow that nobody has edited yet stands as its latest version."""
    return _standing(workflow, WorkflowDraft.objects.select_related("version").filter(pk=workflow.pk).first())


def is_open(workflow: Workflow) -> bool:
    """Whether the editor's draft says something else than the version it was drawn over, so that words are
    edited there."""
    row = WorkflowDraft.objects.select_related("version").filter(pk=workflow.pk).first()
    return row is not None and _is_open(row)


def differs(workflow: Workflow) -> WorkflowDraft | None:
    """The draft of a workflow, where it has anything unpublished; fetched with it (`draft__version`)."""
    row = getattr(workflow, "draft", None)
    return row if row is not None and _is_open(row) else None


def _is_open(row: WorkflowDraft) -> bool:
    return drawing.read(row.graph) != (drawn(row.version) if row.version else Drawing())


def _standing(workflow: Workflow, row: WorkflowDraft | None) -> Draft:
    version = latest(workflow)
    published = drawn(version) if version else Drawing()
    if row is None:
        return Draft(workflow, version, _with_words(workflow, published), published)
    here = row.revisions.filter(number=row.revision).first()
    near = row.revisions.filter(number__in=[here.forward or -1]).first() if here else None
    stands = drawing.read(row.graph) if _is_open(row) else _with_words(workflow, published)
    back = -1 if here is None or here.back is None else here.back
    undoes = here if row.revisions.filter(number=back).exists() else None
    return Draft(workflow, version, stands, published, row.revision, row, undoes, near)


def _with_words(workflow: Workflow, stands: Drawing) -> Drawing:
    """With the words that were drafted as messages."""
    drafts = {row.key: row.words for row in MessageDraft.objects.filter(workflow=workflow)}
    return drawing.of(
        [_reworded(node, drafts[node.key]) if node.key in drafts else node for node in stands.nodes],
        stands.first,
    )


def _reworded(node: DrawnNode, words: dict[str, str]) -> DrawnNode:
    if node.kind not in message_words.WORDED:
        return node
    stored = message_words.of(node.kind, node.settings)
    known = {name: str(value) for name, value in words.items() if name in stored}
    settings = message_words.settings_of(node.kind, stored | known, node.settings)
    return DrawnNode(node.key, node.kind, node.name, settings, node.ways)


@transaction.atomic
def apply(
    workflow: Workflow,
    operation: Operation,
    *,
    said: str,
    revision: int,
    by: User,
    now: datetime,
) -> Draft:
    """Do one operation and keep what comes of it. Raises Stale where a colleague has edited since `revision`,
    and what the operation raises. One that changes nothing leaves nothing behind."""
    draft = _locked(workflow)
    if meanwhile := _by_others(draft, revision, by):
        raise Stale(draft, meanwhile, apart=_apart(draft.drawn, operation, meanwhile))
    after = operation(draft.drawn)
    if after == draft.drawn:
        return draft
    return _add(draft, after, said=said, by=by, now=now)


@transaction.atomic
def undo(workflow: Workflow, *, revision: int, by: User, now: datetime) -> Draft:
    """Go back to what the draft said before the last operation. Raises Stale and NothingToUndo."""
    draft = _seen(workflow, revision, by)
    row, here = _row(draft), draft.undoes
    if here is None:
        raise NothingToUndo
    to = row.revisions.get(number=here.back or 0)
    return _go(draft, to, said=f"Undid: {here.said}", back=to.back, forward=here.number, by=by, now=now)


@transaction.atomic
def redo(workflow: Workflow, *, revision: int, by: User, now: datetime) -> Draft:
    """Take the last undoing back. Raises Stale and NothingToUndo."""
    draft = _seen(workflow, revision, by)
    to = draft.redoes
    if to is None:
        raise NothingToUndo
    return _go(draft, to, said=to.said, back=draft.revision, forward=to.forward, by=by, now=now)


@transaction.atomic
def publish(workflow: Workflow, *, revision: int, by: User, now: datetime) -> WorkflowVersion:
    """Freeze what the draft says as a version, in one transaction; the draft goes on from it. Raises Stale
    where it is no longer what was seen, by whomever, NothingToPublish, and PublishRefused."""
    draft = _locked(workflow)
    if draft.revision != revision:
        raise Stale(draft, _since(draft, revision), apart=False)
    if not draft.differs:
        raise NothingToPublish
    version = draft.version
    if version is None or version.published_at is not None:
        version = publishing.draft(
            workflow, nodes=_rows(draft.drawn), edges=draft.drawn.edges(), by=by, now=now
        )
    elif draft.drawn != draft.published:
        publishing.redraw(version, nodes=_rows(draft.drawn), edges=draft.drawn.edges())
    publishing.publish(version, by=by, now=now)
    MessageDraft.objects.filter(workflow=workflow).delete()
    WorkflowDraft.objects.filter(pk=workflow.pk).update(version=version, graph=draft.drawn.stored())
    version.refresh_from_db()
    return version


def _rows(drawn: Drawing) -> list[tuple[str, str, str, dict[str, object]]]:
    return [(node.key, node.kind, node.name, dict(node.settings)) for node in drawn.nodes]


def _locked(workflow: Workflow) -> Draft:
    """The draft, while nobody else changes it or the words over the version."""
    locked = Workflow.objects.select_for_update(no_key=True, of=("self",)).select_related("account")
    return of(locked.get(pk=workflow.pk))


def _seen(workflow: Workflow, revision: int, by: User) -> Draft:
    draft = _locked(workflow)
    if meanwhile := _by_others(draft, revision, by):
        raise Stale(draft, meanwhile, apart=False)
    return draft


def _since(draft: Draft, revision: int) -> list[WorkflowRevision]:
    rows = WorkflowRevision.objects.filter(draft_id=draft.workflow.pk, number__gt=revision)
    return list(rows.select_related("by").order_by("number"))


def _by_others(draft: Draft, revision: int, by: User) -> list[WorkflowRevision]:
    """What was done since, if any of it was by somebody else."""
    found = _since(draft, revision) if revision != draft.revision else []
    return found if any(row.by_id != by.pk for row in found) else []


def _apart(drawn: Drawing, operation: Operation, meanwhile: list[WorkflowRevision]) -> bool:
    try:
        touched = drawing.changed(drawn, operation(drawn))
    except editing.Impossible:
        return False
    return not touched & {key for row in meanwhile for key in row.touched}


def _row(draft: Draft) -> WorkflowDraft:
    if draft.row is None:
        raise NothingToUndo
    return draft.row


def _add(draft: Draft, after: Drawing, *, said: str, by: User, now: datetime) -> Draft:
    row = _taken_over(draft, by=by, now=now)
    _append(row, after, said=said, back=row.revision, forward=None, by=by, now=now)
    return of(draft.workflow)


def _taken_over(draft: Draft, *, by: User, now: datetime) -> WorkflowDraft:
    """The draft's row, saying what was shown: the latest version, and the words drafted over it."""
    row = draft.row
    if row is None:
        row = WorkflowDraft(
            workflow=draft.workflow, version=draft.version, graph=draft.drawn.stored(), changed_by=by,
            changed_at=now,
        )  # fmt: skip
        row.save(force_insert=True)
        WorkflowRevision.objects.create(
            draft=row, number=0, graph=row.graph, said=str(draft.version or "Nothing"), by=by, at=now
        )
    elif drawing.read(row.graph) != draft.drawn:
        row.version = draft.version
        _append(row, draft.drawn, said=f"Took over {draft.version}", back=row.revision, forward=None, by=by,
                now=now)  # fmt: skip
    MessageDraft.objects.filter(workflow=draft.workflow).delete()
    return row


def _go(
    draft: Draft,
    to: WorkflowRevision,
    *,
    said: str,
    back: int | None,
    forward: int | None,
    by: User,
    now: datetime,
) -> Draft:
    row = _row(draft)
    _append(row, drawing.read(to.graph), said=said, back=back, forward=forward, by=by, now=now)
    return of(draft.workflow)


def _append(
    row: WorkflowDraft,
    after: Drawing,
    *,
    said: str,
    back: int | None,
    forward: int | None,
    by: User,
    now: datetime,
) -> None:
    touched = sorted(drawing.changed(drawing.read(row.graph), after))
    row.graph, row.revision = after.stored(), row.revision + 1
    row.changed_by, row.changed_at = by, now
    row.save()
    WorkflowRevision.objects.create(
        draft=row, number=row.revision, graph=row.graph, said=said[:200], touched=touched, back=back,
        forward=forward, by=by, at=now,
    )  # fmt: skip
    row.revisions.filter(number__lte=row.revision - KEPT_REVISIONS).delete()
