"""The things that rules can ask, each declared once: label, group, kind, SQL, words.

A field is one of three. *Plain*: `sql` is an expression over `c` (audiences_contact), or over its source's
alias where `of` names a source and it is asked inside "has a job for which …". *Listed*: `model` says what
may be chosen. *Summed up* over all rows of a source: the latest date, or a total.

Apps declare theirs in their `ready`: those above `audiences` too, whose tables are not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.apps import apps
from django.db import models


class Kind(StrEnum):
    """What a field holds, and so how it may be compared (`rules.operators`)."""

    CHOICE = "choice"  # one of `options`
    ROWS = "rows"  # rows of `model`
    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes_no"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that belong to contacts, such as jobs. `table` names its alias; `where` says which rows count.

    `key` of a row equals `contact_key` of its contact. The SQL takes no parameters.
    """

    key: str
    label: str  # with its article, as in "Has …": "a job"
    plural: str
    table: str
    account: str  # the row's account
    row_key: str
    contact_key: str
    where: str = "TRUE"

    @property
    def bare_label(self) -> str:
        """Without its article, as in "Has no …"."""
        return self.label.removeprefix("an ").removeprefix("a ")

    def exists(self, conditions: str = "") -> str:
        """That a contact `c` has such a row; `conditions` are further ones over the row."""
        more = f" AND {conditions}" if conditions else ""
        return f"EXISTS ({self._of_contact()}{more})"

    def having(self, condition: str, *, one_by_one: bool = False) -> str:
        """That the rows of a contact `c`, taken together, meet an aggregate condition.

        One pass over all rows, or `one_by_one` for few contacts, by the index of each. The condition must not
        be met by no rows: without a group they have a total, too.
        """
        if one_by_one:
            return f"EXISTS ({self._of_contact()} HAVING {condition})"
        return (
            f"EXISTS (SELECT 1 FROM (SELECT {self.account} AS account_id, {self.row_key} AS row_key"
            f" FROM {self.table} WHERE {self.where} GROUP BY 1, 2 HAVING {condition}) s"
            f" WHERE s.account_id = c.account_id AND s.row_key = {self.contact_key})"
        )

    def _of_contact(self) -> str:
        return (
            f"SELECT 1 FROM {self.table} WHERE {self.account} = c.account_id"
            f" AND {self.row_key} = {self.contact_key} AND {self.where}"
        )


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that rules can ask; see this module's first words."""

    key: str
    label: str
    group: str
    kind: Kind
    sql: str
    of: str = ""  # key of the source over whose rows `sql` stands
    summed: bool = False  # `sql` is summed up over all rows of `of`: a latest date or a total
    exists: str = ""  # ROWS over c: what `{has}` is put into where one contact may have several
    model: str = ""  # ROWS: its label, "audiences.Tag"
    options: Mapping[str, str] | None = None  # CHOICE: value → words
    unit: str = ""  # NUMBER: what stands before or behind it: "$", "jobs"
    ahead: bool = False  # DATE: may lie in the future
    nullable: bool = True
    deleted: str = ""  # ROWS: what is said of a row the source no longer uses; empty: still meaningful

    @property
    def scope(self) -> str:
        """Where it may be asked: inside the source of this key, or of the contact itself ("")."""
        return "" if self.summed else self.of

    @property
    def rows_model(self) -> type[models.Model]:
        """What may be chosen."""
        return apps.get_model(self.model)


FIELDS: dict[str, Field] = {}
SOURCES: dict[str, Source] = {}


def register(*declared: Field | Source) -> None:
    """Make fields and sources known; the same again changes nothing, another of the same key is an error."""
    for one in declared:
        known: dict = FIELDS if isinstance(one, Field) else SOURCES
        if known.setdefault(one.key, one) != one:
            raise ValueError(f"{one.key} is declared twice")


def offered(scope: str = "") -> dict[str, list[Field]]:
    """The fields that may be asked in a scope, by group, in the order of their declaration."""
    found: dict[str, list[Field]] = {}
    for field in FIELDS.values():
        if field.scope == scope:
            found.setdefault(field.group, []).append(field)
    return found
