"""The draft of a workflow: what the editor shows, changed one operation at a time, undone, redone, published.

One truth: while the draft says something else than the version it was drawn over, structure, settings and
words are all edited in it. Otherwise the latest version stands, with the words that `campaigns.messages`
keeps drafted over it; the first operation takes those words over into the draft.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from accounts.models import User
from campaigns import drawing, editing, message_words, publishing, workflow_history
from campaigns.drawing import Drawing, DrawnNode
from campaigns.models import (
    Edge,
    MessageDraft,
    Workflow,
    WorkflowDraft,
    WorkflowRevision,
    WorkflowVersion,
)
from campaigns.workflow_history import Edit, Overlaid

KEPT_REVISIONS = 300  # how far back somebody can undo
Operation = Callable[[Drawing], Drawing]


class NothingToPublish(Exception):
    """The draft says nothing else than the latest version."""


class OpenInEditor(Exception):
    """The editor's draft says more than the version that was asked for."""


class NothingToUndo(Exception):
    """Who asks has done nothing that could be taken back, or done again."""


@dataclass(frozen=True)
class Draft:
    """A workflow as it is drawn at this moment. `version` is the latest, published or not; None for none.
    `meanwhile`: what others did that who just edited had not seen, and that stands beside it."""

    workflow: Workflow
    version: WorkflowVersion | None
    drawn: Drawing
    published: Drawing  # what the latest version says
    revision: int = 0
    row: WorkflowDraft | None = None
    meanwhile: tuple[WorkflowRevision, ...] = ()

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

    @property
    def called(self) -> str:
        """What a draft that differs is called: by the version it becomes, once there are versions."""
        return "Draft, never published" if self.number == 1 else f"Draft of version {self.number}"


class Stale(Exception):
    """Somebody else has edited since the revision that was seen, or the same person in another tab, and both
    edits cannot stand. `meanwhile` says what was done, oldest first."""

    def __init__(self, draft: Draft, meanwhile: list[WorkflowRevision]) -> None:
        super().__init__("changed by somebody else meanwhile")
        self.draft, self.meanwhile = draft, meanwhile


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
    stands = drawing.read(row.graph) if _is_open(row) else _with_words(workflow, published)
    return Draft(workflow, version, stands, published, row.revision, row)


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
    tab: str = "",
) -> Draft:
    """Do one operation and keep what comes of it. Where somebody else has edited since `revision`, both edits
    stand; raises Stale where they cannot, and what the operation raises. One that changes nothing leaves
    nothing behind."""
    draft = _locked(workflow)
    meanwhile = _by_others(draft, revision, by, tab)
    after = _beside(draft, operation, meanwhile) if meanwhile else operation(draft.drawn)
    if after != draft.drawn:
        draft = _add(draft, after, said=said, by=by, now=now, tab=tab)
    return replace(draft, meanwhile=tuple(meanwhile))


@transaction.atomic
def undo(workflow: Workflow, *, revision: int, by: User, now: datetime, tab: str = "") -> Draft:
    """Take back the last edit that this person did, whatever others did since. Raises NothingToUndo, Overlaid
    where somebody has changed the same since, and Stale where this person did more in another tab."""
    draft = _seen(workflow, revision, by, tab)
    edit = workflow_history.own(workflow.pk, by).undo
    if edit is None:
        raise NothingToUndo
    before, after = workflow_history.around(workflow.pk, edit)
    goes = workflow_history.patched(draft.drawn, after, before)
    return _add(draft, goes, said=f"Undid: {edit.said}", by=by, now=now, tab=tab, undid=edit)


@transaction.atomic
def redo(workflow: Workflow, *, revision: int, by: User, now: datetime, tab: str = "") -> Draft:
    """Do again what this person took back last. Raises what `undo` does."""
    draft = _seen(workflow, revision, by, tab)
    edit = workflow_history.own(workflow.pk, by).redo
    if edit is None:
        raise NothingToUndo
    before, after = workflow_history.around(workflow.pk, edit)
    comes = workflow_history.patched(draft.drawn, before, after)
    return _add(draft, comes, said=edit.said, by=by, now=now, tab=tab, redid=edit)


@transaction.atomic
def publish(workflow: Workflow, *, revision: int, by: User, now: datetime) -> WorkflowVersion:
    """Freeze what the draft says as a version, in one transaction; the draft goes on from it. Raises Stale
    where it is no longer what was seen, by whomever, NothingToPublish, and PublishRefused."""
    draft = _locked(workflow)
    if draft.revision != revision:
        raise Stale(draft, since(draft, revision))
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


