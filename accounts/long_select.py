"""A list with hundreds of choices, such as time zones: Django's own renders two templates for each."""

from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class LongSelect(forms.Select):
    """As `forms.Select`, written without templates."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The element with its groups and choices."""
        widget = self.get_context(name, value, attrs)["widget"]
        groups = format_html_join("", "{}", ((_group(*group),) for group in widget["optgroups"]))
        return format_html(
            '<select name="{}"{}>{}</select>', widget["name"], flatatt(_set(widget["attrs"])), groups
        )


def _group(name: str | None, options: list[dict[str, Any]], index: int) -> SafeString:
    told = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((option["value"], flatatt(_set(option["attrs"])), option["label"]) for option in options),
    )
    return format_html('<optgroup label="{}">{}</optgroup>', name, told) if name else told


def _set(attrs: dict[str, Any]) -> dict[str, Any]:
    """Attributes without those that are not set; numbers are words there."""
    return {
        name: value if value is True else str(value) for name, value in attrs.items() if value is not False
    }
