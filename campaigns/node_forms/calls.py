from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.models import Account
from campaigns.node_forms.base import NodeForm, duration, minutes, number, text

_TRIED = (("no_answer", "After no answer", 2, 240), ("busy", "After a busy line", 2, 15),
          ("voicemail", "After a voicemail", 0, 1440))  # fmt: skip
_MODES = (
    ("person", "A person of yours, from the call queue"),
    ("script", "A script, where consent is recorded"),
)


class CallForm(NodeForm):
    """Who speaks, the words, a voicemail, and when it is tried again."""

    template = "campaigns/node_forms/call.html"
    begins = {"plan": {"mode": "person", "words": {"en": ""}}}

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """The plan; a sound file that was chosen elsewhere stays while a script plays it."""
        stood = before.get("plan")
        plan: dict[str, Any] = dict(stood) if isinstance(stood, Mapping) else {}
        plan["mode"] = "script" if posted.get("mode") == "script" else "person"
        plan["words"] = _spoken(posted, "words") or {"en": ""}
        plan["voicemail"] = _spoken(posted, "voicemail") if "leaves" in posted else None
        if typed := text(posted, "ring_seconds"):
            plan["ring_seconds"] = number(typed)
        plan["tries"] = self._tries(posted)
        plan["talk"], plan["call_back"] = "talk" in posted, "call_back" in posted
        if plan["mode"] == "person":
            plan.pop("plays", None)
        return {"plan": plan}

    def _tries(self, posted: QueryDict) -> dict[str, Any]:
        tries: dict[str, Any] = {}
        for name, _, _, _ in _TRIED:
            if typed := text(posted, name):
                tries[name] = number(typed)
            length = minutes(posted, f"{name}_minutes")
            if length is not None:
                tries[f"{name}_minutes"] = length
        return tries

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """The plan as fields."""
        plan = settings.get("plan")
        plan = plan if isinstance(plan, Mapping) else {}
        tries = plan.get("tries")
        tries = tries if isinstance(tries, Mapping) else {}
        return {
            "mode": plan.get("mode", "person"),
            "modes": _MODES,
            "words": _of(plan.get("words")),
            "leaves": plan.get("voicemail") is not None,
            "voicemail": _of(plan.get("voicemail")),
            "ring_seconds": plan.get("ring_seconds", 25),
            "tries": [
                {"name": name, "label": label, "times": tries.get(name, usual),
                 "length": duration(tries.get(f"{name}_minutes", later))}
                for name, label, usual, later in _TRIED
            ],
            "talk": plan.get("talk", True),
            "call_back": plan.get("call_back", True),
        }  # fmt: skip


def _spoken(posted: QueryDict, name: str) -> dict[str, str]:
    said = {"en": text(posted, f"{name}_en"), "es": text(posted, f"{name}_es")}
    return said if said["es"] else {"en": said["en"]}


def _of(spoken: Any) -> dict[str, str]:
    return {code: str(spoken.get(code) or "") for code in ("en", "es")} if isinstance(spoken, Mapping) else {}
