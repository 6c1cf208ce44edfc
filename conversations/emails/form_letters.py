"""Form letters: what one template says in one shell, made once, with a placeholder for each value.

Nearly all of what `shells.fill` makes is the same for everybody. A form letter is what it makes of signs that
stand for the values; filling in values gives the same wherever no step could take one for more than words.
For any other value, and for words with more than fields in them, `shells.fill` is asked. A request then says
the words once and each person's values alone.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from operator import itemgetter
from typing import Any, NamedTuple

from liquid.exceptions import LiquidError

from common.spoken import Form, say
from conversations import rendering
from conversations.emails import shells
from conversations.emails.shells import Shell
from conversations.emails.words import Words

_SIGNS = "\ue000-\uf8ff"  # of private use: nobody writes them
_FIRST, _FIRST_LINK, _URL = 0xE000, 0xE800, "\uf8ff"
_MOST_FIELDS = 200
_HAS_SIGN = re.compile(f"[{_SIGNS}]")
_OF_WORDS, _OF_LINKS = f"[{chr(_FIRST)}-{chr(_FIRST_LINK - 1)}]", f"[{chr(_FIRST_LINK)}-\uf8fe]"
# “&” shows whether a value is escaped there.
_SIGN = re.compile(f"({_OF_WORDS})(&amp;|&)|https://({_OF_LINKS})|{_URL}")
# A value inside an address would decide where that ends; beside half a placeholder, it could make one whole.
_UNFIT = re.compile(f'://[^\\s<>"]*{_OF_WORDS}|-tr(?:https://)?[{_SIGNS}]|[{_SIGNS}](?:&amp;|&)?tr-')
# Words as records have them: nothing that begins a list or a link, or is more than words.
_WORDS = re.compile(r"[\w($+#](?:[\w .,'’&/+#()$-]{0,198}[\w.)])?")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9_-]+)+/?")
_OF_PLACEHOLDER = re.compile(r"(?:^|-)tr?(?:-|$)|^r(?:-|$)|-$")
_TRAP = "trap"
_LONGEST = rendering.LONGEST_BYTES // 4  # characters, so that no limit of the library's is met


class Filled(NamedTuple):
    """One person's email: a shell with its words, the slots left in that, and all of its plain text."""

    shell: Shell
    slots: dict[str, str]
    text: str  # with the address for leaving that was given for it


class _Field(NamedTuple):
    """A merge field: how its value is said, and what stands there where there is none."""

    name: str
    form: Form | None
    fallback: str | None
    is_link: bool


class _Words(NamedTuple):
    """Words with a %s for each value, and which values those are."""

    words: str
    pick: Callable[[tuple[str, ...]], Any]

    def filled(self, values: tuple[str, ...]) -> str:
        """The words with these values, as they are and escaped in turn."""
        made: str = self.words % self.pick(values)
        return made


@dataclass(frozen=True, slots=True)
class FormLetter:
    """What somebody wrote, in its shell, for everybody whose values are words."""

    shell: Shell
    language: str
    fields: tuple[_Field, ...]
    slots: tuple[tuple[str, int], ...]  # what is left in the shell, and which value fills it
    subject: _Words
    text: _Words
    room: int  # characters that the values may have

    def fill(self, variables: Mapping[str, Any], *, unsubscribe_url: str, untold_url: str) -> Filled | None:
        """One person's email, with `untold_url` in its plain text; None where `shells.fill` must be asked."""
        values, length = list[str](), 0
        for name, form, fallback, is_link in self.fields:
            value, pair = variables.get(name), None
            if is_link:
                pair = _link(value) if type(value) is str else None
            elif value is None or type(value) is str:
                pair = _pair(value, form, fallback, self.language)
            if pair is None:
                return None
            values += pair
            length += len(pair[1])
        if length > self.room:
            return None
        values.append(untold_url)
        filled = tuple(values)
        subject = self.subject.filled(filled)
        if len(subject) > rendering.LONGEST_LINE:
            return None
        slots = {shells.SUBJECT: subject, "unsubscribe_url": unsubscribe_url}
        for slot, place in self.slots:
            slots[slot] = filled[place]
        if trap := variables.get(shells.TRAP):
            slots[_TRAP] = shells.trap(trap)
        return Filled(self.shell, slots, self.text.filled(filled))


