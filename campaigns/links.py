"""Short links of campaign messages: one code for each recipient and link, made as a send node queues.

Links in the words become merge fields (`link_1`, …) whose values come with the statement that queues, so that
claim, shells and senders know nothing of links. Words without a link cost nothing; others one statement a
batch, and one more where a destination itself holds merge fields.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from django.utils.text import slugify

from audiences import merge_fields
from campaigns import link_domains, link_finding, link_rules, link_signs
from campaigns.link_finding import FIELD
from campaigns.models import Campaign, LinkSettings, TrackedLink
from common import sql
from conversations import rendering

PATH = "/l/"
TRAP = "trap_link"  # the merge field of a link that people never see
_TRIES = 5


class Codes(NamedTuple):
    """Short addresses of a batch: a join of the queueing query, the fields it brings, and their values."""

    joins: str
    pairs: tuple[str, ...]  # for jsonb_build_object
    params: dict[str, Any]


@dataclass(frozen=True)
class Linked:
    """The words of a send node with merge fields in place of links, and those links by their field."""

    body: str
    subject: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    links: dict[str, TrackedLink] = field(default_factory=dict)
    base: str = ""  # what short addresses begin with
    expires_at: datetime | None = None


NONE = Linked("")
NO_CODES = Codes("", (), {})


def in_words(
    campaign: Campaign,
    node_key: str,
    *,
    now: datetime,
    body: str,
    subject: str = "",
    content: dict[str, Any] | None = None,
    medium: str = "sms",
    utm: bool = True,
) -> Linked:
    """These words of a node with a merge field for each link; no query where there is none.

    `medium` is sms or email, for web analytics; `utm` whether anything is added for those at all.
    """
    kept = content or {}
    spanish, button = kept.get("es") or {}, kept.get("button") or {}
    texts = (body, spanish.get("body") or "")
    short = link_finding.shorten(texts, (button.get("url") or "",))
    if not short.links:
        return Linked(body, subject, kept)
    body, spanish_body, button_url = short.texts
    if spanish_body:
        kept = {**kept, "es": {**spanish, "body": spanish_body}}
    if button_url:
        kept = {**kept, "button": {**button, "url": button_url}}
    own = LinkSettings.objects.filter(account=campaign.account_id).first()
    own = own or LinkSettings(account_id=campaign.account_id)
    added = _parameters(own, campaign, node_key, medium) if utm and own.utm else {}
    wanted = {
        f"{FIELD}{number}": (url, link_finding.with_parameters(url, added))
        for number, url in enumerate(short.links, start=1)
    }
    if medium == "email" and (plain := [pair for pair in wanted.values() if "{{" not in pair[1]]):
        wanted[TRAP] = plain[0]  # whoever comes upon it all the same gets where everybody gets
    return Linked(
        body, subject, kept,
        links=_links(campaign, node_key, wanted, now),
        base=link_domains.base(own) + PATH,
        expires_at=now + timedelta(days=own.expires_days),
    )  # fmt: skip


def problems(texts: Iterable[str], whole: Iterable[str] = ()) -> list[str]:
    """What is wrong with the links of some words, and with addresses of buttons, in words."""
    return link_rules.problems(dict.fromkeys([*link_finding.in_texts(texts), *filter(None, whole)]))


def sample(text: str, linked: Linked) -> str:
    """The text with short addresses in place of its links, as long as they will be."""
    return link_finding.sample(text, f"{linked.base}{'x' * link_signs.LENGTH}")


def _parameters(own: LinkSettings, campaign: Campaign, node_key: str, medium: str) -> dict[str, str]:
    return {
        "utm_source": own.utm_source,
        "utm_medium": own.utm_medium or medium,
        "utm_campaign": own.utm_campaign or slugify(campaign.name)[:60],
        "utm_content": node_key,
    }


def _links(
    campaign: Campaign, node_key: str, wanted: dict[str, tuple[str, str]], now: datetime
) -> dict[str, TrackedLink]:
    """The link of each field, of these URLs with their destinations; what a node names first is made."""
    digests = {
        name: digest_of(f"{TRAP} {destination}" if name == TRAP else destination)
        for name, (_, destination) in wanted.items()
    }
    found = _known(campaign, node_key)
    if missing := [name for name, digest in digests.items() if digest not in found]:
        TrackedLink.objects.bulk_create(
            [
                TrackedLink(
                    campaign=campaign, node_key=node_key, position=len(found) + number,
                    url=wanted[name][0], destination=wanted[name][1], digest=digests[name],
                    trap=name == TRAP, created_at=now,
                )
                for number, name in enumerate(missing, start=1)
            ],
            ignore_conflicts=True,  # another worker may have been first
        )  # fmt: skip
        found = _known(campaign, node_key)
    return {name: found[digest] for name, digest in digests.items()}


def _known(campaign: Campaign, node_key: str) -> dict[str, TrackedLink]:
    links = TrackedLink.objects.filter(campaign=campaign, node_key=node_key)
    return {link.digest: link for link in links}


def digest_of(destination: str) -> str:
    """What tells destinations of a node apart."""
    return hashlib.blake2b(destination.encode(), digest_size=16).hexdigest()


def fields_of(linked: Linked) -> list[str]:
    """The merge fields that destinations hold."""
    return sorted({name for link in linked.links.values() for name in rendering.fields(link.destination)})


def give(linked: Linked, step_ids: Sequence[int], known: dict[int, dict[str, Any]]) -> Codes:
    """A code for each of these steps and links, in the caller's transaction.

    `known` are each step's merge fields, where a destination holds any. Who lacks one of them gets no code
    for that link, and so no message: the claim skips them for the field that is missing, which is named
    beside it.
    """
    wanted: list[tuple[int, int, str | None]] = []  # step, link, its own destination
    for link in linked.links.values():
        if rendering.fields(link.destination):
            filled = ((step, _filled(link.destination, known.get(step, {}))) for step in step_ids)
            wanted += [(step, link.pk, url) for step, url in filled if url]
        else:
            wanted += [(step, link.pk, None) for step in step_ids]
    codes = _insert(wanted, linked.expires_at) if wanted else {}
    names = list(linked.links)
    columns = [
        [_address(linked.base, codes.get((step, linked.links[name].pk))) for step in step_ids]
        for name in names
    ]
    for name in list(names):
        if needed := rendering.required(linked.links[name].destination):
            names.append(f"{rendering.LACKS}{name}")
            columns.append([_lacking(needed, known.get(step, {})) for step in step_ids])
    arrays = ", ".join(f"%(own_{name})s::text[]" for name in names)
    return Codes(
        f"LEFT JOIN unnest(%(own_steps)s::bigint[], {arrays}) AS k(step_id, {', '.join(names)})"
        " ON k.step_id = s.id",
        tuple(f"'{name}', k.{name}" for name in names),
        {
            "own_steps": sql.array(step_ids),
            **{f"own_{name}": sql.array(column) for name, column in zip(names, columns, strict=True)},
        },
    )


def _filled(destination: str, known: dict[str, Any]) -> str | None:
    """Where this person is led; None where something is not known of them."""
    safe = {name: quote(str(value), safe="") for name, value in known.items() if value not in (None, "")}
    try:
        return rendering.render(destination, safe, rendering.AS_STORED)
    except rendering.MergeFieldMissing:
        return None


def _lacking(needed: Iterable[str], known: dict[str, Any]) -> str | None:
    """What of this is not known of somebody, in words; None where all is."""
    absent = [name for name in sorted(needed) if not str(known.get(name) or "").strip()]
    return ", ".join(map(merge_fields.in_words, absent)) or None


def _address(base: str, code: int | None) -> str | None:
    return None if code is None else base + link_signs.spell(code)


_INSERT = """
    INSERT INTO campaigns_linkcode (id, step_id, link_id, destination, expires_at)
    SELECT q.id, q.step_id, q.link_id, q.destination, %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) AS q (id, step_id, link_id, destination)
    ON CONFLICT DO NOTHING RETURNING id, step_id, link_id
"""
_EXISTING = """
    SELECT c.id, c.step_id, c.link_id FROM campaigns_linkcode c
    JOIN unnest(%s::bigint[], %s::bigint[]) AS q (step_id, link_id)
        ON q.step_id = c.step_id AND q.link_id = c.link_id
"""


def _insert(
    wanted: Sequence[tuple[int, int, str | None]], expires_at: datetime | None
) -> dict[tuple[int, int], int]:
    """A new code for each; the one there is, where a step was given it by an earlier try. What was drawn a
    second time, once in a hundred million, is drawn again."""
    codes: dict[tuple[int, int], int] = {}
    left = list(wanted)
    for _ in range(_TRIES):
        drawn = link_signs.draw(len(left))
        steps, links, urls = sql.arrays(left)
        found = sql.rows(_INSERT, [expires_at, sql.array(drawn), steps, links, urls])
        if len(found) < len(left):
            found += sql.rows(_EXISTING, [steps, links])
        codes |= {(step, link): number for number, step, link in found}
        left = [one for one in left if one[:2] not in codes]
        if not left:
            return codes
    raise RuntimeError("no free codes for short links")
