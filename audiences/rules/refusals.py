"""What is wrong with a value that somebody typed, in words. Pure."""

from typing import Any

_WORDS = {
    "int_parsing": "type a whole number", "int_from_float": "type a whole number",
    "int_type": "type a whole number", "decimal_parsing": "type a number", "decimal_type": "type a number",
    "finite_number": "type a number", "greater_than_equal": "type {ge:,} or more",
    "less_than_equal": "type {le:,} or less", "string_too_short": "type a word",
    "string_too_long": "a word has at most {max_length} characters",
    "string_pattern_mismatch": "a word has a character that cannot be kept",
    "too_long": "choose at most {max_length:,}", "too_short": "choose at least one",
    "date_parsing": "choose a day", "date_type": "choose a day", "date_from_datetime_parsing": "choose a day",
    "date_from_datetime_inexact": "choose a day",
}  # fmt: skip


def words(error: Any) -> str:
    """A sentence without its end, for one of pydantic's errors; its own words where we have none."""
    if said := _WORDS.get(error["type"]):
        return said.format(**error.get("ctx", {}))
    own = str(error["msg"]).removeprefix("Value error, ")
    return f"{own[:1].lower()}{own[1:]}"
