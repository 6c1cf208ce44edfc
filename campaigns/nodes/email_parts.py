"""What an email shows beside subject and text: design, heading, the line that inboxes show, a button."""

import re
from collections.abc import Collection
from typing import Any

from pydantic import Field

from campaigns.nodes.base import Settings
from conversations import rendering
from conversations.emails import shells
from conversations.emails.words import DEFAULT, DESIGNS

LONGEST_LINE, LONGEST_LABEL, LONGEST_URL = 200, 40, 500  # characters
LABELS = {
    "design": "Design",
    "heading": "Heading",
    "preheader": "Preview line",
    "button_label": "Button",
    "button_url": "Where the button leads",
}
_HOST = re.compile(r"https://[^\s/?#{}]+(?:[/?#]|$)")


class EmailParts(Settings):
    """The parts as people set them; what is empty is not shown. `button_url` may hold merge fields behind its
    host, which nobody's data may choose."""

    design: str = DEFAULT
    heading: str = Field("", max_length=LONGEST_LINE)
    preheader: str = Field("", max_length=LONGEST_LINE)
    button_label: str = Field("", max_length=LONGEST_LABEL)
    button_url: str = Field("", max_length=LONGEST_URL)

    def parts(self) -> dict[str, Any]:
        """As they stand in `MessageTemplate.content`; nothing for an email that is all usual."""
        kept: dict[str, Any] = {"heading": self.heading.strip(), "preheader": self.preheader.strip()}
        kept = {name: said for name, said in kept.items() if said}
        if self.design != DEFAULT:
            kept["design"] = self.design
        if self.button_label.strip() and self.button_url.strip():
            kept["button"] = {"label": self.button_label.strip(), "url": self.button_url.strip()}
        return kept

    def part_words(self) -> list[tuple[str, str]]:
        """The parts that merge fields may stand in, as (what it is called, the words); none that is empty."""
        names = ("heading", "preheader", "button_label", "button_url")
        return [(LABELS[name], said) for name in names if (said := getattr(self, name).strip())]

    def part_problems(self, known: Collection[str]) -> dict[str, list[str]]:
        """What is wrong, by field; empty when nothing is. `known` are the merge fields there are."""
        found: dict[str, list[str]] = {}
        if self.design not in DESIGNS:
            found["design"] = ["There is no such design. Choose one of the five."]
        for name in ("heading", "preheader", "button_label"):
            if wrong := rendering.problems(getattr(self, name), set(known)):
                found[name] = wrong
        label, url = self.button_label.strip(), self.button_url.strip()
        if label and not url:
            found["button_url"] = ["Say where the button leads, or take its label out."]
        elif url and not label:
            found["button_label"] = ["Say what stands on the button, or take its address out."]
        if url and (wrong := address_problems(url, known)):
            found["button_url"] = wrong
        return found


def address_problems(url: str, known: Collection[str]) -> list[str]:
    """What is wrong with an address that may hold merge fields; it leads to a host that is written out."""
    if wrong := rendering.problems(url, set(known)):
        return wrong
    if not url.startswith("https://"):
        return ["Begin it with https://, so that nobody on the way can read or change what it opens."]
    if not _HOST.match(url):
        return ["Write the website out, such as https://www.example.com/, before any merge field."]
    sample = re.sub(r"\{[{%].*?[%}]\}", "x", url)
    return [] if shells.is_address(sample) else ["That is no web address: look for spaces and quotes in it."]
