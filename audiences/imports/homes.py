"""Where the people of a file live: their place, its household and its candidate zones."""

from collections.abc import Iterable

from audiences.imports.inserting import insert
from audiences.imports.reading import COMMERCIAL, RESIDENTIAL, Person
from audiences.places import Place, locate
from common import sql

_places: dict[tuple[str, ...], Place] = {}
_MOST_PLACES = 50_000


def place_of(state: str, zip_code: str, phones: Iterable[str]) -> Place:
    """`locate`, remembered: of a phone only the beginning says where."""
    key = (state, zip_code[:5], *sorted({phone[:5] if phone[1] == "1" else phone[:8] for phone in phones}))
    if (found := _places.get(key)) is None:
        if len(_places) >= _MOST_PLACES:
            _places.clear()
        found = _places[key] = locate(state=state, zip_code=zip_code, phones=phones)
    return found


def households(account_id: int, keys: Iterable[str]) -> dict[str, int]:
    """Our id by key, made where new; in the order of keys, as every writer makes them."""
    wanted = sorted(set(keys))
    found = _known(account_id, wanted)
    rows = [(account_id, key) for key in wanted if key not in found]
    if not rows:
        return found
    ids = insert("audiences_household", "account_id, key", rows)
    if ids is not None:
        return found | {key: pk for (_, key), pk in zip(rows, ids, strict=True)}
    sql.run(
        "INSERT INTO audiences_household (account_id, key) SELECT * FROM unnest(%s::bigint[], %s::text[])"
        " ON CONFLICT DO NOTHING",
        sql.arrays(rows),
    )
    return _known(account_id, wanted)


def _known(account_id: int, keys: Iterable[str]) -> dict[str, int]:
    return dict(
        sql.rows(
            "SELECT key, id FROM audiences_household WHERE account_id = %s AND key = ANY(%s::text[])",
            [account_id, sql.array(keys)],
        )
    )


def street_of(row: Person) -> str:
    """Street and unit, as contacts have them in one."""
    return f"{row.street}, {row.unit}" if row.unit else row.street


def household_of(row: Person, servicetitan_id: int, *, commercial: bool | None = None) -> str:
    """The key of the home in a row; `commercial` where the contact is known to be so."""
    alone = row.kind == COMMERCIAL if commercial is None else commercial
    return (not alone and row.home) or f"c:{servicetitan_id}"


# What a row says of somebody new, in the order of `line_of`.
CONTACT_COLUMNS = "name, first_name, last_name, kind, language, street, city, state, zip"


def line_of(row: Person) -> str:
    """These columns of somebody new, as COPY reads them."""
    return sql.line(
        (
            row.name, row.first_name, row.last_name, row.kind or RESIDENTIAL, row.language or "en",
            street_of(row), row.city, row.state, row.zip,
        )
    )  # fmt: skip


def prepare(row: Person) -> None:
    """Note on a row what it takes time to make of it, and what depends on nothing else."""
    row.line, row.place = line_of(row), place_of(row.state, row.zip, row.phones)
