"""Merge fields: what a text says to one person. Liquid without includes; a missing field is an error.

People write these texts, so nothing in one may keep a sender busy: loops, variables and output are limited.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, NamedTuple

from liquid import BoundTemplate, DictLoader, Environment, StrictUndefined
from liquid.builtin.content import ContentNode
from liquid.builtin.output import OutputNode
from liquid.exceptions import (
    LiquidError,
    LiquidSyntaxError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
    UnknownFilterError,
)

LONGEST_BYTES = 8_000  # five times what a text may have, in UTF-8
LONGEST_LINE = 300  # of `Message.subject`
# A range inside a tag: `(1..9)`. No text needs one, and looking through a long one takes for ever.
_RANGE = re.compile(r"\{[{%](?:(?![%}]\}).)*\.\.", re.DOTALL)


class MergeFieldMissing(Exception):
    """A text needs something that is not known of this contact; the person is skipped, never sent a hole."""


class _TextEnvironment(Environment):
    loop_iteration_limit = 1_000
    local_namespace_limit = 20_000  # bytes, roughly
    output_stream_limit = LONGEST_BYTES

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, loader=DictLoader({}))
        # The limits above do not see what passes from one filter to the next.
        self.filters = {name: _bounded(function) for name, function in self.filters.items()}


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that may not answer with more than a whole text."""

    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        answer = function(*args, **kwargs)
        if isinstance(answer, str) and len(answer) > LONGEST_BYTES:
            raise OutputStreamLimitError("the text grows too long", token=None)
        return answer

    return bounded


_environment = _TextEnvironment()


def problems(body: str, known: set[str]) -> list[str]:
    """What is wrong with a text's merge fields, in words; empty when it can be filled."""
    try:
        used = set(fields(body))
    except LiquidError as error:
        return [f"The text cannot be read: {_words(error)}"]
    if unknown := sorted(used - known):
        return [f"There is no merge field “{name}”." for name in unknown]
    try:
        _parsed(body).render(**dict.fromkeys(used, "x"))
    except (ResourceLimitError, UndefinedError, UnknownFilterError) as error:
        return [f"The text cannot be filled: {_words(error)}"]
    except Exception:
        return []  # of the sample value only: how real ones fare is known per person
    return []


def fields(body: str) -> list[str]:
    """The merge fields a text uses, sorted. Raises LiquidError for a text that cannot be read."""
    return sorted({str(name).split(".")[0] for name in _parsed(body).analyze().globals})


def render(body: str, variables: dict[str, Any]) -> str:
    """Fill a text for one person. Raises MergeFieldMissing where a field is absent or empty."""
    known = {name: value for name, value in variables.items() if value not in (None, "")}
    try:
        filled = _fill(_plain(body), known)
        return _parsed(body).render(**known) if filled is None else filled
    except Exception as error:  # the library slips too, and one person's text must not hold up the others'
        raise MergeFieldMissing(_in_words(body, known)) from error


def render_line(words: str, variables: dict[str, Any]) -> str:
    """As `render`, in one line of at most 300 characters: an email's subject, which may not be empty."""
    line = " ".join(render(words, variables).split())[:LONGEST_LINE]
    if not line:
        raise MergeFieldMissing("The subject would be empty for this person")
    return line


def _in_words(body: str, known: Mapping[str, object]) -> str:
    """What is missing, short enough to be kept with a message: the library's words quote the whole text."""
    try:
        absent = ", ".join(name.replace("_", " ") for name in fields(body) if name not in known)
    except LiquidError:
        absent = ""
    return f"Nothing is known for: {absent}"[:300] if absent else "The text cannot be filled for this person"


@lru_cache(maxsize=1024)
def _parsed(body: str) -> BoundTemplate:
    if _RANGE.search(body):
        raise LiquidSyntaxError("a text cannot hold a range", token=None)
    return _environment.from_string(body)


class _Plain(NamedTuple):
    """A text of words and fields alone, as most are: the words with a %s for each field."""

    words: str
    fields: tuple[str, ...]


@lru_cache(maxsize=1024)
def _plain(body: str) -> _Plain | None:
    """None for a text with tags, filters or anything else that only the library can fill."""
    template = _parsed(body)
    known = {str(name) for name in template.analyze().globals}
    words, names = [], []
    for node in template.nodes:
        if isinstance(node, ContentNode):
            words.append(node.text.replace("%", "%%"))
        elif isinstance(node, OutputNode) and (name := str(node)[3:-3]) in known:
            words.append("%s")
            names.append(name)
        else:
            return None
    return _Plain("".join(words), tuple(names))


def _fill(plain: _Plain | None, known: Mapping[str, Any]) -> str | None:
    """What the library would make of a plain text, for a tenth of the work; None where it has to be asked:
    a field is missing or no text, or the text grows long."""
    if plain is None:
        return None
    values = tuple([known.get(name) for name in plain.fields])
    if {*map(type, values)} - {str}:
        return None
    filled = plain.words % values
    return filled if len(filled) <= LONGEST_BYTES // 4 else None


def _words(error: LiquidError) -> str:
    """What is wrong, without the excerpt of the text that the library adds."""
    return str(error.args[0]) if error.args else type(error).__name__
