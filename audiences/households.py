"""Which home somebody belongs to: a key that equal service addresses share however they are written."""

import re
import unicodedata
from hashlib import blake2b

LONGEST_KEY = 200

_WORDS = {
    # directions
    "NORTH": "N", "SOUTH": "S", "EAST": "E", "WEST": "W",
    "NORTHEAST": "NE", "NORTHWEST": "NW", "SOUTHEAST": "SE", "SOUTHWEST": "SW",
    # street suffixes, by the postal abbreviation
    "ALLEY": "ALY", "AVENUE": "AVE", "AV": "AVE", "BEND": "BND", "BOULEVARD": "BLVD", "BRANCH": "BR",
    "CAUSEWAY": "CSWY", "CENTER": "CTR", "CENTRE": "CTR", "CIRCLE": "CIR", "CIRC": "CIR", "COURT": "CT",
    "COVE": "CV", "CREEK": "CRK", "CRESCENT": "CRES", "CROSSING": "XING", "DRIVE": "DR", "DRV": "DR",
    "ESTATES": "ESTS", "EXPRESSWAY": "EXPY", "EXTENSION": "EXT", "FREEWAY": "FWY", "GARDENS": "GDNS",
    "GLEN": "GLN", "GREEN": "GRN", "GROVE": "GRV", "HEIGHTS": "HTS", "HIGHWAY": "HWY", "HILL": "HL",
    "HILLS": "HLS", "HOLLOW": "HOLW", "ISLAND": "IS", "JUNCTION": "JCT", "KNOLL": "KNL", "LAKE": "LK",
    "LANDING": "LNDG", "LANE": "LN", "MANOR": "MNR", "MEADOW": "MDW", "MEADOWS": "MDWS", "MOUNT": "MT",
    "MOUNTAIN": "MTN", "PARKWAY": "PKWY", "PKY": "PKWY", "PIKE": "PIKE", "PLACE": "PL", "PLAZA": "PLZ",
    "POINT": "PT", "RANCH": "RNCH", "RIDGE": "RDG", "RIVER": "RIV", "ROAD": "RD", "ROUTE": "RTE",
    "SAINT": "ST", "SPRING": "SPG", "SPRINGS": "SPGS", "SQUARE": "SQ", "STATION": "STA", "STREET": "ST",
    "STR": "ST",
    "SUMMIT": "SMT", "TERRACE": "TER", "TERR": "TER", "TRACE": "TRCE", "TRAIL": "TRL", "TURNPIKE": "TPKE",
    "VALLEY": "VLY", "VIEW": "VW", "VILLAGE": "VLG", "VISTA": "VIS",
}  # fmt: skip
_BOX = re.compile(r"\bP\W*O\W*BOX\b")
_BETWEEN = re.compile(r"[^A-Z0-9#/]+")
_UNIT = {"APT", "APARTMENT", "UNIT", "STE", "SUITE", "RM", "ROOM", "NO", "SPC", "SPACE", "LOT", "TRLR"}


def normalise_address(street: str, unit: str = "", zip_code: str = "") -> str:
    """One spelling for one home: case, accents, punctuation, abbreviations and the way a unit is named.

    `12 North Main Street, Apt. 4` and `12 n main st #4` become `12 N MAIN ST #4 55401`. Empty where there
    is no street with a number or a box: that names no home.
    """
    words, found_unit = _split_unit(_words(street))
    if not any(char.isdigit() for word in words for char in word):
        return ""
    own_unit = "".join(word for word in _words(unit) if word not in _UNIT and word != "#") or found_unit
    parts = [_WORDS.get(word, word) for word in words]
    if own_unit:
        parts.append(f"#{own_unit}")
    zip5 = re.sub(r"\D", "", zip_code)[:5]
    return " ".join([*parts, zip5]).strip()


def spellings(word: str) -> set[str]:
    """The other ways in which a word of an address is written, in small letters: “st” for “street”."""
    short = _WORDS.get(word.upper(), word.upper())
    return {other.lower() for other in (short, *(long for long, to in _WORDS.items() if to == short))} - {
        word
    }


def household_key(
    *, residential: bool, customer_id: int, street: str, unit: str = "", zip_code: str = ""
) -> str:
    """`a:<address>` for residential contacts with a usable address and ZIP, else `c:<customer>`."""
    return (residential and home_of(street, unit, zip_code)) or f"c:{customer_id}"


def home_of(street: str, unit: str, zip_code: str) -> str:
    """`a:<address>` of a usable address with its ZIP, else nothing."""
    home = normalise_address(street, unit, zip_code) if zip_code.strip() else ""
    if len(home) > LONGEST_KEY - 2:
        home = blake2b(home.encode(), digest_size=16).hexdigest()
    return home and f"a:{home}"


def _words(text: str) -> list[str]:
    if not text:
        return []
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = text.upper().replace("'", "").replace("#", " # ")
    if "BOX" in plain:
        plain = _BOX.sub("POBOX", plain)
    return _BETWEEN.sub(" ", plain).split()


def _split_unit(words: list[str]) -> tuple[list[str], str]:
    """The words before a unit, and the unit: a number or one letter after its word (Lot Road is a street)."""
    for index, word in enumerate(words):
        if index > 1 and (word == "#" or word in _UNIT):
            unit = [w for w in words[index:] if w != "#" and w not in _UNIT]
            if unit and (len(unit[0]) == 1 or any(char.isdigit() for char in unit[0])):
                return words[:index], "".join(unit)
    return words, ""
