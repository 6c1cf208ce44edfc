"""Who is meant: contacts by name, phone, service address, mailbox, job number or ServiceTitan's numbers.

Numbers that name one person or job come first, then names, then whatever else has all the words; a word may
be the beginning of one. Only where nothing is found, misspellings are tried. Every question goes through an
index and takes a bounded number of rows, so that a million contacts cost little more than a thousand.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Account
from audiences import search_words, segments
from audiences.households import spellings
from common import sql
from common.phone import parse_phone

MOST = 500  # whoever seeks among more adds a word
LONGEST = 100
_FEWEST_DIGITS = 3  # of a part of a phone
_FEWEST_OF_A_JOB = 5  # digits with which a job number begins
_FEWEST_OF_A_MAILBOX = 3
_LARGEST_ID = 2**63 - 1
_NUMBERED = re.compile(r"(?:(job|customer|location)\b)?\s*#?\s*([\w-]*\d[\w-]*)", re.IGNORECASE)

_WORDS = "contact_words(c.account_id, c.name, c.street, c.city, c.zip)"
_CONTACT = "audiences_contact c"
_REACHED = (
    "audiences_address ad JOIN audiences_contactaddress ca ON ca.address_id = ad.id"
    " JOIN audiences_contact c ON c.id = ca.contact_id"
)
_OF_CUSTOMER = (
    "JOIN audiences_contact c ON c.account_id = x.account_id"
    " AND c.servicetitan_customer_id = x.servicetitan_customer_id"
)
_JOBS = f"audiences_job x {_OF_CUSTOMER}"
_PLACES = f"audiences_location x {_OF_CUSTOMER}"
_ENDS = "CASE WHEN ad.channel = 'phone' THEN reverse(ad.value) ELSE ad.value END"


@dataclass(frozen=True, slots=True)
class Hit:
    """A contact that answers; `by`: the number that did, where the person's own line does not show it."""

    contact_id: int
    by: str = ""
    exact: bool = False  # a whole phone or job number


