"""Words for a node's settings, for the templates of its kind (`templates/campaigns/nodes/<kind>.html`)."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from campaigns import words
from campaigns.graph import GraphNode
from campaigns.models import Node
from common.segments import count_segments

LANGUAGES = {"en": "English", "es": "Spanish"}
register = template.Library()
register.filter("duration", words.duration)
register.filter("sentence", words.sentence)


@register.simple_tag
def node_summary(node: Node | GraphNode) -> SafeString:
    """What a node is set to, in a line."""
    settings = {"settings": node.settings, "node": node}
    return SafeString(render_to_string(f"campaigns/nodes/{node.kind}.html", settings).strip())


@register.filter
def weekdays(days: list[int]) -> str:
    """`[0, 2]` as “Monday, Wednesday”."""
    return ", ".join(words.DAYS[day] for day in days)


@register.filter
def beside(minutes: int) -> str:
    """Minutes from a date as “2 days before” or “1 hour after”."""
    return f"{words.duration(abs(minutes))} {'after' if minutes >= 0 else 'before'}"


@register.filter
def share_of(weight: int, arms: list[dict[str, Any]]) -> str:
    """An arm's part of all weights: “25%”."""
    return f"{weight / sum(arm['weight'] for arm in arms):.0%}"


@register.filter
def segment_count(body: str) -> str:
    """How many segments a text takes before anything is filled in."""
    return words.number_of(count_segments(body).count, "segment")


@register.filter
def language(code: str) -> str:
    """The name of a language."""
    return LANGUAGES.get(code, code)
