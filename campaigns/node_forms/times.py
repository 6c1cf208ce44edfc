from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.models import Account
from campaigns.node_forms.base import NodeForm, duration, minutes, text
from campaigns.words import DAYS

_DAY = 1440


class WaitForm(NodeForm):
    """For a while, until a time of the week, or around the appointment."""

    template = "campaigns/node_forms/wait.html"
    begins = {"minutes": 2 * _DAY}

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """One of the three."""
        how = posted.get("how", "while")
        if how == "until":
            days = [int(day) for day in posted.getlist("days") if day in "0123456" and day]
            return {"until": {"days": days, "at": text(posted, "at") or "09:00"}}
        if how == "around":
            length = minutes(posted, "around")
            before_it = posted.get("side", "before") == "before" and isinstance(length, int)
            return {"around": {"field": "appointment", "minutes": -length if before_it else length or 0}}  # type: ignore[operator]
        length = minutes(posted, "minutes")
        return {} if length is None else {"minutes": length}

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """Which of the three, and the fields of each."""
        until, around = settings.get("until"), settings.get("around")
        until = until if isinstance(until, Mapping) else {}
        offset = around.get("minutes", -_DAY) if isinstance(around, Mapping) else -_DAY
        chosen = until.get("days", [0, 1, 2, 3, 4])
        return {
            "how": "until" if "until" in settings else "around" if "around" in settings else "while",
            "length": duration(settings.get("minutes", 2 * _DAY if settings else None)),
            "at": until.get("at", "09:00"),
            "days": [(place, name, place in chosen) for place, name in enumerate(DAYS)],
            "around": duration(offset),
            "side": "after" if isinstance(offset, int) and offset > 0 else "before",
        }  # fmt: skip


class WaitForReplyForm(NodeForm):
    """How long a reply is waited for; where each leads is drawn."""

    template = "campaigns/node_forms/wait_for_reply.html"
    begins = {"timeout_minutes": 3 * _DAY}

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """Its one setting."""
        length = minutes(posted, "timeout_minutes")
        return {} if length is None else {"timeout_minutes": length}

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """The time as number and unit."""
        return {"length": duration(settings.get("timeout_minutes"))}
