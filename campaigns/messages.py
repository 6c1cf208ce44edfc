"""Editing the words of a workflow: drafts of what it sends and says on the phone, kept while they are typed,
published together.

The drafts stand over the latest version, and only while the editor has nothing unpublished of its own
(`campaigns/workflow_drafts.py`), which takes them over. Publishing makes a new one with their words, or
changes the latest where nobody has published it yet; whatever runs keeps the version it began with.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from accounts import audit
from accounts.models import User
from campaigns import message_words, publishing, workflow_drafts
from campaigns.message_words import WORDED
from campaigns.models import Edge, MessageDraft, Node, Workflow, WorkflowVersion
from common.htmx import version_of
from conversations import media
from conversations.models import MediaFile

_WORDS = re.compile(r"\{\{.*?\}\}|\s+|[^\s{]+|\{")  # a merge field is one word


class Overtaken(Exception):
    """Somebody else, or the same person in another tab, has changed the same words meanwhile; `draft` is
    theirs, None where it is gone."""

    def __init__(self, draft: MessageDraft | None) -> None:
        super().__init__("changed by somebody else meanwhile")
        self.draft = draft


class InEditor(Exception):
    """The workflow's steps are being edited, and its words with them: they are written in the editor."""


class NothingToPublish(Exception):
    """No draft says anything else than the latest version."""


class Piece(NamedTuple):
    """A stretch of words in a comparison: `same`, `gone` or `new`."""

    kind: str
    words: str
    file: MediaFile | None = None  # where it is a picture, or another file; `words` are its name


class Change(NamedTuple):
    """One field of a message that was changed, as pieces of what was and is."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Message:
    """One node that sends or calls, with the words that a new version would have."""

    node: Node
    words: dict[str, str]
    draft: MessageDraft | None = None

    @property
    def revision(self) -> int:
        """Of the draft; 0 where there is none."""
        return self.draft.revision if self.draft else 0

    @property
    def settings(self) -> dict[str, Any]:
        """The node's settings with these words."""
        return message_words.settings_of(self.node.kind, self.words, self.node.settings)

    @property
    def changes(self) -> list[Change]:
        """What a new version would say otherwise, field by field."""
        before = message_words.of(self.node.kind, self.node.settings)
        after = message_words.of(self.node.kind, self.settings)
        return [
            Change(part.label, self._compared(part, before[part.name], after[part.name]))
            for part in message_words.parts(self.node.kind)
            if before[part.name] != after[part.name]
        ]

    def _compared(self, part: message_words.Part, before: str, after: str) -> tuple[Piece, ...]:
        if part.switch:
            return Piece("gone", before), Piece("same", " "), Piece("new", after)
        if part.name != message_words.MEDIA:
            return compared(before, after)
        was, will_be = before.split(","), after.split(",")
        account = self.node.version.workflow.account
        return tuple(
            Piece(_kind(str(file.pk), was, will_be), file.name, file)
            for file in media.chosen(account, [*was, *will_be])
        )

    @property
    def problems(self) -> dict[str, list[str]]:
        """What is wrong with the words, by field."""
        return message_words.problems(self.node, self.words)


def latest(workflow: Workflow) -> WorkflowVersion | None:
    """The version that drafts stand over: the newest, published or not."""
    return workflow.versions.order_by("-number").first()


def of(version: WorkflowVersion) -> list[Message]:
    """Every node of a version that sends or calls, in its order, with what is drafted over the latest. Two
    queries."""
    rows = MessageDraft.objects.filter(workflow=version.workflow_id).select_related("changed_by")
    drafts = {row.key: row for row in rows}
    nodes = version.nodes.filter(kind__in=WORDED).order_by("position", "pk")
    return [_message(node, drafts.get(node.key)) for node in nodes]


def one(version: WorkflowVersion, key: str) -> Message | None:
    """One such node of a version; None where there is no such."""
    return next((message for message in of(version) if message.node.key == key), None)


def _message(node: Node, draft: MessageDraft | None) -> Message:
    stored = message_words.of(node.kind, node.settings)
    return Message(node, stored | _known(draft.words, stored) if draft else stored, draft)


def _known(words: Mapping[str, Any], stored: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in words.items() if name in stored}


