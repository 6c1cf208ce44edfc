"""Two tabs of one person, told apart: each page that keeps what is typed has a name of its own."""

import re
import secrets

from accounts.access import Request

_NAME = re.compile(r"[0-9a-f]{8}")


def tab_of(request: Request) -> str:
    """The name that the sender's page was given; empty for whoever sends something without one."""
    posted = request.POST.get("tab", "")
    return posted if _NAME.fullmatch(posted) else ""


def tab_for(request: Request) -> str:
    """The name for the page that is made now: the one it has, or a new one."""
    return tab_of(request) or secrets.token_hex(4)
