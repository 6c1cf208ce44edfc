"""What the page shell needs on every page."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from accounts import access
from accounts.models import Membership


class Can:
    """`{% if can.launch_campaign %}` in templates; a misspelt capability is an error, not a no."""

    def __init__(self, role: str) -> None:
        self._role = role

    def __getitem__(self, capability: str) -> bool:
        if capability not in access.CAN:
            raise ImproperlyConfigured(f"{capability!r} is not in accounts.access.CAN")
        return bool(self._role) and access.allowed(self._role, capability)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The account worked in, the role there, what it may do, and the accounts one can switch to."""
    role = getattr(request, "role", "")

    def my_accounts() -> list[Membership]:
        user = getattr(request, "user", None)
        return list(Membership.objects.of(user)) if user is not None and user.is_authenticated else []

    return {
        "account": getattr(request, "account", None),
        "role": role,
        "can": Can(role),
        "my_accounts": my_accounts,
    }
