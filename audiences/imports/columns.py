"""What a column of an uploaded file may mean, and what its name suggests. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

IGNORED = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that a column may hold. `many`: several columns may hold it. `names`: what suggests it."""

    key: str
    label: str
    group: str
    names: str
    many: bool = False


_OF_HOME = r"(?:(?:service|home|mailing|billing) ?)?"
# In the order of guessing: what is more particular comes first.
_KNOWN = (
    Meaning("first_name", "First name", "Name", r"first ?name|first|given ?name|given|fname|forename|nombre"),
    Meaning("last_name", "Last name", "Name", r"last ?name|last|surname|family ?name|lname|apellido"),
    Meaning("company", "Company", "Name", r"company( ?name)?|business ?name|organi[sz]ation|employer"),
    Meaning("email", "Email", "How to reach them", r"e ?mail( ?address)?|mailbox|correo", many=True),
    Meaning(
        "mobile",
        "Mobile phone",
        "How to reach them",
        r"(mobile|cell|sms|text)( ?(phone|number|no))*|celular",
        many=True,
    ),
    Meaning(
        "phone",
        "Phone",
        "How to reach them",
        r"(phone|tel|telephone|landline)( ?(number|no|1|2))*|(home|work) ?number|number",
        many=True,
    ),
    Meaning("servicetitan_id", "ServiceTitan customer ID", "Who they are", r"service ?titan.*"),
    Meaning("consent_date", "Date of the consent", "Consent", r"(consent|opt ?in|agreed).*(date|on|at|time)"),
    Meaning(
        "consent_place",
        "Where the consent is kept",
        "Consent",
        r"(consent|opt ?in).*(source|place|where|url|link|form|from)",
    ),
    Meaning(
        "unit",
        "Unit or apartment",
        "Service address",
        r"unit|apt|apartment|suite|address ?(line ?)?2|street ?2",
    ),
    Meaning(
        "street",
        "Street",
        "Service address",
        _OF_HOME + r"(street ?address|street|address)( ?(line ?)?1)?",
    ),
    Meaning("city", "City", "Service address", _OF_HOME + r"(city|town|ciudad)"),
    Meaning("state", "State", "Service address", _OF_HOME + r"(state|province|region|st)"),
    Meaning("zip", "ZIP code", "Service address", _OF_HOME + r"(zip|postal|post)( ?code)?"),
    Meaning("tags", "Tags", "Who they are", r"tags?|labels?|segments?|groups?|lists?", many=True),
    Meaning(
        "kind",
        "Residential or commercial",
        "Who they are",
        r"(customer|account|client|contact)? ?(type|kind)|residential|commercial",
    ),
    Meaning("language", "Language", "Who they are", r"lang|language|idioma"),
    Meaning(
        "own_id",
        "Your own ID",
        "Who they are",
        r"(customer|client|contact|account|record|external|crm|our|own)? ?(id|number|no|#|key|code)",
    ),
    Meaning(
        "full_name",
        "Full name",
        "Name",
        r"(full|customer|client|contact|display)? ?name|customer|client|contact",
    ),
)
MEANINGS: dict[str, Meaning] = {meaning.key: meaning for meaning in _KNOWN}
GROUPS = ("Name", "How to reach them", "Service address", "Who they are", "Consent")
NAMES = frozenset({"first_name", "last_name", "full_name", "company"})
ADDRESSES = frozenset({"phone", "mobile", "email"})
_WHOLE = {key: re.compile(rf"(?:{meaning.names})") for key, meaning in MEANINGS.items()}
_LOOSE = (
    ("email", re.compile(r"e ?mail")), ("mobile", re.compile(r"\b(mobile|cell)")),
    ("phone", re.compile(r"\b(phone|tel)")), ("zip", re.compile(r"\b(zip|postal)\b")),
    ("city", re.compile(r"\bcity\b")), ("state", re.compile(r"\bstate\b")),
    ("street", re.compile(r"\b(street|address)\b")), ("first_name", re.compile(r"\bfirst\b")),
    ("last_name", re.compile(r"\blast name\b")),
)  # fmt: skip


def guess(names: Sequence[str]) -> list[str]:
    """A meaning a column, by its name; `IGNORED` where nothing fits or the one place is taken."""
    plain = [_plain(name) for name in names]
    found = [IGNORED] * len(plain)
    taken: set[str] = set()
    for at, name in enumerate(plain):
        for key, pattern in _WHOLE.items():
            if key not in taken and pattern.fullmatch(name):
                _give(found, taken, at, key)
                break
    for at, name in enumerate(plain):
        for key, pattern in _LOOSE:
            if not found[at] and key not in taken and pattern.search(name):
                _give(found, taken, at, key)
    return found


def problems(meanings: Sequence[str]) -> list[str]:
    """What keeps a file from being read so, in words; nothing where it can."""
    chosen = [key for key in meanings if key]
    found = []
    if not NAMES & set(chosen):
        found.append("No column is a name. Choose which column holds the full name, or first and last name.")
    if not ADDRESSES & set(chosen):
        found.append("No column is a phone or an email. Choose at least one: nobody could be reached.")
    twice = [key for key in MEANINGS if chosen.count(key) > 1 and not MEANINGS[key].many]
    found += [f"Two columns are “{MEANINGS[key].label}”. Keep one of them." for key in twice]
    return found


def _give(found: list[str], taken: set[str], at: int, key: str) -> None:
    found[at] = key
    if not MEANINGS[key].many:
        taken.add(key)


def _plain(name: str) -> str:
    """`Customer_ID` and `customerId` as `customer id`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[^\w#]+|_", " ", spaced).lower().split())
