"""Who did what to a workflow's draft: what each person may take back, and how two people's edits go together.

Undoing is for one's own edits, whatever colleagues did since. It puts back what the edit changed, part by
part of a step, and leaves all else as it is; where somebody changed the same part since, it is refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from accounts.models import User
from campaigns import drawing
from campaigns.drawing import Drawing, DrawnNode
from campaigns.models import WorkflowRevision

_NOT_THERE = object()
_Part = tuple[str, str]


class Overlaid(Exception):
    """A change cannot be made any more without losing another; `names` are of the steps that both concern."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(set(names))
        super().__init__(f"changed twice: {', '.join(self.names)}")


class Edit(NamedTuple):
    """Something that somebody did to a draft, and the revision it made."""

    number: int
    said: str


class Own(NamedTuple):
    """What one person would take back, and do again, next."""

    undo: Edit | None = None
    redo: Edit | None = None


def own(workflow_id: int, by: User) -> Own:
    """A person's own next steps back and forward in a draft. What lies further back than revisions are kept
    cannot be taken back. One query."""
    rows = WorkflowRevision.objects.filter(draft=workflow_id).order_by("number")
    done, undone, before = list[Edit](), list[Edit](), -1
    for number, said, undid, redid, whose in rows.values_list("number", "said", "undid", "redid", "by"):
        there = before == number - 1
        before = number
        if whose != by.pk or number == 0:
            continue
        if undid is not None:
            undone += [edit for edit in done if edit.number == undid]
            done = [edit for edit in done if edit.number != undid]
        elif redid is not None:
            done += [edit for edit in undone if edit.number == redid]
            undone = [edit for edit in undone if edit.number != redid]
        else:
            undone.clear()
            done += [Edit(number, said)] if there else []
    return Own(done[-1] if done else None, undone[-1] if undone else None)


def around(workflow_id: int, edit: Edit) -> tuple[Drawing, Drawing]:
    """What the draft said before an edit, and after it."""
    rows = WorkflowRevision.objects.filter(draft=workflow_id, number__in=(edit.number - 1, edit.number))
    before, after = (drawing.read(row.graph) for row in rows.order_by("number"))
    return before, after


def patched(current: Drawing, before: Drawing, after: Drawing) -> Drawing:
    """`current` with what differs between `before` and `after` made different likewise, part by part of each
    step: its name, each setting, each way. Raises Overlaid where such a part is no longer as it was `before`,
    or where a step that goes is still led to."""
    if current == before:
        return after
    was, becomes, nodes = before.by_key, after.by_key, current.by_key
    clashes = list[str]()
    for key in [*was, *(key for key in becomes if key not in was)]:
        if was.get(key) == becomes.get(key):
            continue
        try:
            made = _one(was.get(key), becomes.get(key), nodes.get(key))
        except Overlaid as overlaid:
            clashes += overlaid.names
            continue
        if made is None:
            nodes.pop(key, None)
        else:
            nodes[key] = made
    first = current.first
    if before.first != after.first:
        if current.first not in (before.first, after.first):
            clashes.append("Where everybody begins")
        first = after.first
    clashes += [node.name for node in nodes.values() if not set(node.ways.values()) <= nodes.keys()]
    if clashes:
        raise Overlaid(clashes)
    return drawing.of(nodes.values(), first)


def _one(was: DrawnNode | None, becomes: DrawnNode | None, now: DrawnNode | None) -> DrawnNode | None:
    """One step, changed as from `was` to `becomes`; None where it goes."""
    if now == becomes:
        return now
    if was is None or becomes is None:
        if now == was:
            return becomes
        raise Overlaid(node.name for node in (now or was or becomes,) if node)
    if now is None:
        raise Overlaid([was.name])
    old, new, parts = _parts(was), _parts(becomes), _parts(now)
    for part in {**old, **new}:
        target = new.get(part, _NOT_THERE)
        if old.get(part, _NOT_THERE) == target or parts.get(part, _NOT_THERE) == target:
            continue
        if parts.get(part, _NOT_THERE) != old.get(part, _NOT_THERE):
            raise Overlaid([now.name])
        if target is _NOT_THERE:
            del parts[part]
        else:
            parts[part] = target
    return _whole(now.key, parts)


def _parts(node: DrawnNode) -> dict[_Part, Any]:
    return (
        {("name", ""): node.name, ("kind", ""): node.kind}
        | {("settings", name): value for name, value in node.settings.items()}
        | {("ways", label): target for label, target in node.ways.items()}
    )


def _whole(key: str, parts: Mapping[_Part, Any]) -> DrawnNode:
    within: dict[str, dict[str, Any]] = {"settings": {}, "ways": {}}
    for (what, name), value in parts.items():
        if what in within:
            within[what][name] = value
    return DrawnNode(key, parts["kind", ""], parts["name", ""], within["settings"], within["ways"])
