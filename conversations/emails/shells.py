"""An email in two parts: the shell that all its recipients share, and the slots that each fills.

A shell belongs to a design, a language and an identity; it holds placeholders, `-tr-<slot>-`, which SendGrid
fills from each personalization's `substitutions`, or `whole` does here. Values that could be taken for a
placeholder, or for HTML, are harmless before they become slots.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from conversations import rendering
from conversations.emails import colours, markup
from conversations.emails.identity import Identity
from conversations.emails.labels import LABELS
from conversations.emails.words import Words

LARGEST_SLOTS = 10_000
"""Bytes that SendGrid takes as the substitutions of one personalization."""
SUBJECT = "subject"
GROUND, DARK_GROUND = "#ffffff", "#1c1e22"  # what words stand on, as the designs' style sheet has it
_FILLER = "\u034f\u200c\u00a0" * 60  # keeps the body's first words out of the line that inboxes show
_SLOT = re.compile(r"-tr-([a-z_]+)-")
_FIELD_ALONE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")
TRAP = "trap_link"  # the variable with a short link that only machines follow
_TRAP = '<a href="{}" style="display:none" aria-hidden="true" tabindex="-1"></a>'
_TRACKED = "link_"  # merge fields whose values are addresses of ours
_LINK = "text-decoration:underline"


@dataclass(frozen=True, slots=True)
class Shell:
    """What is the same for everybody who gets an email of this design, language and identity.

    `html` and `text` hold the placeholders; `heading` and `button` are what becomes of those two in HTML.
    """

    design: str
    language: str
    html: str
    text: str
    heading: str
    button: str
    paragraph: str
    link: str


class Whole(NamedTuple):
    """One email as it arrives."""

    subject: str
    html: str
    text: str

    @property
    def size(self) -> int:
        """Bytes of its HTML; Gmail cuts off what lies beyond 102 kB."""
        return len(self.html.encode())


@lru_cache(maxsize=512)
def shell(design: str, language: str, identity: Identity, reader: str = "") -> Shell:
    """The shell of a design, in the language of the words.

    `reader` is the language the person speaks, where it is another: how to leave is said in that one. Kept in
    memory: a batch asks for it once per recipient.
    """
    identity = identity.tidied()
    accent = colours.readable(identity.colour, GROUND)
    deep = colours.mixed(identity.colour, colours.INK, 0.35)
    context = {
        "identity": identity,
        "language": language,
        "labels": LABELS[language if language in LABELS else "en"],
        "reader": reader or language,
        "leaving": LABELS[reader if reader in LABELS else language if language in LABELS else "en"],
        "filler": _FILLER,
        "brand": identity.colour,
        "on_brand": identity.on_colour,
        "accent": accent,
        "accent_dark": colours.readable(identity.colour, DARK_GROUND),
        "accent_line": colours.readable(identity.colour, GROUND, 3.0),
        "brand_deep": deep,
        "on_brand_deep": colours.letters_on(deep),
        "tint": colours.mixed(identity.colour, colours.WHITE, 0.92),
        "dark_ground": DARK_GROUND,
        "ground": GROUND if design == "letter" else "#eef0f2",
    }
    page = f"emails/{design}.html"
    html = _tight(render_to_string(page, context))
    text = render_to_string("emails/plain.txt", context).strip() + "\n"
    return Shell(
        design=design,
        language=language,
        html=html,
        text=text,
        heading=_tight(render_to_string(f"{page}#heading", context)),
        button=_tight(render_to_string(f"{page}#button", context)),
        paragraph=_tight(render_to_string(f"{page}#paragraph", context)),
        link=f"color:{accent};{_LINK}",
    )


def fill(shell: Shell, words: Words, variables: dict[str, Any], *, unsubscribe_url: str) -> dict[str, str]:
    """One person's slots: HTML in those named so, plain text in the others.

    Raises MergeFieldMissing where a field is absent, or the button would lead nowhere.
    """
    tracked = tuple(str(value) for name, value in variables.items() if name.startswith(_TRACKED) and value)
    ours = markup.addresses(words.body) + tracked
    body = markup.tidy(rendering.render(words.body, variables, shell.language)).strip()
    language = shell.language
    heading = markup.line(rendering.render(words.heading, variables, language)) if words.heading else ""
    preheader = markup.line(rendering.render(words.preheader, variables, language)) if words.preheader else ""
    slots = {
        "subject": markup.line(rendering.render_line(words.subject, variables, shell.language)),
        "preheader": escape(preheader),
        "heading_html": shell.heading.replace("-tr-words-", escape(heading)) if heading else "",
        "heading_text": f"{heading}\n\n" if heading else "",
        "body_html": markup.paragraphs(body, paragraph=shell.paragraph, link=shell.link, ours=ours),
        "body_text": body,
        "button_html": "",
        "button_text": "",
        "unsubscribe_url": unsubscribe_url,
    }
    if link := variables.get(TRAP):
        slots["body_html"] += trap(link)
    if words.has_button:
        label = markup.line(rendering.render(words.button_label, variables, shell.language))
        url = _destination(words.button_url, variables)
        button = shell.button.replace("-tr-url-", escape(url)).replace("-tr-label-", escape(label))
        slots |= {"button_html": button, "button_text": f"\n\n{label}: {url}"}
    return slots


def trap(link: object) -> str:
    """A link that no person sees: whoever follows it is a machine."""
    return _TRAP.format(escape(str(link)))


def whole(shell: Shell, slots: Mapping[str, str]) -> Whole:
    """The email that these slots make, filled in one pass: what a value says is never filled again."""

    return Whole(slots["subject"], _filled(shell.html, slots), plain(shell, slots))


def plain(shell: Shell, slots: Mapping[str, str]) -> str:
    """The plain text of the email that these slots make."""
    return _filled(shell.text, slots)


def _filled(page: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda found: slots.get(found[1], ""), page)


def filled_in_part(page: str, slots: Mapping[str, str]) -> str:
    """A page with these slots filled, and the placeholders of all others where they were."""
    return _SLOT.sub(lambda found: slots.get(found[1], found[0]), page)


def size(slots: Mapping[str, str]) -> int:
    """Bytes that these slots have as substitutions, names included."""
    return sum([len(name) + 5 + len(value.encode()) for name, value in slots.items() if name != SUBJECT])


def substitutions(slots: Mapping[str, str]) -> dict[str, str]:
    """The slots under the names that the shell's placeholders have. No shell has one for the subject."""
    return {f"-tr-{name}-": value for name, value in slots.items() if name != SUBJECT}


