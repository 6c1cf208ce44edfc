"""What the pages of walkthroughs ask of plain values."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def of(counts: Mapping[str, int], key: str) -> int:
    """The count of a key; 0 for none."""
    return counts.get(key, 0)
