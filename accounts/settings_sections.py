"""The sections of Settings: each app registers its own in its `apps.py`."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from accounts import access


@dataclass(frozen=True, slots=True)
class Section:
    """One page of Settings: its words, its address, and the capability it asks for."""

    label: str
    url_name: str
    capability: str
    order: int
    icon: str = "settings"
    note: str = ""

    @property
    def url(self) -> str:
        """Its address, or nothing where the page does not exist."""
        try:
            return reverse(self.url_name)
        except NoReverseMatch:
            return ""


_sections: dict[str, Section] = {}


def register(
    label: str, url_name: str, capability: str, order: int, *, icon: str = "settings", note: str = ""
) -> None:
    """Add a section; `note` is the line under its name on the overview. The same name again replaces it."""
    access.allowed("", capability)
    _sections[url_name] = Section(label, url_name, capability, order, icon, note)


def of(role: str) -> list[Section]:
    """The sections that this role may open and that exist, in their order."""
    found = [one for one in _sections.values() if access.allowed(role, one.capability) and one.url]
    return sorted(found, key=lambda one: (one.order, one.label))


def register_own() -> None:
    """The sections of people and account; other apps take orders between these tens."""
    register(
        "Profile", "accounts:profile", "view", 10,
        icon="user", note="Your name, password, theme and keyboard shortcuts",
    )  # fmt: skip
    register(
        "People", "accounts:people", "manage_users", 20,
        icon="users", note="Who may sign in, and as what",
    )  # fmt: skip
    register("Roles", "accounts:roles", "view", 30, icon="shield-check", note="What each role may do")
    register(
        "Account", "accounts:account", "manage_account", 40,
        icon="building-2", note="Company name, time zone and business units",
    )  # fmt: skip
    register(
        "Audit log", "accounts:audit_log", "read_audit_log", 90,
        icon="scroll-text", note="Who did what, and when",
    )  # fmt: skip