@dataclass(frozen=True, slots=True)
class Found:
    """Who answers, best first; `more`: there are others. `meant`: the right spellings of what was typed."""

    hits: list[Hit]
    more: bool = False
    meant: list[str] = field(default_factory=list)

    @property
    def direct(self) -> int | None:
        """The one contact whose whole phone or job number was typed; None where several have it."""
        exact = {hit.contact_id for hit in self.hits if hit.exact}
        return exact.pop() if len(exact) == 1 else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One search; `within` is a query of ids that narrows it, with its parameters."""

    account: int
    text: str
    words: list[str]
    within: tuple[str, list[Any]] | None
    most: int


def find(
    account: Account, text: str, *, rules: segments.Rules | None = None,
    among: QuerySet[Any, Any] | None = None, most: int = MOST,
) -> Found:  # fmt: skip
    """Contacts of the account that answer to what somebody typed, of those who match `rules` where given, or
    whose ids `among` gives.

    A bounded number of queries. Raises InvalidRules.
    """
    text = " ".join(text.split())[:LONGEST]
    within = segments.compile_ids(account, rules) if rules is not None else None
    if among is not None:
        query, params = among.query.sql_with_params()
        within = (query, list(params))
    asked = _Asked(account.pk, text, search_words.wanted(text), within, most)
    hits: dict[int, Hit] = {}
    for tier in _tiers(asked):
        for hit in tier():
            hits.setdefault(hit.contact_id, hit)
        if len(hits) > most:
            break
    meant: list[str] = []
    stateless = replace(asked, words=search_words.without_state(asked.words))
    if not hits and stateless != asked:  # an address as it is written: its state is no word of the index
        asked = stateless
        hits = {hit.contact_id: hit for tier in _worded(asked) for hit in tier()}
    if not hits:
        meant, hits = _misspelt(asked)
    return Found(list(hits.values())[:most], len(hits) > most, meant)


def file_words() -> int:
    """File the words of contacts that were written lately; how many pages of them waited.

    Every question reads all that waits, and a misspelt word asks hundreds: with the megabyte that may wait,
    a search among a million took 1.2 s in place of 70 ms. For whoever has written many contacts.
    """
    return int(sql.value("SELECT gin_clean_pending_list('contact_words'::regclass)"))


def _tiers(asked: _Asked) -> Iterator[Callable[[], list[Hit]]]:
    """The questions, in the order in which their answers are shown."""
    kind, number = _number(asked.text)
    digits = "" if re.search(r"[A-Za-z@]", asked.text) else re.sub(r"\D", "", asked.text)
    if digits and (phone := parse_phone(asked.text)):
        yield partial(
            _hits, asked, _REACHED, "ad.account_id = %s AND ad.channel = 'phone' AND ad.value = %s",
            [phone.e164], exact=True,
        )  # fmt: skip
    if number:
        yield from _numbered(asked, kind, number)
        if kind:
            return
    if _FEWEST_DIGITS <= len(digits) <= 15:
        yield partial(_phone_parts, asked, digits)
    yield from _worded(asked)
    if not digits and " " not in asked.text and len(asked.text) >= _FEWEST_OF_A_MAILBOX:
        yield partial(
            _hits, asked, _REACHED,
            f"ad.account_id = %s AND ad.channel = 'email' AND ({_ENDS}) LIKE %s",
            [_begins(asked.text.lower())],
        )  # fmt: skip
    if number and len(number) >= _FEWEST_OF_A_JOB:
        yield partial(
            _hits, asked, _JOBS, "x.account_id = %s AND x.number LIKE %s", [_begins(number)],
            by="'job ' || x.number",
        )  # fmt: skip


def _worded(asked: _Asked) -> Iterator[Callable[[], list[Hit]]]:
    """All words in the name, then in name or service address; whole, then as beginnings."""
    if asked.words:
        for names, whole in ((True, True), (True, False), (False, True), (False, False)):
            query = _query(asked.account, asked.words, names=names, whole=whole)
            yield partial(_hits, asked, _CONTACT, f"c.account_id = %s AND {_WORDS} @@ %s::tsquery", [query])


def _number(text: str) -> tuple[str, str]:
    """What the text calls a number (“job”, or blank), and the number; blank where it is none."""
    named = _NUMBERED.fullmatch(text)
    return ((named[1] or "").lower(), named[2]) if named else ("", "")


def _numbered(asked: _Asked, kind: str, number: str) -> Iterator[Callable[[], list[Hit]]]:
    """Whole numbers: of a job, as people or as ServiceTitan count; of a customer; of a service location."""
    own = int(number) if number.isdecimal() and number.isascii() and int(number) <= _LARGEST_ID else None
    if kind in ("", "job"):
        yield partial(
            _hits, asked, _JOBS, "x.account_id = %s AND x.number = %s", [number], exact=True,
            by="'job ' || x.number",
        )  # fmt: skip
    if own is None:
        return
    if kind in ("", "customer"):
        yield partial(
            _hits, asked, _CONTACT, "c.account_id = %s AND c.servicetitan_customer_id = %s", [own],
            by="'customer ' || c.servicetitan_customer_id",
        )  # fmt: skip
    for named, source in (("job", _JOBS), ("location", _PLACES)):
        if kind in ("", named):
            yield partial(
                _hits, asked, source, "x.account_id = %s AND x.servicetitan_id = %s", [own],
                by=f"'{named} ' || x.servicetitan_id",
            )  # fmt: skip


def _phone_parts(asked: _Asked, digits: str) -> list[Hit]:
    """Phones that end so, which is what people say, then those that begin so: area code and exchange."""
    where = f"ad.account_id = %s AND ad.channel = 'phone' AND ({_ENDS}) LIKE %s"
    ends = _hits(asked, _REACHED, where, [_begins(digits[::-1])])
    national = digits.removeprefix("1") if len(digits) > 10 else digits
    begins = f"+1{national}"
    # As a range: the key of addresses serves it, whatever the database's order of letters is.
    where = "ad.account_id = %s AND ad.channel = 'phone' AND ad.value >= %s AND ad.value < %s"
    return ends + _hits(asked, _REACHED, where, [begins, begins[:-1] + chr(ord(begins[-1]) + 1)])


def _hits(
    asked: _Asked, source: str, where: str, values: list[Any], *, by: str = "''", exact: bool = False
) -> list[Hit]:
    """Those of a question: active ones first, then by name. The account is the first parameter of `where`.

    Materialized, so that the rows are sought through the index, yet no more of them read than are wanted.
    """
    narrowed, params = asked.within or ("", [])
    rows = sql.rows(
        f"""
        WITH found AS MATERIALIZED (
            SELECT c.id, c.name, c.active, {by} AS by FROM {source}
            WHERE {where} {f"AND c.id IN ({narrowed})" if narrowed else ""}
        )
        SELECT id, by FROM (SELECT * FROM found LIMIT %s) few ORDER BY NOT active, lower(name), id LIMIT %s
        """,
        [asked.account, *values, *params, MOST + 1, asked.most + 1],
    )
    return [Hit(contact_id, said, exact) for contact_id, said in rows]


def _query(account: int, words: list[str], *, names: bool, whole: bool) -> str:
    """A tsquery: every word in the name, or in name or service address; whole, or as a beginning."""
    end = "" if whole else ":*"
    every = []
    for word in words:
        ways = [f"'n{account}/{word}'{end}"]
        if not names:
            ways += [f"'a{account}/{word}'{end}", *(f"'a{account}/{one}'" for one in sorted(spellings(word)))]
        every.append(f"({' | '.join(ways)})")
    return " & ".join(every)


def _misspelt(asked: _Asked) -> tuple[list[str], dict[int, Hit]]:
    """What the words may have meant, of words that are there, and who answers to that."""
    tries = {word: search_words.misspelt(word) for word in asked.words}
    known = _known(asked.account, sorted(set(asked.words).union(*tries.values())))
    doubted = set(asked.words) - known or set(asked.words)
    meant = {word: sorted(tries[word] & known) if word in doubted else [] for word in asked.words}
    if not any(meant.values()):
        return [], {}
    parts = []
    for word in asked.words:
        ways = [_query(asked.account, [word], names=False, whole=False)]
        ways += [_query(asked.account, [one], names=False, whole=True) for one in meant[word]]
        parts.append(" | ".join(ways))
    query = " & ".join(f"({part})" for part in parts)
    found = _hits(asked, _CONTACT, f"c.account_id = %s AND {_WORDS} @@ %s::tsquery", [query])
    return sorted({one for ways in meant.values() for one in ways}), {hit.contact_id: hit for hit in found}


def _known(account: int, words: list[str]) -> set[str]:
    """Those words that some contact of the account has."""
    if not words:
        return set()
    with transaction.atomic():
        # Without statistics of a single word the planner may prefer to read the table once for each.
        sql.run("SET LOCAL enable_seqscan = off")
        found = sql.column(
            f"""
            SELECT word FROM unnest(%s::text[]) word WHERE EXISTS (
                SELECT 1 FROM audiences_contact c
                WHERE {_WORDS} @@ format('%%L | %%L', %s || word, %s || word)::tsquery
            )
            """,
            [words, f"n{account}/", f"a{account}/"],
        )
        sql.run("SET LOCAL enable_seqscan = on")
    return set(found)


def _begins(text: str) -> str:
    """A LIKE pattern for what begins with this text, taken literally."""
    return re.sub(r"([\\%_])", r"\\\1", text) + "%"