@lru_cache(maxsize=512)
def form_letter(shell: Shell, words: Words, *, trapped: bool) -> FormLetter | None:
    """What these words are in this shell, with or without a link that only machines follow; None where each
    person's email has to be put together alone."""
    fields = _fields(words)
    if fields is None or _HAS_SIGN.search("".join(words.all) + shell.html + shell.text):
        return None
    signs = {
        field.name: f"https://{chr(_FIRST_LINK + place)}" if field.is_link else f"{chr(_FIRST + place)}&"
        for place, field in enumerate(fields)
    }
    try:
        slots = shells.fill(shell, words, signs, unsubscribe_url=_URL)
    except rendering.MergeFieldMissing:
        return None
    said = "\n".join(slots.values())
    if _UNFIT.search(said) or len(set(_HAS_SIGN.findall(said))) <= len(fields):
        return None
    text = shells.plain(shell, slots)
    del slots["unsubscribe_url"]
    if trapped:
        slots["body_html"] += f"-tr-{_TRAP}-"
    left: dict[str, int] = {}

    def placeholder(found: re.Match[str]) -> str:
        place = _place(found, len(fields))
        name = f"{'html' if place % 2 else 'text'}_{_letters(place // 2)}"
        left[name] = place
        return f"-tr-{name}-"

    html, plain = (
        _SIGN.sub(placeholder, shells.filled_in_part(page, slots)) for page in (shell.html, shell.text)
    )
    return FormLetter(
        shell=replace(shell, html=html, text=plain),
        language=shell.language,
        fields=fields,
        slots=tuple(left.items()),
        subject=_words(slots[shells.SUBJECT], len(fields)),
        text=_words(text, len(fields)),
        room=_room(words),
    )


def _letters(number: int) -> str:
    """A number as letters, which are all that a placeholder has."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _place(sign: re.Match[str], fields: int) -> int:
    """Which of a person's values stands at a sign: those of each field as they are and escaped, then the
    address for leaving."""
    if sign[1]:
        return 2 * (ord(sign[1]) - _FIRST) + (sign[2] == "&amp;")
    return 2 * (ord(sign[3]) - _FIRST_LINK if sign[3] else fields)


def _room(words: Words) -> int:
    """Characters that the values may have together, in whatever part they are used most often."""
    used = [Counter(gap.name for gap in rendering.gaps(part) or ()) for part in words.all if part]
    most = max((count for counted in used for count in counted.values()), default=1)
    return (_LONGEST - max(map(len, words.all))) // most


def _fields(words: Words) -> tuple[_Field, ...] | None:
    """The merge fields in these words, each once; None where they hold more than fields, or where a field in
    an address would have to be quoted."""
    found: dict[str, rendering.GapOf] = {}
    for part in filter(None, words.all):
        try:
            gaps = rendering.gaps(part)
        except LiquidError:
            return None
        if gaps is None or (gaps and part == words.button_url and not shells.is_field(part)):
            return None
        for gap in gaps:
            before = found.setdefault(gap.name, gap)
            if before.fallback != gap.fallback:
                found[gap.name] = gap._replace(fallback=None)
    leads = words.button_url.strip()
    if len(found) > _MOST_FIELDS or (leads and not leads.startswith(("{{", "https://"))):
        return None
    return tuple(
        _Field(gap.name, gap.form, gap.fallback, gap.name.startswith(rendering.LINK_FIELD))
        for gap in found.values()
    )


@lru_cache(maxsize=8192)
def _pair(
    value: str | None, form: Form | None, fallback: str | None, language: str
) -> tuple[str, str] | None:
    """A value as people read it, and the same escaped; None where it might be more than words."""
    said = (say(value, form, language) if form else value) if value else fallback
    if said is None or not _WORDS.fullmatch(said) or "  " in said or _OF_PLACEHOLDER.search(said):
        return None
    return said, escape(said)


def _link(value: str) -> tuple[str, str] | None:
    """As `_pair`, a short link of ours."""
    return (value, value) if _ADDRESS.fullmatch(value) and not _OF_PLACEHOLDER.search(value) else None


def _words(said: str, fields: int) -> _Words:
    """Words with signs in them, as those with a %s for each."""
    places: list[int] = []

    def gap(found: re.Match[str]) -> str:
        places.append(_place(found, fields))
        return "%s"

    words = _SIGN.sub(gap, said.replace("%", "%%"))
    return _Words(words, itemgetter(*places) if places else _nothing)


def _nothing(_: tuple[str, ...]) -> tuple[()]:
    return ()
