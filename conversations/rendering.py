"""Merge fields: what a text says to one person. Liquid without includes; a missing field is an error."""

from collections.abc import Mapping
from functools import lru_cache

from liquid import DictLoader, Environment, StrictUndefined
from liquid.exceptions import LiquidError

_environment = Environment(undefined=StrictUndefined, loader=DictLoader({}))


class MergeFieldMissing(Exception):
    """A text needs something that is not known of this contact; the person is skipped, never sent a hole."""


def problems(body: str, known: set[str]) -> list[str]:
    """What is wrong with a text's merge fields, in words; empty when it can be filled."""
    try:
        template = _environment.from_string(body)
        used = {str(name).split(".")[0] for name in template.analyze().globals}
    except LiquidError as error:
        return [f"The text cannot be read: {error}"]
    return [f"There is no merge field “{name}”." for name in sorted(used - known)]


def fields(body: str) -> list[str]:
    """The merge fields a text uses, sorted. Raises LiquidError for a text that cannot be read."""
    return sorted({str(name).split(".")[0] for name in _environment.from_string(body).analyze().globals})


def render(body: str, variables: dict[str, object]) -> str:
    """Fill a text for one person. Raises MergeFieldMissing where a field is absent or empty."""
    known = {name: value for name, value in variables.items() if value not in (None, "")}
    try:
        return _parsed(body).render(**known)
    except LiquidError as error:
        raise MergeFieldMissing(_in_words(body, known)) from error


def _in_words(body: str, known: Mapping[str, object]) -> str:
    """What is missing, short enough to be kept with a message: the library's words quote the whole text."""
    absent = ", ".join(name.replace("_", " ") for name in fields(body) if name not in known)
    return f"Nothing is known for: {absent}"[:300] if absent else "The text cannot be filled for this person"


@lru_cache(maxsize=1024)
def _parsed(body: str):  # type: ignore[no-untyped-def]  # the library's template class is private to it
    return _environment.from_string(body)
