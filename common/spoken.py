"""Days, hours and amounts as people say them, in the languages that customers are written in.

What is no day or amount is given back as it is: words that are already for people stay so.
"""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from common.phone import display_phone

LANGUAGES = {"en": "English", "es": "Spanish"}
ENGLISH = "en"
_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
        "noviembre", "diciembre",
    ),
}  # fmt: skip


class Form(StrEnum):
    """What a value is, and so how it is said. The values people store are ISO days and hours, and numbers."""

    TEXT = "text"
    WEEKDAY = "weekday"  # Tuesday, November 24; martes 24 de noviembre
    DAY = "day"  # November 24, 2026; 24 de noviembre de 2026
    MONTH = "month"  # November 2026; noviembre de 2026
    HOUR = "hour"  # 2:30 pm; 2:30 p. m.
    SPAN = "span"  # 2:00 pm to 4:00 pm; 2:00 p. m. a 4:00 p. m.
    MONEY = "money"  # $1,250, with cents where there are some
    PHONE = "phone"
    LINK = "link"


@lru_cache(maxsize=8192)
def say(value: str, form: Form, language: str = ENGLISH) -> str:
    """A stored value as a person reads it; as it is where it has no such form."""
    spoken = _SPOKEN.get(form)
    if spoken is None:
        return value
    try:
        return spoken(value, language if language in LANGUAGES else ENGLISH)
    except (ValueError, InvalidOperation):
        return value


def weekday(value: str, language: str) -> str:
    """“Tuesday, November 24” of an ISO day. Raises ValueError for anything else."""
    day = date.fromisoformat(value)
    name, month = _DAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    return f"{name} {day.day} de {month}" if language == "es" else f"{name}, {month} {day.day}"


def whole_day(value: str, language: str) -> str:
    """“November 24, 2026” of an ISO day. Raises ValueError for anything else."""
    day = date.fromisoformat(value)
    month = _MONTHS[language][day.month - 1]
    return f"{day.day} de {month} de {day.year}" if language == "es" else f"{month} {day.day}, {day.year}"


def month(value: str, language: str) -> str:
    """“November 2026” of an ISO day. Raises ValueError for anything else."""
    day = date.fromisoformat(value)
    name = _MONTHS[language][day.month - 1]
    return f"{name} de {day.year}" if language == "es" else f"{name} {day.year}"


def hour(value: str, language: str) -> str:
    """“2:30 pm” of “14:30”. Raises ValueError for anything else."""
    at = time.fromisoformat(value)
    half = ("am", "pm") if language == "en" else ("a. m.", "p. m.")
    return f"{at.hour % 12 or 12}:{at:%M} {half[at.hour >= 12]}"


def span(value: str, language: str) -> str:
    """“2:00 pm to 4:00 pm” of “14:00-16:00”. Raises ValueError for anything else."""
    begin, end = value.split("-")
    between = "to" if language == "en" else "a"
    return f"{hour(begin, language)} {between} {hour(end, language)}"


def money(value: str, language: str) -> str:
    """“$1,250” of “1250.00”, “$1,250.50” of “1250.5”. Raises InvalidOperation for what is no number."""
    amount = Decimal(value)
    if not amount.is_finite():
        raise InvalidOperation
    places = 0 if amount == amount.to_integral_value() else 2
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{places}f}"


_SPOKEN: dict[Form, Callable[[str, str], str]] = {
    Form.WEEKDAY: weekday,
    Form.DAY: whole_day,
    Form.MONTH: month,
    Form.HOUR: hour,
    Form.SPAN: span,
    Form.MONEY: money,
    Form.PHONE: lambda value, _: display_phone(value),
}
