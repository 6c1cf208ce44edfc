"""The words of a node that sends or calls as a form holds them: flat names, each with its label and limits,
and what is wrong with each; and back into the node's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audiences.merge_fields import FIELDS
from campaigns.graph import GraphNode
from campaigns.models import Node
from campaigns.nodes import KINDS
from campaigns.nodes.email_parts import LABELS, LONGEST_LABEL, LONGEST_LINE, LONGEST_URL, EmailParts
from campaigns.nodes.send_email import LONGEST_BODY, LONGEST_SUBJECT
from campaigns.said import SENDS
from conversations import rendering
from conversations.call_scripts import LONGEST_WORDS
from conversations.threads import MAX_BODY

WORDED = (*SENDS, Node.Kind.CALL)
"""Kinds of nodes whose words are written on a page of their own."""
SPANISH = "spanish_"
"""So begin the names of the Spanish words."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a message's form. `rows` above 1 makes it an area."""

    name: str
    label: str
    longest: int
    rows: int = 1
    required: bool = False
    help: str = ""
    merges: bool = True  # whether it may hold merge fields
    switch: bool = False  # ON or OFF, and on unless the settings say otherwise

    @property
    def spanish(self) -> bool:
        """Whether it is of the Spanish variant."""
        return self.name.startswith(SPANISH)

    @property
    def base(self) -> str:
        """Its name without the language."""
        return self.name.removeprefix(SPANISH)


MEDIA = "media"
"""The field that names a text's files: their ids with commas between, as a list in the node's settings."""
ON, OFF = "on", "off"
"""The values of a switch."""
_UTM = Part(
    "utm", "Add UTM parameters to links", 3, merges=False, switch=True,
    help="Web analytics then shows who came from this message.",
)  # fmt: skip
_AS_SMS = Part(
    "as_sms", "Send the words alone where pictures are refused", 3, merges=False, switch=True,
    help="Some phones and carriers take none. Switched off, such a text fails.",
)  # fmt: skip
_TEXT = (
    Part("body", "Text", MAX_BODY, rows=4, required=True),
    Part(MEDIA, "Pictures", 200, merges=False),
    _AS_SMS,
    _UTM,
)
_EMAIL = (
    Part("subject", "Subject", LONGEST_SUBJECT, required=True),
    Part("preheader", LABELS["preheader"], LONGEST_LINE, help="What an inbox shows beside the subject."),
    Part("heading", LABELS["heading"], LONGEST_LINE),
    Part("body", "Text", LONGEST_BODY, rows=8, required=True),
    Part("button_label", LABELS["button_label"], LONGEST_LABEL),
    Part("button_url", LABELS["button_url"], LONGEST_URL, help="An address that begins with https://."),
    Part("design", LABELS["design"], 20, merges=False),
    _UTM,
)
_CALL = (
    Part("words", "Words", LONGEST_WORDS, rows=6, required=True),
    Part(
        "voicemail", "Voicemail words", LONGEST_WORDS, rows=3,
        help="What a machine hears after its tone. Empty: nothing is left.",
    ),
)  # fmt: skip
_BY_KIND = {Node.Kind.SEND_SMS: _TEXT, Node.Kind.SEND_EMAIL: _EMAIL, Node.Kind.CALL: _CALL}
_SHARED = {"button_url", "design", MEDIA, "as_sms", "utm"}


def parts(kind: str) -> tuple[Part, ...]:
    """The fields of a message or call of this kind: English, then Spanish."""
    english = _BY_KIND[Node.Kind(kind)]
    spanish = [
        Part(SPANISH + one.name, f"{one.label} in Spanish", one.longest, one.rows, False, "", one.merges)
        for one in english
        if one.name not in _SHARED
    ]
    return (*english, *spanish)