@transaction.atomic
def keep(
    workflow: Workflow,
    message: Message,
    words: Mapping[str, str],
    *,
    revision: int,
    by: User,
    now: datetime,
    tab: str = "",
) -> Message:
    """Keep what is typed. Raises Overtaken where it was changed since `revision` by somebody else, or by the
    same person in another tab, or has been published or thrown away; and InEditor where the words are the
    editor's by now.

    Words equal to the version's leave no draft behind.
    """
    Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
    if workflow_drafts.is_open(workflow):
        raise InEditor
    draft = MessageDraft.objects.select_related("changed_by").filter(workflow=workflow, key=message.node.key)
    present = draft.first()
    by_another = present is None or (present.changed_by_id, present.tab) != (by.pk, tab)
    if (present.revision if present else 0) != revision and by_another:
        raise Overtaken(present)
    kept = message.words | _known(words, message.words)
    if kept == message_words.of(message.node.kind, message.node.settings) and present is None:
        return Message(message.node, kept)
    if present is None:
        present = MessageDraft(workflow=workflow, key=message.node.key, revision=0)
    present.words, present.revision = kept, present.revision + 1
    present.changed_by, present.changed_at, present.tab = by, now, tab
    present.save()
    return Message(message.node, kept, present)


def discard(workflow: Workflow, key: str) -> None:
    """Forget what was drafted for one node."""
    MessageDraft.objects.filter(workflow=workflow, key=key).delete()


def fingerprint(version: WorkflowVersion, messages: list[Message]) -> str:
    """Stands for what would be published: what was looked at is published, or nothing is."""
    return version_of((version.pk, [(each.node.key, each.revision) for each in messages]))


@transaction.atomic
def publish(workflow: Workflow, *, seen: str, by: User, now: datetime) -> WorkflowVersion:
    """Freeze a version with the drafted words and forget the drafts. Raises Overtaken where they are no
    longer those that were `seen`, NothingToPublish, and PublishRefused with what is wrong."""
    Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
    version = latest(workflow)
    messages = of(version) if version else []
    if version is None or fingerprint(version, messages) != seen:
        raise Overtaken(None)
    changed = [message for message in messages if message.changes]
    if not changed:
        raise NothingToPublish
    if errors := [words for message in changed for words in _in_words(message)]:
        raise publishing.PublishRefused(errors)
    made = _reworded(version, {message.node.key: message.settings for message in changed}, by=by, now=now)
    publishing.publish(made, by=by, now=now)
    audit.record(
        account=workflow.account, by=by, verb="reworded", on=made,
        summary=f"Changed the words of {_named(changed)} in {made}",
        detail={message.node.key: _in_detail(message) for message in changed},
    )  # fmt: skip
    MessageDraft.objects.filter(workflow=workflow).delete()
    return WorkflowVersion.objects.select_related("workflow").get(pk=made.pk)


def _reworded(
    version: WorkflowVersion, settings: Mapping[str, dict[str, Any]], *, by: User, now: datetime
) -> WorkflowVersion:
    """The version itself where nobody has published it, else a copy; with these settings of its nodes."""
    nodes = list(version.nodes.order_by("position", "pk"))
    if version.published_at is None:
        for node in nodes:
            if node.key in settings:
                node.settings = settings[node.key]
                node.save(update_fields=["settings"])
        return version
    edges = Edge.objects.filter(version=version).values_list("source__key", "label", "target__key")
    return publishing.draft(
        version.workflow,
        nodes=[(node.key, node.kind, node.name, settings.get(node.key, node.settings)) for node in nodes],
        edges=list(edges), by=by, now=now,
    )  # fmt: skip


def _in_words(message: Message) -> list[str]:
    labels = {part.name: f"{part.label}: " for part in message_words.parts(message.node.kind)}
    return [
        f"“{message.node.name}”: {labels.get(name, '')}{words}"
        for name, found in message.problems.items()
        for words in found
    ]


def _named(messages: list[Message]) -> str:
    return ", ".join(f"“{message.node.name}”" for message in messages)


def _in_detail(message: Message) -> dict[str, list[str]]:
    before = message_words.of(message.node.kind, message.node.settings)
    after = message_words.of(message.node.kind, message.settings)
    return {name: [before[name], after[name]] for name in before if before[name] != after[name]}


def _kind(one: str, before: Sequence[str], after: Sequence[str]) -> str:
    if one in before and one in after:
        return "same"
    return "new" if one in after else "gone"


def compared(before: str, after: str) -> tuple[Piece, ...]:
    """What was and what is, word by word."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(old[a:b])))
            continue
        if a < b:
            pieces.append(Piece("gone", "".join(old[a:b])))
        if c < d:
            pieces.append(Piece("new", "".join(new[c:d])))
    return tuple(pieces)
