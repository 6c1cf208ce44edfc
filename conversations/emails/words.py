"""What one email says in one language, before merge fields are filled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DESIGNS = ("letter", "tune_up", "estimate", "membership", "announcement")
DEFAULT = DESIGNS[0]
LANGUAGES = ("en", "es")


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and text, and what a design shows besides; all but subject and body may be empty."""

    subject: str
    body: str
    heading: str = ""
    preheader: str = ""
    button_label: str = ""
    button_url: str = ""
    design: str = DEFAULT

    @property
    def has_button(self) -> bool:
        """Whether there is something to press, and somewhere it leads."""
        return bool(self.button_label and self.button_url)

    @property
    def all(self) -> tuple[str, ...]:
        """Everything that may hold merge fields."""
        return (
            self.subject, self.body, self.heading, self.preheader, self.button_label, self.button_url
        )  # fmt: skip


def of(subject: str, body: str, content: Mapping[str, Any] | None, language: str = "en") -> Words:
    """The words of a template in this language, as it keeps them: see `MessageTemplate.content`.

    A part that a language lacks is left out, never borrowed from the other; subject and body are the
    caller's choice, and English unless `content` has that language whole.
    """
    content = content or {}
    button = content.get("button") or {}
    said: Mapping[str, Any] = {
        "subject": subject, "body": body, "heading": content.get("heading"),
        "preheader": content.get("preheader"), "button_label": button.get("label"),
    }  # fmt: skip
    if language != "en" and speaks(content, language):
        said = content[language]
    design = content.get("design")
    return Words(
        subject=said["subject"],
        body=said["body"],
        heading=said.get("heading") or "",
        preheader=said.get("preheader") or "",
        button_label=said.get("button_label") or "",
        button_url=button.get("url") or "",
        design=design if design in DESIGNS else DEFAULT,
    )


def speaks(content: Mapping[str, Any] | None, language: str) -> bool:
    """Whether a template says all of an email in this language, too."""
    variant = (content or {}).get(language) or {}
    return bool(variant.get("subject") and variant.get("body"))
