"""`{% url %}` for pages with hundreds of links: Django seeks each address among all patterns anew.

What stands around the keys of rows is always the same, so it is sought once. A builtin of every template, in
place of Django's own tag, which is still asked for whatever is more than a name with keys.
"""

from functools import lru_cache
from typing import Any

from django import template
from django.template import defaulttags
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.html import conditional_escape

register = template.Library()
_MARK = 7_000_000_000_001  # no address says this of itself


class QuickURLNode(URLNode):
    """An address by name, and keys of rows."""

    def render(self, context: Context) -> str:
        """As Django's."""
        if self.kwargs or self.asvar:
            return str(super().render(context))
        keys = [arg.resolve(context) for arg in self.args]
        if not all(type(key) is int and key >= 0 for key in keys):
            return str(super().render(context))
        name = self.view_name.resolve(context)
        try:
            address = _around(name, len(keys), get_urlconf(), get_script_prefix()).format(*keys)
        except NoReverseMatch:  # Django tells what is wrong
            return str(super().render(context))
        return conditional_escape(address) if context.autoescape else address


@lru_cache(maxsize=2048)
def _around(name: str, keys: int, urlconf: Any, prefix: str) -> str:
    """The address with a place for each key. Raises NoReverseMatch."""
    found = reverse(name, urlconf, [_MARK + n for n in range(keys)])
    found = found.replace("{", "{{").replace("}", "}}")
    for n in range(keys):
        found = found.replace(str(_MARK + n), f"{{{n}}}")
    return found


@register.tag
def url(parser: Parser, token: Token) -> URLNode:
    """An address by its name, as Django's tag of that name."""
    node = defaulttags.url(parser, token)
    return QuickURLNode(node.view_name, node.args, node.kwargs, node.asvar)
