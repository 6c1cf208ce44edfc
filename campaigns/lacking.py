"""How many people a message would pass over because something that it says is not known of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audiences import fitness, merge_fields
from audiences.merge_fields import FIELDS
from campaigns.said import Wording
from common import sql
from common.spoken import ENGLISH

_ALWAYS_KNOWN = frozenset({"company", "name"})  # no account and no contact is without


@dataclass(frozen=True)
class Lacking:
    """So many people lack something that their words need; by field, as (what people call it, people)."""

    people: int = 0
    fields: tuple[tuple[str, int], ...] = ()


NOBODY = Lacking()


def needs(words: Mapping[str, Wording]) -> dict[str, set[str]]:
    """What each language's words need to be known, by language. Raises LiquidError for unreadable words."""
    return {language: wording.required & set(FIELDS) - _ALWAYS_KNOWN for language, wording in words.items()}


def count(
    query: str, params: Sequence[Any], needed: Collection[Mapping[str, set[str]]], *, now: datetime, fit: bool
) -> Lacking:
    """Count them among the contacts that a query gives; where `fit`, among those who may enter now.

    `needed` is what messages need, each by language; who lacks something for any of them counts. One query,
    none where nothing can be missing.
    """
    conditions = _conditions(needed)
    if not conditions:
        return NOBODY
    marks = ", ".join(f"({lacks}) AS lacks_{name}" for name, lacks in conditions.items())
    counts = ", ".join(f"count(*) FILTER (WHERE w.lacks_{name})" for name in conditions)
    joins = merge_fields.joins_of(conditions)
    statement = f"""
        WITH {fitness.MOMENT_SQL}, without AS MATERIALIZED (
            SELECT q.* FROM (SELECT c.id, {marks} FROM audiences_contact c {joins} WHERE c.id IN ({query})) q
            WHERE {" OR ".join(f"q.lacks_{name}" for name in conditions)})
        SELECT count(*), {counts} FROM without w {_FIT if fit else ""}
    """
    ((people, *found),) = sql.rows(statement.replace("%(now)s", "(SELECT now FROM moment)"), [now, *params])
    by_field = zip(map(merge_fields.in_words, conditions), found, strict=True)
    return Lacking(people, tuple(sorted(((words, n) for words, n in by_field if n), key=lambda row: -row[1])))


_FIT = f"""
    JOIN audiences_contact c ON c.id = w.id
    LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE
    WHERE {fitness.entry_reason_sql()} = ''
"""


def _conditions(needed: Collection[Mapping[str, set[str]]]) -> dict[str, str]:
    """Field → SQL over c that says whether somebody lacks it for words that they would get."""
    by_field = dict[str, set[str]]()
    for languages in needed:
        for language, names in languages.items():
            others = [f"c.language <> '{other}'" for other in languages if other != ENGLISH]
            own = f"c.language = '{language}'" if language != ENGLISH else " AND ".join(others) or "TRUE"
            for name in names:
                by_field.setdefault(name, set()).add(f"({own})")
    return {
        name: f"({FIELDS[name].sql}) IS NULL AND ({' OR '.join(sorted(languages))})"
        for name, languages in sorted(by_field.items())
    }
