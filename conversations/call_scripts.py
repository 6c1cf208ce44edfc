"""What a call node asks of its calls, as it is stored with them: who speaks, which words, how often."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from accounts.models import Account
from common.transactions import digest_to_insert
from conversations.models import CallScript

LONGEST_WORDS = 1200
"""Characters of one piece that is said: over a minute of speech, more than anybody listens to."""


class Spoken(BaseModel):
    """Words in each language that a contact may have; merge fields are filled when they are said or shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    en: str = Field(min_length=1, max_length=LONGEST_WORDS)
    es: str = Field(default="", max_length=LONGEST_WORDS)


class Tries(BaseModel):
    """What follows each outcome that reached nobody: how many further tries, and how much later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_answer: int = Field(default=2, ge=0, le=5)
    no_answer_minutes: int = Field(default=240, ge=5, le=7 * 24 * 60)
    busy: int = Field(default=2, ge=0, le=5)
    busy_minutes: int = Field(default=15, ge=5, le=7 * 24 * 60)
    voicemail: int = Field(default=0, ge=0, le=5)
    voicemail_minutes: int = Field(default=24 * 60, ge=5, le=7 * 24 * 60)


class Plan(BaseModel):
    """The whole of it. `words` are what an agent reads in the mode `person`, and what is said in `script`.

    In a script either `words` are spoken or the sound file `plays` (a token of `conversations.media`) is
    played; machines hear `voicemail` after the tone, where there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["person", "script"] = "person"
    words: Spoken
    plays: str = ""
    voicemail: Spoken | None = None
    ring_seconds: int = Field(default=25, ge=15, le=60)
    tries: Tries = Tries()
    talk: bool = True  # 1 rings the office or agents
    call_back: bool = True  # 2 asks for a call back


def stored(account: Account, plan: Plan) -> CallScript:
    """The row of this plan; equal plans of an account give the same row."""
    content = plan.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    rows = CallScript.objects
    return (
        rows.filter(account=account, sha256=digest).first()
        or rows.get_or_create(
            account=account, sha256=digest_to_insert(digest), defaults={"content": content}
        )[0]
    )


def read(script: CallScript) -> Plan:
    """The plan of a stored script."""
    return Plan.model_validate(script.content)
