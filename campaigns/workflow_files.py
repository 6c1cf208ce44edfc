"""Workflows as files: JSON with a version of its format, read with nothing taken on trust."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from campaigns import drawing, editing
from campaigns.drawing import LONGEST_NAME, MOST_STEPS, Drawing, DrawnNode
from campaigns.models import Workflow
from campaigns.nodes import KINDS

FORMAT = 1
MOST_BYTES = 2_000_000
_LONGEST = {"name": 120, "description": 1_000}
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_SETTINGS = 40_000  # characters of one step's settings
_HALVES = re.compile("[\ud800-\udfff]")  # of characters: no text can be written with one alone
_DEEPEST = 12  # lists and objects within each other; what we write has five
_LEFT_OUT = ("media",)  # files belong to an account
_OF_FILE = {"truckroll_workflow", "name", "description", "nodes"}
_OF_STEP = {"key", "kind", "name", "settings", "ways"}


class Unreadable(Exception):
    """A file that is no workflow of ours; says what is wrong with it."""


def write(workflow: Workflow, drawn: Drawing) -> str:
    """The file of a workflow. Pictures stay behind: they belong to the account."""
    nodes = [node.stored() | {"settings": _without_files(node.settings)} for node in drawn.nodes]
    whole = {
        "truckroll_workflow": FORMAT,
        "name": workflow.name,
        "description": workflow.description,
        "nodes": nodes,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def read(content: bytes) -> tuple[str, str, Drawing]:
    """(name, description, drawing) of a file. Raises Unreadable. Its settings may still be wrong: the editor
    says so, as of any draft. Steps get new keys, so that no figures of another workflow are theirs."""
    whole = _parsed(content)
    if whole.get("truckroll_workflow") != FORMAT:
        raise Unreadable(
            "This is no workflow file, or one of a newer Truckroll. Export it again, and choose that file."
        )
    name, description = (_words(whole, field, longest) for field, longest in _LONGEST.items())
    rows = whole.get("nodes")
    if not isinstance(rows, list) or len(rows) > MOST_STEPS:
        raise Unreadable(f"The file needs a list “nodes” of at most {MOST_STEPS} steps.")
    _no_more(whole, _OF_FILE, "The file")
    nodes = [_node(row, place) for place, row in enumerate(rows, 1)]
    keys = {node.key for node in nodes}
    if len(keys) < len(nodes):
        raise Unreadable("Two steps of the file have the same key.")
    for node in nodes:
        for label, target in node.ways.items():
            if target not in keys:
                raise Unreadable(f"“{node.name}” leads by “{label}” to a step that is not in the file.")
    return name or "Imported workflow", description, renamed(drawing.of(nodes, nodes[0].key if nodes else ""))


def renamed(drawn: Drawing) -> Drawing:
    """The same drawing with keys of its own."""
    new = {node.key: editing.new_key(node.kind) for node in drawn.nodes}
    nodes = [
        DrawnNode(
            new[n.key], n.kind, n.name, n.settings, {label: new[to] for label, to in n.ways.items()}
        )
        for n in drawn.nodes
    ]  # fmt: skip
    return drawing.of(nodes, new.get(drawn.first, ""))


def _parsed(content: bytes) -> Mapping[str, Any]:
    if len(content) > MOST_BYTES:
        raise Unreadable("The file is larger than 2 MB. A workflow is a few pages of text.")
    try:
        whole = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable("The file is not JSON, or not in UTF-8.") from None
    if not isinstance(whole, dict):
        raise Unreadable("The file is JSON, but no workflow.")
    if _is_deep(whole, _DEEPEST):
        raise Unreadable("The file holds lists within lists that no workflow has.")
    said = json.dumps(whole, ensure_ascii=False)
    if "\x00" in said or "\\u0000" in said or _HALVES.search(said):
        raise Unreadable("The file holds characters that no text may have.")
    return whole


def _is_deep(value: Any, most: int) -> bool:
    """Whether anything lies deeper than so many levels; what does cannot be written again."""
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(most == 0 or _is_deep(each, most - 1) for each in within)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _node(row: Any, place: int) -> DrawnNode:
    where = f"Step {place} of the file"
    if not isinstance(row, dict):
        raise Unreadable(f"{where} is no step.")
    kind, key = row.get("kind"), row.get("key")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Unreadable(f"{where} is of a kind that does not exist: {str(kind)[:40]}.")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Unreadable(f"{where} needs a key of small letters, digits and underscores.")
    settings, ways = row.get("settings", {}), row.get("ways", {})
    spanish = settings.get("spanish") if isinstance(settings, dict) else None
    if not isinstance(settings, dict) or not (spanish is None or isinstance(spanish, dict)):
        raise Unreadable(f"{where} has settings that cannot be read.")
    if len(json.dumps(settings)) > _MOST_SETTINGS:
        raise Unreadable(f"{where} has settings that cannot be read.")
    if not isinstance(ways, dict) or not all(
        isinstance(to, str) and len(way) <= 40 for way, to in ways.items()
    ):
        raise Unreadable(f"{where} has ways that cannot be read.")
    name = " ".join(_words(row, "name", LONGEST_NAME).split()) or kind.replace("_", " ").capitalize()
    _no_more(row, _OF_STEP, where)
    _no_more(settings, KINDS[kind].settings_model.model_fields, f"The settings of step {place} (“{name}”)")
    return DrawnNode(key, kind, name, _without_files(settings), ways)


def _no_more(row: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse what we do not know: to leave it out would be to import something else than was written."""
    strange = sorted(set(row) - set(known))
    if strange:
        raise Unreadable(f"{where} may hold no “{strange[0][:40]}”: it is not known here.")


def _without_files(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what names a file of an account: pictures, and the sound of a call."""
    kept = {name: value for name, value in settings.items() if name not in _LEFT_OUT}
    plan = kept.get("plan")
    if isinstance(plan, dict) and "plays" in plan:
        kept["plan"] = {name: value for name, value in plan.items() if name != "plays"}
    return kept


def _words(row: Mapping[str, Any], field: str, longest: int) -> str:
    value = row.get(field, "")
    if not isinstance(value, str):
        raise Unreadable(f"“{field}” is no text.")
    return value.strip()[:longest]
