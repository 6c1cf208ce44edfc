"""What is wrong with a node's settings, in the words of whoever set them."""

from collections.abc import Mapping
from typing import Any

NAMES = {
    "body": "text",
    "subject": "subject",
    "reason": "reason",
    "summary": "words of the request",
    "timeout_minutes": "time it waits",
    "minutes": "time it waits",
    "at": "time of day",
    "days": "weekdays",
    "conditions": "conditions",
    "arms": "ways",
    "weight": "share",
    "label": "name of the way",
    "field": "question",
    "operator": "comparison",
    "value": "answer",
    "add_tags": "tags to add",
    "remove_tags": "tags to remove",
    "heading": "heading",
    "preheader": "preview line",
    "button_label": "button",
    "button_url": "address of the button",
    "script": "script",
    "media": "pictures",
}
_SAYS = {
    "missing": "The {name} is missing.",
    "string_too_short": "The {name} is missing.",
    "too_short": "There are too few {name}: at least {min_length}.",
    "string_too_long": "The {name} is too long: at most {max_length} characters.",
    "too_long": "There are too many {name}: at most {max_length}.",
    "greater_than_equal": "The {name} is too small: at least {ge}.",
    "less_than_equal": "The {name} is too large: at most {le}.",
    "int_parsing": "The {name} is a whole number.",
    "int_type": "The {name} is a whole number.",
    "int_from_float": "The {name} is a whole number.",
    "extra_forbidden": "There is no setting “{name}”.",
    "string_pattern_mismatch": "The {name} begins with a letter and has only letters, digits and spaces.",
}


def of(error: Mapping[str, Any]) -> str:
    """One error of pydantic's as a sentence; where it stands in a list, with its place there."""
    where = [part for part in error["loc"] if isinstance(part, str)]
    places = [part for part in error["loc"] if isinstance(part, int)]
    last = where[-1] if where else ""
    name = NAMES.get(last, last.replace("_", " "))
    if error["type"] == "value_error":
        words = str(error["msg"]).removeprefix("Value error, ")
        said = words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")
    else:
        template = _SAYS.get(error["type"], "The {name} cannot be read: write it again.")
        said = template.format(name=name or "setting", **error.get("ctx", {}))
    if "spanish" in where:
        return f"Spanish: {said}"
    return f"Number {places[0] + 1}: {said}" if places else said
