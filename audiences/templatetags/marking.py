"""What was sought, marked where it was found."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def marked(text: str, words: str) -> SafeString:
    """`text` with each of the words in `<mark>` where one of its own begins so; digits also across the blanks
    and brackets of a phone."""
    pattern = _pattern(words)
    if pattern is None:
        return format_html("{}", text)
    parts = re.split(pattern, text, flags=re.IGNORECASE)  # every second part is what matched
    return format_html_join("", "{}", ((_part(part, i % 2 == 1),) for i, part in enumerate(parts)))


def _part(text: str, found: bool) -> SafeString | str:
    return format_html("<mark>{}</mark>", text) if found else text


def _pattern(words: str) -> str | None:
    digits = re.sub(r"\D", "", words)
    if len(digits) >= 3 and not re.search(r"[A-Za-z@]", words):
        return "(" + r"\D{0,2}".join(digits) + ")"
    each = sorted((re.escape(word) for word in words.split()), key=len, reverse=True)
    return f"(?<!\\w)({'|'.join(each)})" if each else None
