"""Finding people among all customers of a large contractor, as somebody at the phone does."""

import sys
import time
from collections.abc import Callable
from functools import partial

from accounts.models import Account
from audiences import contact_search
from bench import audience_ground
from bench.effort import effort
from bench.measurement import Measurement
from common import sql

ROUNDS = 25  # of each kind of question, of different people
SCANS = 5
# What search was before it had indexes: every word somewhere in the name, or in an address.
SCAN = """
SELECT c.id FROM audiences_contact c WHERE c.account_id = %(account)s AND (
    c.name ILIKE %(like)s OR c.street ILIKE %(like)s OR EXISTS (
        SELECT 1 FROM audiences_contactaddress ca JOIN audiences_address ad ON ad.id = ca.address_id
        WHERE ca.contact_id = c.id AND ad.value ILIKE %(like)s))
ORDER BY c.name, c.id LIMIT 50
"""
PEOPLE = """
SELECT c.name, c.first_name, c.last_name, c.street, c.city, c.zip, c.servicetitan_customer_id, j.number,
       ad.value, coalesce((
           SELECT m.value FROM audiences_contactaddress cm JOIN audiences_address m ON m.id = cm.address_id
           WHERE cm.contact_id = c.id AND m.channel = 'email' LIMIT 1
       ), 'nobody@mail.example.com')
FROM audiences_contact c
JOIN audiences_job j ON j.account_id = c.account_id AND j.servicetitan_id = c.servicetitan_customer_id * 8
JOIN audiences_contactaddress ca ON ca.contact_id = c.id AND ca.position = 0
JOIN audiences_address ad ON ad.id = ca.address_id
WHERE c.account_id = %s AND c.last_name <> '' AND c.servicetitan_customer_id = ANY(%s)
"""
KINDS: dict[str, Callable[..., str]] = {
    "name": lambda name, *_: name,
    "name turned": lambda name, first, last, *_: f"{last} {first}".lower(),
    "beginnings": lambda name, first, last, *_: f"{first[:3]} {last[:4]}",
    "last name": lambda name, first, last, *_: last,
    "first letters": lambda name, first, last, *_: last[:2],
    "misspelt": lambda name, first, last, *_: f"{first} {last[:-2]}{last[-1]}{last[-2]}",
    "address": lambda name, first, last, street, *_: street,
    "address and town": lambda name, first, last, street, city, *_: f"{street.lower()}, {city}",
    "street": lambda name, first, last, street, *_: street.split(" ", 1)[1],
    "name and town": lambda name, first, last, street, city, *_: f"{last} {city}",
    "zip": lambda *of: of[5],
    "customer": lambda *of: str(of[6]),
    "job": lambda *of: f"job {of[7]}",
    "phone": lambda *of: f"({of[8][2:5]}) {of[8][5:8]}-{of[8][8:]}",
    "last four digits": lambda *of: of[8][-4:],
    "mailbox": lambda *of: of[9],
    "nothing": lambda name, *_: f"qx{name[::-1]}",
}


def contact_search_p95(contacts: int = audience_ground.CONTACTS, rounds: int = ROUNDS) -> Measurement:
    """Milliseconds within which 95 of 100 searches give ranked contacts for typed words, of all kinds."""
    account = audience_ground.lay(contacts)
    taken: list[float] = []
    with effort() as database:
        for kind, texts in _questions(account, contacts, rounds).items():
            each = sorted(_seconds(partial(contact_search.find, account, text)) for text in texts)
            _say(f"{kind}: p50 {_at(each, 0.5):.1f}, p95 {_at(each, 0.95):.1f} ms")
            taken += each
    taken.sort()
    _say(f"p50 {_at(taken, 0.5):.1f} ms, {1e3 * database.cpu / len(taken):.1f} ms of the database's each")
    scans = sorted(_seconds(partial(_scan, account, n)) for n in range(SCANS))
    value, baseline = _at(taken, 0.95), _at(scans, 0.95)
    return Measurement(
        "contact_search", contacts, value, "ms p95", "names and addresses LIKE the words", baseline,
        baseline / value,
    )  # fmt: skip


def _questions(account: Account, contacts: int, rounds: int) -> dict[str, list[str]]:
    """What is typed, by kind, about people who lie evenly among all."""
    step = max(1, contacts // (rounds * 2))
    people = sql.rows(PEOPLE, [account.pk, list(range(3, contacts, step))])[:rounds]
    if not people:
        raise SystemExit("nobody to search for")
    return {kind: [ask(*person) for person in people] for kind, ask in KINDS.items()}


def _scan(account: Account, n: int) -> None:
    sql.rows(SCAN, {"account": account.pk, "like": f"%{audience_ground.UNITS[n % 4][:3]}{n}%"})


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _say(words: str) -> None:
    print(f"contact_search: {words}", file=sys.stderr)


def _at(ordered: list[float], share: float) -> float:
    """Milliseconds at that share of the ordered seconds."""
    return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]
