"""Merge fields: what a text says to one person. Liquid without includes; a missing field uses its fallback,
`{{ first_name | default: "there" }}`, or is an error, and so is whatever else would leave a hole.

People write these texts, so nothing in one may keep a sender busy: loops, variables and output are limited.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TextIO

from liquid import BoundTemplate, DictLoader, Environment, RenderContext, StrictDefaultUndefined
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.exceptions import (
    FilterArgumentError,
    LiquidError,
    LiquidSyntaxError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
    UnknownFilterError,
)

from audiences import merge_fields
from common.spoken import ENGLISH, Form, say

LONGEST_BYTES = 8_000  # five times what a text may have, in UTF-8
LONGEST_LINE = 300  # of `Message.subject`
# A range inside a tag: `(1..9)`. No text needs one, and looking through a long one takes for ever.
_RANGE = re.compile(r"\{[{%](?:(?![%}]\}).)*\.\.", re.DOTALL)
_NO_FALLBACK = re.compile(r"\|\s*default\s*(?::\s*(?:\"\s*\"|'\s*'))?\s*(?=\||-?\}\}|-?%\})")
_NOTHING = (None, "")
AS_STORED = ""
"""In place of a language: days and amounts as they are kept, for addresses that carry them."""
LINK_FIELD = "link_"
"""So begin the merge fields whose values are short links of ours, each with its number."""
_DATES = {"weekday": Form.WEEKDAY, "day": Form.DAY, "month": Form.MONTH}


LACKS = "lacks_"
"""So begins, before the name of a field that is made of others, what of those is not known, in words."""


class MergeFieldMissing(Exception):
    """A text needs something that is not known of this contact; the person is skipped, never sent a hole."""


class _Value(str):
    """What is known of a person as it is said, and what it was made of, for filters that say it otherwise."""

    raw: str
    language: str


class _Filled(OutputNode):
    """A gap: what fills it with nothing leaves a hole."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the value, or fail."""
        before = buffer.tell()
        written = super().render_to_output(context, buffer)
        if buffer.tell() == before:
            raise UndefinedError(f"{self} would be empty", token=self.token)
        return written


class _Gap(Output):
    node_class = _Filled


class _Echo(EchoTag):
    node_class = _Filled  # type: ignore[assignment]


class _TextEnvironment(Environment):
    loop_iteration_limit = 1_000
    local_namespace_limit = 20_000  # bytes, roughly
    output_stream_limit = LONGEST_BYTES

    def __init__(self) -> None:
        super().__init__(undefined=StrictDefaultUndefined, loader=DictLoader({}))
        self.add_tag(_Gap)
        self.add_tag(_Echo)
        self.filters |= {"date": _date, "money": _money}
        # The limits above do not see what passes from one filter to the next.
        self.filters = {name: _bounded(function) for name, function in self.filters.items()}


def _date(value: object, style: str = "weekday") -> str:
    """A day as `weekday`, `day` or `month`, in the reader's language."""
    if style not in _DATES:
        raise FilterArgumentError(f"date takes {', '.join(_DATES)}, not “{style}”", token=None)
    return say(getattr(value, "raw", str(value)), _DATES[style], getattr(value, "language", ENGLISH))


def _money(value: object) -> str:
    """A number of dollars as “$1,250”."""
    return say(getattr(value, "raw", str(value)), Form.MONEY, getattr(value, "language", ENGLISH))


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


def problems(body: str, known: Iterable[str]) -> list[str]:
    """What is wrong with a text's merge fields, in words; empty when it can be filled."""
    try:
        used = set(fields(body))
    except LiquidError as error:
        return [f"The text cannot be read: {_words(error)}"]
    if unknown := sorted(used - set(known)):
        return [f"There is no merge field “{name}”." for name in unknown]
    if _NO_FALLBACK.search(body):
        return ["A fallback is empty: write what stands there instead, or take “default” out to skip people."]
    try:
        _parsed(body).render(**_said(examples(used), ENGLISH))
    except (ResourceLimitError, UndefinedError, UnknownFilterError, FilterArgumentError) as error:
        return [f"The text cannot be filled: {_words(error)}"]
    except Exception:
        return []  # of the sample value only: how real ones fare is known per person
    return []


def examples(names: Iterable[str]) -> dict[str, str]:
    """A value for each of these fields, as they are stored."""
    known = merge_fields.FIELDS
    return {name: known[name].example if name in known else "x" for name in names}


@lru_cache(maxsize=1024)
def fields(body: str) -> tuple[str, ...]:
    """The merge fields a text uses, sorted. Raises LiquidError for a text that cannot be read."""
    return tuple(sorted({str(name).split(".")[0] for name in _parsed(body).analyze().globals}))


@lru_cache(maxsize=1024)
def required(body: str) -> tuple[str, ...]:
    """Those of a text's merge fields without which a person is skipped, sorted: they have no fallback.

    Raises LiquidError for a text that cannot be read.
    """
    known = _said(examples(fields(body)), ENGLISH)
    return tuple(name for name in known if not _can_do_without(body, name, known))


def _can_do_without(body: str, name: str, known: Mapping[str, str]) -> bool:
    try:
        _parsed(body).render(**{other: value for other, value in known.items() if other != name})
    except Exception:
        return False
    return True