def _destination(template: str, variables: dict[str, Any]) -> str:
    """Where a button leads for one person. What is merged into an address is quoted, unless it is one whole.
    Raises MergeFieldMissing where that is no address that a browser may open."""
    if not is_field(template):
        variables = {
            name: value if name.startswith(_TRACKED) else quote(str(value), safe="")
            for name, value in variables.items()
            if value not in (None, "")
        }
    url = rendering.render(template.strip(), variables, rendering.AS_STORED).strip().replace("-tr-", "%2Dtr-")
    if not is_address(url):
        raise rendering.MergeFieldMissing("The button would lead nowhere for this person")
    return url


def is_field(template: str) -> bool:
    """Whether an address is one merge field and nothing else."""
    return _FIELD_ALONE.fullmatch(template.strip()) is not None


def is_address(url: str) -> bool:
    """Whether this is a whole https address without anything a browser or mail program could misread. Plain
    http is one only for links of our own, where the deployment itself has no https."""
    if re.search(r"[\s\x00-\x1f<>\"'\\`{}]", url):
        return False
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
    own = url.startswith(f"{settings.PUBLIC_URL}/")
    return named and (parts.scheme == "https" or own)


def _tight(html: str) -> str:
    """HTML without the indentation that its template is written with."""
    return re.sub(r"\n\s*", "\n", html).strip()
