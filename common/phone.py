"""Phone numbers as people write them, as E.164, with what the number itself reveals.

A number only has to be possible, not assigned: numbering plans change before libraries do, and
555-01xx, reserved for examples, must work in tests and demonstrations.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType, timezone

DEFAULT_REGION = "US"  # one numbering plan with Canada: country code 1
_NORTH_AMERICA = re.compile(r"[2-9]\d{2}[2-9]\d{6}")  # area code and exchange never begin with 0 or 1
# As nearly everybody writes them here; what it reads, `parse_phone` reads alike (a test compares them).
_COMMON = re.compile(
    r" *(?:\+?1[ .-]?)?(?:\(([2-9][0-9]{2})\)|([2-9][0-9]{2}))[ .-]{0,2}([2-9][0-9]{2})[ .-]?([0-9]{4}) *"
)
# An area code spans at most three zones; a longer list is a whole country and says nothing.
_MOST_ZONES = 8


class PhoneKind(StrEnum):
    """What the numbering plan says about a number. In North America it cannot tell mobile from fixed."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    TOLL_FREE = "toll_free"
    OTHER = "other"  # premium, pager, shared cost ...
    UNKNOWN = "unknown"  # possible, but not known to be assigned


_KINDS = {
    PhoneNumberType.MOBILE: PhoneKind.MOBILE,
    PhoneNumberType.FIXED_LINE: PhoneKind.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: PhoneKind.FIXED_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: PhoneKind.TOLL_FREE,
    PhoneNumberType.UNKNOWN: PhoneKind.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Phone:
    """One number, understood."""

    e164: str
    kind: PhoneKind
    region: str  # US, CA ...; empty where unknown
    zones: tuple[str, ...]  # candidate IANA zones, sorted; empty where the number does not say
    extension: str = ""  # a number behind an extension cannot be texted


def textable(text: str) -> str:
    """The E.164 of a number as written that a text can be sent to; "" where it cannot be one."""
    phone = parse_phone(text)
    return phone.e164 if phone and not phone.extension else ""


def parse_phone(text: str, region: str = DEFAULT_REGION) -> Phone | None:
    """Understand a number as written; None where it cannot be one (short codes and 911 included)."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if number.country_code == 1 and not _NORTH_AMERICA.fullmatch(str(number.national_number)):
        return None
    kind = _KINDS.get(phonenumbers.number_type(number), PhoneKind.OTHER)
    return Phone(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        kind=kind,
        region=phonenumbers.region_code_for_number(number) or "",
        zones=_zones(number, kind),
        extension=number.extension or "",
    )


def e164_of(text: str) -> str:
    """The number alone; "" where it cannot be one. Of common spellings some forty times as fast."""
    if common := _COMMON.fullmatch(text):
        bracketed, bare, exchange, line = common.groups()
        return f"+1{bracketed or bare}{exchange}{line}"
    phone = parse_phone(text)
    return phone.e164 if phone else ""


def display_phone(e164: str) -> str:
    """The number as people read it: (512) 555-0142 for +1, international form elsewhere."""
    try:
        number = phonenumbers.parse(e164, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        return e164
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(
        number, style.NATIONAL if number.country_code == 1 else style.INTERNATIONAL
    )


def _zones(number: phonenumbers.PhoneNumber, kind: PhoneKind) -> tuple[str, ...]:
    if kind in (PhoneKind.TOLL_FREE, PhoneKind.OTHER):
        return ()
    zones = timezone.time_zones_for_geographical_number(number)
    if len(zones) > _MOST_ZONES or timezone.UNKNOWN_TIMEZONE in zones:
        return ()
    return tuple(sorted(zones))