def render(body: str, variables: Mapping[str, Any], language: str = ENGLISH) -> str:
    """Fill a text for one person, days and amounts in this language. Raises MergeFieldMissing where a field
    without a fallback is absent or empty, or the text would be."""
    known = {name: value for name, value in variables.items() if value not in _NOTHING and not _blank(value)}
    try:
        filled = _fill(_plain(body), known, language)
        if filled is None:
            filled = _parsed(body).render(**_said(known, language))
    except Exception as error:  # the library slips too, and one person's text must not hold up the others'
        raise MergeFieldMissing(_in_words(body, known)) from error
    if not filled or filled.isspace():
        raise MergeFieldMissing("The text would be empty for this person")
    return filled


def render_line(words: str, variables: Mapping[str, Any], language: str = ENGLISH) -> str:
    """As `render`, in one line of at most 300 characters: an email's subject, which may not be empty."""
    try:
        return " ".join(render(words, variables, language).split())[:LONGEST_LINE]
    except MergeFieldMissing as missing:
        raise MergeFieldMissing(str(missing).replace("The text", "The subject")) from missing


def holds_link(written: str, variables: Mapping[str, Any]) -> bool:
    """Whether words as they leave hold one of these short links: another language or a condition that was not
    met may have left all of them out."""
    links = (value for name, value in variables.items() if name.startswith(LINK_FIELD))
    return any(type(link) is str and link in written for link in links)


def _blank(value: object) -> bool:
    return type(value) is str and value.isspace()


def _said(known: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The values as people say them."""
    return {name: _value(name, value, language) for name, value in known.items()}


def _value(name: str, raw: Any, language: str) -> Any:
    if not isinstance(raw, str):
        return raw
    form = merge_fields.FORMS.get(name)
    value = _Value(say(raw, form, language) if form and language else raw)
    value.raw, value.language = raw, language
    return value


def _in_words(body: str, known: Mapping[str, object]) -> str:
    """What is missing, short enough to be kept with a message: the library's words quote the whole text."""
    try:
        missing = [name for name in required(body) if name not in known]
        absent = ", ".join(
            dict.fromkeys(str(known.get(f"{LACKS}{n}") or merge_fields.in_words(n)) for n in missing)
        )
    except LiquidError:
        absent = ""
    return f"Nothing is known for: {absent}"[:300] if absent else "The text cannot be filled for this person"


@lru_cache(maxsize=1024)
def _parsed(body: str) -> BoundTemplate:
    if _RANGE.search(body):
        raise LiquidSyntaxError("a text cannot hold a range", token=None)
    return _environment.from_string(body)


class GapOf(NamedTuple):
    """A field in a plain text: how its value is said, and what stands there where there is none."""

    name: str
    form: Form | None
    fallback: str | None


class _Plain(NamedTuple):
    """A text of words and fields alone, as most are: the words with a %s for each field.

    `gaps` only where some field has a form or a fallback.
    """

    words: str
    fields: tuple[str, ...]
    gaps: tuple[GapOf, ...] = ()


@lru_cache(maxsize=1024)
def _plain(body: str) -> _Plain | None:
    """None for a text with tags, other filters or anything else that only the library can fill."""
    template = _parsed(body)
    known = {str(name) for name in template.analyze().globals}
    words, gaps = [], []
    for node in template.nodes:
        if isinstance(node, ContentNode):
            words.append(node.text.replace("%", "%%"))
        elif isinstance(node, OutputNode) and (gap := _gap(node, known)):
            words.append("%s")
            gaps.append(gap)
        else:
            return None
    bare = all(gap.form is None and gap.fallback is None for gap in gaps)
    return _Plain("".join(words), tuple(gap.name for gap in gaps), () if bare else tuple(gaps))


def gaps(body: str) -> tuple[GapOf, ...] | None:
    """The fields of a plain text, as often as it names them; None where it has more than words and fields.

    Raises LiquidError for a text that cannot be read.
    """
    plain = _plain(body)
    if plain is None:
        return None
    return plain.gaps or tuple(GapOf(name, None, None) for name in plain.fields)


def _gap(node: OutputNode, known: set[str]) -> GapOf | None:
    """A field alone, or with words as its fallback; None for anything else."""
    left, filters = getattr(node.expression, "left", None), getattr(node.expression, "filters", None)
    name = str(left)
    if name not in known:
        return None
    form = merge_fields.FORMS.get(name)
    if not filters:
        return GapOf(name, form, None) if str(node)[3:-3] == name else None
    words = filters[0].args[0].value if len(filters[0].args) == 1 else None
    if len(filters) > 1 or filters[0].name != "default" or not isinstance(words, StringLiteral):
        return None
    return GapOf(name, form, str(words.value)) if words.value.strip() else None


def _fill(plain: _Plain | None, known: Mapping[str, Any], language: str) -> str | None:
    """What the library would make of a plain text, for a tenth of the work; None where it has to be asked:
    a field is missing or no text, or the text grows long."""
    if plain is None:
        return None
    if plain.gaps:
        values = tuple([_filled(gap, known.get(gap.name), language) for gap in plain.gaps])
    else:
        values = tuple([known.get(name) for name in plain.fields])
    if {*map(type, values)} - {str}:
        return None
    filled = plain.words % values
    return filled if len(filled) <= LONGEST_BYTES // 4 else None


def _filled(gap: GapOf, value: Any, language: str) -> Any:
    if value is None:
        return gap.fallback
    return say(value, gap.form, language) if gap.form and language and type(value) is str else value


def _words(error: LiquidError) -> str:
    """What is wrong, without the excerpt of the text that the library adds."""
    return str(error.args[0]) if error.args else type(error).__name__
