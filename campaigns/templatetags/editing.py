"""What the editor's templates ask for."""

from django import template

register = template.Library()


@register.filter
def split_words(words: str) -> list[str]:
    """`"minutes hours"` as its words."""
    return words.split()
