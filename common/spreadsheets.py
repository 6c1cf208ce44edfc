"""Files that people open in a spreadsheet."""

import re

# What makes a cell a formula to one spreadsheet or another; the wide forms are those of East Asian keyboards.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?[0-9]+")


def harmless(value: object) -> object:
    """What a customer wrote is never a formula to a spreadsheet; a phone's own plus sign is none."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def harmless_sql(text: str) -> str:
    """As `harmless`, said in SQL of the text expression `text`."""
    signs = ", ".join(str(ord(sign)) for sign in _FORMULA)
    formula = f"ascii({text}) IN ({signs}) AND {text} !~ '^[+-]?[0-9]+$'"
    return f"CASE WHEN {formula} THEN '''' || {text} ELSE {text} END"
