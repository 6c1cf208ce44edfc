"""The words of a message in the reader's language: Spanish where a template has it, else English.

A template's English stands in its subject and body, and all else in `MessageTemplate.content`; its Spanish
words under `es` there. A variant is whole: where it exists, nothing of the English is read.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from common.spoken import ENGLISH
from conversations.models import MessageTemplate

SPANISH = "es"


class Words(NamedTuple):
    """A message before its merge fields are filled; `content` is all its template has beside, in every
    language."""

    language: str
    subject: str
    body: str
    content: Mapping[str, Any]


def of(subject: str, body: str, content: str | None, language: str) -> Words:
    """The words for somebody who speaks this language (ISO 639-1); `content` is JSON, or None for nothing."""
    if content is None:
        return Words(ENGLISH, subject, body, {})
    return _chosen(subject, body, content, language)


def of_template(template: MessageTemplate, language: str) -> Words:
    """As `of`, of a template's row."""
    return of(template.subject, template.body, json.dumps(template.content or {}), language)


@lru_cache(maxsize=1024)
def _chosen(subject: str, body: str, content: str, language: str) -> Words:
    shared = json.loads(content)
    own = shared.get(language) if language != ENGLISH else None
    # An email's variant is whole or none: Spanish under an English subject helps nobody.
    if not own or not own.get("body") or (subject and not own.get("subject")):
        return Words(ENGLISH, subject, body, shared)
    return Words(language, own.get("subject", ""), own["body"], shared)