def of(kind: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The values of the form's fields as a node's settings have them."""
    if kind == Node.Kind.CALL:
        return _of_plan(_mapping(settings.get("plan")))
    spanish = settings.get("spanish") or {}
    found = {
        part.name: str((spanish if part.spanish else settings).get(part.base) or "") for part in parts(kind)
    }
    found |= {
        part.name: OFF if settings.get(part.name) is False else ON for part in parts(kind) if part.switch
    }
    return found | ({MEDIA: ",".join(map(str, settings.get(MEDIA) or []))} if MEDIA in found else {})


def settings_of(kind: str, words: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """A node's settings with these words; what the form does not hold stays as it was."""
    if kind == Node.Kind.CALL:
        return {**before, "plan": _plan_with(words, _mapping(before.get("plan")))}
    kept = dict(before)
    spanish = dict(before.get("spanish") or {})
    for part in parts(kind):
        target, value = (spanish if part.spanish else kept), _tidied(words.get(part.name, ""), part)
        if part.switch:
            target.pop(part.name, None)
            target |= {part.name: False} if value == OFF else {}
        elif value or part.required:
            target[part.base] = value
        else:
            target.pop(part.base, None)
    if files := kept.get(MEDIA):
        kept[MEDIA] = [int(pk) for pk in str(files).split(",") if pk.isdecimal()]
    kept.pop("spanish", None)
    return kept | ({"spanish": spanish} if any(spanish.values()) else {})


def _mapping(value: Any) -> Mapping[str, Any]:
    """As it is, or nothing: drafts hold whatever a file brought."""
    return value if isinstance(value, Mapping) else {}


def _of_plan(plan: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for part in parts(Node.Kind.CALL):
        spoken = _mapping(plan.get(part.base))
        found[part.name] = str(spoken.get("es" if part.spanish else "en") or "")
    return found


def _plan_with(words: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """A call's plan with these words; no voicemail where it has none in any language."""
    plan = dict(before)
    for part in _CALL:
        english, spanish = (_tidied(words.get(name, ""), part) for name in (part.name, SPANISH + part.name))
        spoken = {"en": english} | ({"es": spanish} if spanish else {})
        if part.required or english or spanish:
            plan[part.base] = spoken
        elif part.base in plan:
            plan[part.base] = None
    return plan


def _tidied(value: str, part: Part) -> str:
    value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    return value if part.rows > 1 else " ".join(value.split())


def problems(node: Node, words: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong, by field; under "" what is wrong with the whole. Empty where it may be published."""
    found = dict[str, list[str]]()
    kind = node.kind
    speaks_spanish = any(words.get(part.name, "").strip() for part in parts(kind) if part.spanish)
    needed = {part.base for part in parts(kind) if part.required}
    for part in parts(kind):
        value = _tidied(words.get(part.name, ""), part)
        if not value and (part.required or (part.spanish and speaks_spanish and part.base in needed)):
            found[part.name] = [_empty(part)]
        elif not value and part.spanish and speaks_spanish and words.get(part.base, "").strip():
            has = part.label.split(" in ")[0].lower()
            has = has if has.endswith("words") else f"a {has}"
            found[part.name] = [f"The English {_NOUNS[Node.Kind(kind)]} has {has}: write this, too."]
        elif len(value) > part.longest:
            found[part.name] = [
                f"{len(value) - part.longest:,} characters too long: at most {part.longest:,}."
            ]
        elif value and part.merges and (wrong := rendering.problems(value, FIELDS)):
            found[part.name] = wrong
    if kind == Node.Kind.SEND_EMAIL and not found:
        named = {name: words.get(name, "").strip() for name in EmailParts.model_fields}
        found |= EmailParts(**{name: said for name, said in named.items() if said}).part_problems(FIELDS)
    if not found:
        whole = _of_node(node, settings_of(kind, words, node.settings))
        if whole:
            found[""] = whole
    return found


_NOUNS = {Node.Kind.SEND_SMS: "text", Node.Kind.SEND_EMAIL: "email", Node.Kind.CALL: "call"}


def _empty(part: Part) -> str:
    if part.spanish:
        return "Spanish needs this, too. Empty all Spanish fields, and everybody gets the English words."
    return f"Write the {part.label.lower()}: nothing can be sent without it."


def _of_node(node: Node, settings: dict[str, Any]) -> list[str]:
    return KINDS[node.kind].problems(GraphNode(node.pk, node.key, node.kind, node.name, settings))
