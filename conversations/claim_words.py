"""The words of a claim: rendered for one person at the last moment, with what is stored beside them."""

import json
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from audiences import suppression
from common.segments import count_segments
from conversations import footers, rendering, unsubscribing, variants
from conversations.candidates import Candidate, Claim, EmailPart
from conversations.emails import shells, words
from conversations.emails.form_letters import FormLetter, form_letter
from conversations.emails.identity import Identity
from conversations.emails.shells import Shell
from conversations.emails.words import Words

MAX_VALIDITY = timedelta(hours=10)
EMAIL_VALIDITY = timedelta(hours=1)
"""How long news of an email whose call was lost is waited for: the provider tells of what it took by then."""
MIN_VALIDITY_SECONDS = 6


class Rendered(NamedTuple):
    """A claim with what is stored beside it."""

    claim: Claim
    lane_id: int
    segments: int
    valid_until: datetime
    try_number: int
    tells_opt_out: bool
    carries_link: bool


def render_text(
    c: Candidate, verdict: suppression.Verdict, footer: str, media: tuple[str, ...], now: datetime
) -> Rendered:
    """What will be called, with `footer` where one is owed, with these files, and how long. Raises
    MergeFieldMissing."""
    body, carries_link = c.body, c.carries_link
    if body is None:
        words = variants.of("", c.template or "", c.content, c.language)
        variables = json.loads(c.variables or "null") or {}
        body = rendering.render(words.body, variables, words.language)
        carries_link = carries_link and rendering.holds_link(body, variables)
    body = footers.with_footer(body, footer) if footer else body
    until = min(verdict.closes_at or now + MAX_VALIDITY, now + MAX_VALIDITY)
    if c.answers_at is not None and c.send_by is not None:
        until = min(c.send_by, now + MAX_VALIDITY)  # an answer outside the hours, and only while it is one
    validity = max(int((until - now).total_seconds()), MIN_VALIDITY_SECONDS)
    claim = Claim(
        c.id, uuid.uuid4(), c.connection_id, c.number_id, c.to, c.from_, body, validity, media=media
    )
    tells = bool(footer) or (c.automated and footers.tells_opt_out(body))
    segments = 1 if media else count_segments(body).count  # carriers count a text with pictures as one
    return Rendered(claim, c.lane_id, segments, until, c.tries + 1, tells, carries_link)


def render_email(c: Candidate, identity: Identity, now: datetime) -> Rendered:
    """As `render_text`, an email of a campaign in its design. Raises MergeFieldMissing.

    What is stored is its plain text, where whoever reads a thread finds no way to leave, or to come back, in
    the customer's place; the HTML can be made of the same again. Merge fields are kept until its end, so that
    a further try says the same.
    """
    url, carries_link = unsubscribing.url(c.address_id, c.id), c.carries_link
    shell: Shell | None
    if c.variables is None and c.body is not None:  # a release without designs has written it
        subject, body, shell, slots = c.subject, c.body, None, dict[str, str]()
    else:
        variables, untold = json.loads(c.variables or "null") or {}, unsubscribing.untold()
        trapped = bool(variables.get(shells.TRAP))
        said, shell, form = _written(c.subject, c.template or "", c.content, c.language, identity, trapped)
        filled = form.fill(variables, unsubscribe_url=url, untold_url=untold) if form else None
        if filled is not None:
            shell, slots, body = filled
        else:
            slots = shells.fill(shell, said, variables, unsubscribe_url=url)
            body = shells.plain(shell, slots | {"unsubscribe_url": untold})
        subject = slots["subject"]
        carries_link = carries_link and rendering.holds_link(body, variables)
    until = now + EMAIL_VALIDITY
    email = EmailPart(shell, slots, c.to_name, c.reply_to, url, c.divisions, c.in_reply_to)
    claim = Claim(
        c.id, uuid.uuid4(), c.connection_id, None, c.to, c.from_, body, int(EMAIL_VALIDITY.total_seconds()),
        c.mailbox_id, c.from_name, subject, email=email,
    )  # fmt: skip
    return Rendered(claim, c.lane_id, 1, until, c.tries + 1, True, carries_link)


@lru_cache(maxsize=1024)
def _written(
    subject: str, body: str, content: str | None, language: str, identity: Identity, trapped: bool
) -> tuple[Words, Shell, FormLetter | None]:
    """What a template says to whoever speaks this language, the shell it says it in, and both made for many.

    Kept in memory: a batch asks for it once per recipient.
    """
    kept = json.loads(content or "null") or {}
    said = words.of(subject, body, kept, language)
    spoken = language if language != "en" and words.speaks(kept, language) else "en"
    shell = shells.shell(said.design, spoken, identity, language)
    return said, shell, form_letter(shell, said, trapped=trapped)