@transaction.atomic
def publish_version(version: WorkflowVersion, *, by: User, now: datetime) -> None:
    """Freeze a version that is there, as it is. Raises OpenInEditor where it would freeze what the editor has
    overtaken, and PublishRefused."""
    workflow = Workflow.objects.select_for_update(no_key=True).get(pk=version.workflow_id)
    if is_open(workflow):
        raise OpenInEditor
    publishing.publish(version, by=by, now=now)


def _rows(drawn: Drawing) -> list[tuple[str, str, str, dict[str, object]]]:
    return [(node.key, node.kind, node.name, dict(node.settings)) for node in drawn.nodes]


def _locked(workflow: Workflow) -> Draft:
    """The draft, while nobody else changes it or the words over the version."""
    locked = Workflow.objects.select_for_update(no_key=True, of=("self",)).select_related("account")
    return of(locked.get(pk=workflow.pk))


def _seen(workflow: Workflow, revision: int, by: User, tab: str) -> Draft:
    draft = _locked(workflow)
    meanwhile = _by_others(draft, revision, by, tab)
    if any(row.by_id == by.pk and row.tab != tab for row in meanwhile):
        raise Stale(draft, meanwhile)
    return draft


def since(draft: Draft, revision: int) -> list[WorkflowRevision]:
    """What was done after a revision, oldest first."""
    rows = WorkflowRevision.objects.filter(draft_id=draft.workflow.pk, number__gt=revision)
    return list(rows.select_related("by").order_by("number"))


def _by_others(draft: Draft, revision: int, by: User, tab: str) -> list[WorkflowRevision]:
    """What was done since, if any of it was by somebody else or in another tab. What this tab did first was
    seen: only its answer is not there yet. So was what it took over, which is nobody's edit."""
    found = since(draft, revision) if revision != draft.revision else []
    while found and found[0].by_id in (by.pk, None) and found[0].tab == tab:
        found = found[1:]
    return found


def _beside(draft: Draft, operation: Operation, meanwhile: list[WorkflowRevision]) -> Drawing:
    """What comes of an operation on what was seen, with what others did since. Raises Stale."""
    seen = WorkflowRevision.objects.filter(draft_id=draft.workflow.pk, number=meanwhile[0].number - 1).first()
    try:
        if seen is None:  # further back than revisions are kept
            raise Overlaid([])
        before = drawing.read(seen.graph)
        return workflow_history.patched(draft.drawn, before, operation(before))
    except (Overlaid, editing.Impossible):
        raise Stale(draft, meanwhile) from None


def _add(
    draft: Draft,
    after: Drawing,
    *,
    said: str,
    by: User,
    now: datetime,
    tab: str,
    undid: Edit | None = None,
    redid: Edit | None = None,
) -> Draft:
    row = _taken_over(draft, by=by, now=now, tab=tab)
    row.changed_by = by
    _append(
        row, after, said=said, by=by, now=now, tab=tab,
        undid=undid.number if undid else None, redid=redid.number if redid else None,
    )  # fmt: skip
    return of(draft.workflow)


def _taken_over(draft: Draft, *, by: User, now: datetime, tab: str) -> WorkflowDraft:
    """The draft's row, saying what was shown: the latest version, and the words drafted over it. To take that
    over is nobody's edit, so that nobody takes it back."""
    row = draft.row
    if row is None:
        row = WorkflowDraft(
            workflow=draft.workflow, version=draft.version, graph=draft.drawn.stored(), changed_by=by,
            changed_at=now,
        )  # fmt: skip
        row.save(force_insert=True)
        WorkflowRevision.objects.create(
            draft=row, number=0, graph=row.graph, said=str(draft.version or "Nothing"), by=by, at=now, tab=tab
        )
    elif drawing.read(row.graph) != draft.drawn:
        row.version = draft.version
        _append(row, draft.drawn, said=f"Took over {draft.version}", by=None, now=now, tab=tab)
    MessageDraft.objects.filter(workflow=draft.workflow).delete()
    return row


def _append(
    row: WorkflowDraft,
    after: Drawing,
    *,
    said: str,
    by: User | None,
    now: datetime,
    tab: str,
    undid: int | None = None,
    redid: int | None = None,
) -> None:
    row.graph, row.revision, row.changed_at = after.stored(), row.revision + 1, now
    row.save()
    WorkflowRevision.objects.create(
        draft=row, number=row.revision, graph=row.graph, said=said[:200], undid=undid, redid=redid, by=by,
        at=now, tab=tab,
    )  # fmt: skip
    row.revisions.filter(number__lte=row.revision - KEPT_REVISIONS).delete()
