"""Rows of an uploaded file as people: every cell understood, or said why not. Pure; no database.

A row is taken whole or not at all: one cell that cannot be read is a reason to refuse it, so that nothing is
dropped unseen. Common spellings go a short way, for files of a million rows.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from audiences import uploads
from audiences.derived_contacts import split_name
from audiences.households import home_of
from audiences.models import Contact
from audiences.opt_out_lists import LONGEST_MAILBOX
from audiences.places import Place
from audiences.state_names import state_code
from audiences.uploads import shown
from common.phone import e164_of, parse_phone

RESIDENTIAL, COMMERCIAL = Contact.Kind.RESIDENTIAL.value, Contact.Kind.COMMERCIAL.value
MOST_TAGS = 20
MOST_ADDRESSES = 50  # phones and mailboxes of one row
_LONGEST = {
    "first_name": 100, "last_name": 100, "full_name": 200, "company": 200, "street": 140, "unit": 50,
    "city": 100, "own_id": 100, "consent_place": 500,
}  # fmt: skip
_ATTRIBUTES = {"full_name": "name"}
_LOST = "{} holds a character that was lost in an earlier export"
_LONGEST_TAG = 200
_BLANK = frozenset({"-", "--", "n/a", "na", "null", "none", "#n/a", "."})
_FORMULA = "=+-@'"
_WRAPPED = re.compile(r'="([^"]*)"')
_SHORTENED = re.compile(r"\d(\.\d+)?e\+?\d+", re.IGNORECASE)
_NUMBER = re.compile(r"[+-][0-9 ().-]+((x|ext\.?) ?[0-9]+)?", re.IGNORECASE)
_NO_EXTENSION = re.compile(r"[0-9 ().+-]+")
_SEVERAL = re.compile(r"[;,|\n]")
_PLAIN_MAILBOX = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,20}"
)
_CODE = re.compile(r"[A-Z]{2}")
_ZIP = re.compile(r"[0-9]{5}")
_US_ZIP = re.compile(r"([0-9]{3,5})(?:[- ]?([0-9]{4}))?(?:\.0)?")
_OTHER_ZIP = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{1,9}")
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d", "%b %d, %Y", "%B %d, %Y")
_KINDS = {
    "residential": RESIDENTIAL, "res": RESIDENTIAL, "home": RESIDENTIAL, "homeowner": RESIDENTIAL,
    "individual": RESIDENTIAL, "person": RESIDENTIAL, "r": RESIDENTIAL,
    "commercial": COMMERCIAL, "com": COMMERCIAL, "comm": COMMERCIAL, "business": COMMERCIAL,
    "company": COMMERCIAL, "c": COMMERCIAL,
}  # fmt: skip
_LANGUAGES = {
    "en": "en", "eng": "en", "english": "en", "inglés": "en", "ingles": "en",
    "es": "es", "spa": "es", "spanish": "es", "español": "es", "espanol": "es",
}  # fmt: skip
# ASCII alone: what other letters share is for no table of ours to say.
IGNORED_IN_NAMES = " .,'’\"-`"
UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_FOLD = str.maketrans(UPPER, LOWER, IGNORED_IN_NAMES)


class Refused(Exception):
    """One cell cannot be taken; the words say why."""


@dataclass(slots=True)
class Person:
    """One row, understood. `problems` are (column, words); a person with any is not taken."""

    number: int = 0
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    company: str = ""
    kind: str = ""  # blank: the file does not say
    language: str = ""
    phones: dict[str, bool] = field(default_factory=dict)  # E.164 → whether the column says mobile
    emails: dict[str, None] = field(default_factory=dict)
    street: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    own_id: str = ""
    servicetitan_id: int = 0
    tags: list[str] = field(default_factory=list)
    consent_date: date | None = None
    consent_place: str = ""
    problems: list[tuple[int, str]] = field(default_factory=list)
    home: str = ""  # the key of the household by address; blank: a home of their own
    key: str = ""  # what two spellings of the same name share
    line: str = ""  # its columns of a contact, as COPY reads them; made ahead, like `place`
    place: Place | None = None

    @property
    def why(self) -> str:
        """Why the row is refused, as one line."""
        return "; ".join(words for _, words in self.problems)


def name_key(first: str, last: str, name: str) -> str:
    """A name without case, blanks and punctuation; by first and last name where the first is known."""
    return ((first + last) if first else name).translate(_FOLD)


Setter = Callable[[Person, str], None]


class Reader:
    """Understands the rows of one file, whose columns mean `meanings`. `today` ends what dates may be."""

    def __init__(self, meanings: Sequence[str], *, today: date) -> None:
        self._width = len(meanings)
        self._today = today
        self._columns = [(at, self._setter(key)) for at, key in enumerate(meanings) if key]

    def read(self, number: int, cells: list[str] | None, lines: int = 1) -> Person | None:
        """The person in a row that took up `lines` lines; None where every cell is blank."""
        person = Person(number)
        if cells is None:
            person.problems.append((-1, "a cell has more than 130,000 characters"))
            return person
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            person.problems.append((-1, self._too_wide(len(cells))))
        if lines > 1 and uploads.swallowed(cells):
            person.problems.append((-1, "a cell goes over several lines that hold phones or mailboxes: is a "
                                        "quotation mark not closed?"))  # fmt: skip
        width, filled = len(cells), False
        for at, take in self._columns:
            if at < width and (text := cells[at].strip()):
                filled = True
                if text.lower() not in _BLANK:
                    try:
                        take(person, _plain(text) if text[0] in _FORMULA or not text.isprintable() else text)
                    except Refused as refused:
                        person.problems.append((at, str(refused)))
        if not filled and not person.problems and not any(cell.strip() for cell in cells):
            return None
        self._complete(person)
        return person

    def _too_wide(self, width: int) -> str:
        return (
            f"the row has {width:,} cells and the file {self._width:,} columns: is a quotation mark missing "
            "around a comma?"
        )

    def _complete(self, person: Person) -> None:
        """The name as a whole, and what is missing."""
        if person.first_name or person.last_name:
            if not person.name:
                person.name = f"{person.first_name} {person.last_name}".strip()
        elif person.name and person.kind != COMMERCIAL:
            person.first_name, person.last_name = split_name(person.name, RESIDENTIAL)
        if person.company and (not person.name or person.kind == COMMERCIAL):
            person.kind = COMMERCIAL
            person.name = person.company
        if not person.problems:
            if not person.name:
                person.problems.append((-1, "the row has no name"))
            elif not person.phones and not person.emails:
                person.problems.append((-1, "the row has neither a phone nor an email"))
            elif len(person.phones) + len(person.emails) > MOST_ADDRESSES:
                person.problems.append((-1, f"the row has more than {MOST_ADDRESSES} phones and emails"))
        person.key = name_key(person.first_name, person.last_name, person.name)
        person.home = home_of(person.street, person.unit, person.zip)

    def _setter(self, key: str) -> Setter:
        special: dict[str, Setter] = {
            "phone": _take_phone, "mobile": _take_mobile, "email": _take_email,
            "state": _take_state, "zip": _take_zip, "tags": _take_tags, "kind": _take_kind,
            "language": _take_language, "servicetitan_id": _take_servicetitan_id,
            "consent_date": self._take_date,
        }  # fmt: skip
        return special.get(key) or _text_setter(key)

    def _take_date(self, person: Person, text: str) -> None:
        day = _day(text)
        if day is None:
            raise Refused(f"{shown(text)} is no date; write 2026-03-14 or 3/14/2026")
        if day > self._today:
            raise Refused(f"{shown(text)} lies ahead; a consent counts from the day it was given")
        person.consent_date = day


def _plain(text: str) -> str:
    """A cell without what spreadsheets put around it. Raises Refused for a formula or broken characters."""
    if text[0] == "'":
        if text[1:2] not in ("=", "+", "-", "@"):
            return text
        text = text[1:]  # so do files of ours and others keep a spreadsheet from calculating
    if wrapped := _WRAPPED.fullmatch(text):
        return wrapped[1].strip()  # a spreadsheet's way to keep a number as it is written
    if uploads.BROKEN in text or "\0" in text:
        raise Refused(_LOST.format(shown(text)))
    if text[0] in "=@" or (text[0] in "+-" and not _NUMBER.fullmatch(text)):
        raise Refused(f"{shown(text)} is a formula")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _text_setter(key: str) -> Setter:
    longest, attribute = _LONGEST[key], _ATTRIBUTES.get(key, key)

    def take(person: Person, text: str) -> None:
        if len(text) > longest:
            raise Refused(f"{shown(text)} has more than {longest} characters")
        if uploads.BROKEN in text:
            raise Refused(_LOST.format(shown(text)))
        setattr(person, attribute, text)

    return take


def _take_phone(person: Person, text: str, mobile: bool = False) -> None:
    for part in _SEVERAL.split(text):
        if not (written := part.strip().lstrip("'")):
            continue
        value = e164_of(written)
        if not value:
            if _SHORTENED.fullmatch(written):
                raise Refused(f"{shown(text)} was shortened by a spreadsheet; format the column as text")
            raise Refused(f"{shown(text)} is no phone number")
        if not _NO_EXTENSION.fullmatch(written) and (phone := parse_phone(written)) and phone.extension:
            raise Refused(f"{shown(text)} is behind an extension, where no text arrives")
        person.phones[value] = person.phones.get(value, False) or mobile


def _take_mobile(person: Person, text: str) -> None:
    _take_phone(person, text, mobile=True)


def _take_email(person: Person, text: str) -> None:
    value = text.lower()
    if _PLAIN_MAILBOX.fullmatch(value) and len(value) <= LONGEST_MAILBOX:
        person.emails[value] = None
        return
    for part in _SEVERAL.split(value):
        if not (mailbox := part.strip(" \t<>'")):
            continue
        if not is_mailbox(mailbox):
            raise Refused(f"{shown(text)} is no email address")
        person.emails[mailbox] = None


def is_mailbox(value: str) -> bool:
    """Whether Django takes this for an email address, and it fits."""
    try:
        validate_email(value)
    except ValidationError:
        return False
    return len(value) <= LONGEST_MAILBOX


def _take_state(person: Person, text: str) -> None:
    code = (
        text if len(text) == 2 and text.isupper() and text.isascii() and text.isalpha() else state_code(text)
    )
    if not code:
        raise Refused(f"{shown(text)} is no state")
    person.state = code


def _take_zip(person: Person, text: str) -> None:
    if _ZIP.fullmatch(text):
        person.zip = text
    elif american := _US_ZIP.fullmatch(text):
        zip5 = american[1].zfill(5)  # spreadsheets take away leading noughts
        person.zip = f"{zip5}-{american[2]}" if american[2] else zip5
    elif _OTHER_ZIP.fullmatch(text) and len(text) <= 10:
        person.zip = text.upper()
    else:
        raise Refused(f"{shown(text)} is no ZIP code")


def _take_tags(person: Person, text: str) -> None:
    known = {tag.lower() for tag in person.tags}
    for part in _SEVERAL.split(text):
        tag = " ".join(part.split())
        if len(tag) > _LONGEST_TAG:
            raise Refused(f"{shown(tag)} is longer than a tag may be")
        if tag and tag.lower() not in known:
            known.add(tag.lower())
            person.tags.append(tag)
    if len(person.tags) > MOST_TAGS:
        raise Refused(f"{shown(text)} are more than {MOST_TAGS} tags")


def _take_kind(person: Person, text: str) -> None:
    if (kind := _KINDS.get(text.lower())) is None:
        raise Refused(f"{shown(text)} is no kind of customer; write residential or commercial")
    person.kind = kind


def _take_language(person: Person, text: str) -> None:
    if (language := _LANGUAGES.get(text.lower())) is None:
        raise Refused(f"{shown(text)} is no language we write; write en or es")
    person.language = language


def _take_servicetitan_id(person: Person, text: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0):
        raise Refused(f"{shown(text)} is no ServiceTitan ID")
    person.servicetitan_id = int(text)


def _day(text: str) -> date | None:
    for form in _DATES:
        try:
            return datetime.strptime(text[:10] if form == "%Y-%m-%d" else text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
