"""How addresses are shown."""

from django import template

from audiences.models import Address
from common.phone import display_phone

register = template.Library()


@register.filter
def shown(address: Address) -> str:
    """A phone as people read it; a mailbox as it is."""
    return display_phone(address.value) if address.channel == Address.Channel.PHONE else address.value


@register.filter
def phone(e164: str) -> str:
    """A number in E.164 as people read it."""
    return display_phone(e164)
