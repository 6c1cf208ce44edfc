"""The designs of emails, for forms that let people choose one."""

from collections.abc import Collection

from django import template

from conversations.emails.designs import DESIGNS, Design

register = template.Library()


@register.simple_tag
def email_designs() -> Collection[Design]:
    """Every design, in the order of the gallery."""
    return DESIGNS.values()
