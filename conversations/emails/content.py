"""An email's words as `MessageTemplate.content` keeps them."""

from typing import Any

from conversations.emails.words import Words


def of(english: Words, spanish: Words | None = None) -> dict[str, Any]:
    """All that these words have beside the English subject and body; nothing that is empty."""
    kept: dict[str, Any] = {"design": english.design, **_parts(english)}
    if english.has_button:
        kept["button"] = {"label": english.button_label, "url": english.button_url}
    if spanish is not None:
        kept["es"] = {"subject": spanish.subject, "body": spanish.body, **_parts(spanish)}
        if spanish.button_label:
            kept["es"]["button_label"] = spanish.button_label
    return kept


def _parts(words: Words) -> dict[str, str]:
    parts = {"heading": words.heading, "preheader": words.preheader}
    return {name: said for name, said in parts.items() if said}
