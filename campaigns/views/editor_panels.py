"""What the editor's panel asks before something is done: what to add, where to, what goes with a step."""

from typing import Any

from campaigns import editing, editor_page, words
from campaigns.drawing import DrawnNode
from campaigns.editing import Place
from campaigns.workflow_drafts import Draft

ADD, PLACE, DELETE = (f"campaigns/editor/{name}.html" for name in ("add", "place", "delete"))


def adding(draft: Draft, at: Place, before: str) -> dict[str, Any]:
    """What can be put into a place."""
    source = draft.drawn.by_key.get(at.source)
    ending = source is not None and at.label not in source.ways
    target = draft.drawn.by_key.get(before)
    there = source is not None or not at.source
    where = f"Before “{target.name}”" if target else editor_page.place_words(draft.drawn, at) if there else ""
    return {
        "panel": ADD, "at": at, "before": before, "where": where,
        "groups": editor_page.offered(ending=ending and not before), "ending": ending,
    }  # fmt: skip


def placing(draft: Draft, node: DrawnNode, how: str, label: str) -> dict[str, Any]:
    """Where a step can be moved or copied to, or one of its ways be led."""
    if how == "connect":
        options = [(f"{other.key}:", other.name, words.kind_icon(other.kind)) for other in draft.drawn.nodes]
    else:
        options = [
            (f"{at.source}:{at.label}", editor_page.place_words(draft.drawn, at), "corner-down-right")
            for at in editing.places(draft.drawn)
            if how == "copy" or (at.source != node.key and not _leads_to(draft, at, node.key))
        ]
    return {"panel": PLACE, "node": node, "how": how, "label": label, "options": options}


def _leads_to(draft: Draft, at: Place, key: str) -> bool:
    source = draft.drawn.by_key.get(at.source)
    return (source.ways.get(at.label) if source else draft.drawn.first) == key


def deleting(draft: Draft, node: DrawnNode) -> dict[str, Any]:
    """What becomes of each way of a step that is deleted, and what goes with it."""
    kept = [
        (way, editing.goes_with(draft.drawn, node.key, way.place.label))
        for way in editor_page.ways(draft.drawn, node)
        if way.target
    ]
    return {
        "panel": DELETE,
        "node": node,
        "kept": kept,
        "dropped": editing.goes_with(draft.drawn, node.key, None),
    }
