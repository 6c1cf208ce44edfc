from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.models import Account, BusinessUnit
from audiences.models import JobType, Tag
from campaigns import message_words
from campaigns.node_forms.base import NodeForm, duration, minutes, text
from conversations import media

_DAY = 1440


class UpdateContactForm(NodeForm):
    """Tags with commas between, and a language."""

    template = "campaigns/node_forms/update_contact.html"

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """What is empty is no setting."""
        found: dict[str, Any] = {
            name: list(dict.fromkeys(tag.strip() for tag in text(posted, name).split(",") if tag.strip()))
            for name in ("add_tags", "remove_tags")
        }
        found["language"] = posted.get("language") if posted.get("language") in ("en", "es") else None
        return {name: value for name, value in found.items() if value}

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """The tags as they are typed, and those that there are."""
        return {
            "add": _listed(settings.get("add_tags")),
            "remove": _listed(settings.get("remove_tags")),
            "language": settings.get("language") or "",
            "tags": Tag.objects.filter(account=account).order_by("name").values_list("name", flat=True)[:200],
        }


class HandoffForm(NodeForm):
    """Why a person is wanted."""

    template = "campaigns/node_forms/handoff.html"

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """The reason."""
        return {"reason": " ".join(text(posted, "reason").split())}


class BookJobForm(NodeForm):
    """What is asked for, as what, where, and how long the answer is waited for."""

    template = "campaigns/node_forms/book_job.html"
    begins = {"summary": "", "timeout_minutes": 3 * _DAY}

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """Job type and business unit by ServiceTitan's ids."""
        kept = dict(before) | {"summary": " ".join(text(posted, "summary").split())}
        for name in ("job_type", "business_unit"):
            chosen = posted.get(name, "")
            kept[name] = int(chosen) if chosen.isdecimal() and len(chosen) < 18 else None
        length = minutes(posted, "timeout_minutes")
        kept.pop("timeout_minutes", None)
        return kept | ({} if length is None else {"timeout_minutes": length})

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """What the account has to choose from."""
        return {
            "length": duration(settings.get("timeout_minutes", 3 * _DAY)),
            "job_types": JobType.objects.filter(account=account).order_by("name"),
            "units": BusinessUnit.objects.filter(account=account).order_by("name"),
        }


class EndForm(NodeForm):
    """Nothing to choose."""

    template = "campaigns/node_forms/end.html"


class SendForm(NodeForm):
    """The words of a text or an email, as `campaigns.message_words` holds them."""

    template = "campaigns/node_forms/send.html"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def new(self) -> dict[str, Any]:
        """Empty words."""
        return message_words.settings_of(self.kind, {}, {})

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """As they were typed, a switch as it stood where it was not posted."""
        stood = message_words.of(self.kind, before)
        typed = {
            part.name: posted.get(part.name, stood[part.name] if part.switch else "")
            for part in message_words.parts(self.kind)
        }
        if message_words.MEDIA in typed:
            ids = [pk for pk in posted.getlist(message_words.MEDIA) if pk.isdecimal() and len(pk) < 18]
            typed[message_words.MEDIA] = ",".join(ids[: media.MOST])
        return message_words.settings_of(self.kind, typed, before)


def _listed(tags: Any) -> str:
    return ", ".join(map(str, tags)) if isinstance(tags, list) else ""
