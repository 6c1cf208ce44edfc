"""Files that people open in a spreadsheet."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> object:
    """What a customer wrote is never a formula to a spreadsheet; a phone's own plus sign is none."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not value[1:].isdecimal():
        return f"'{value}"
    return value
