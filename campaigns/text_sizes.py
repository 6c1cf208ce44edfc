"""How long a campaign's text gets once its merge fields are filled: for one customer, and at the worst.

Counted by `common.text_size` like everything; only what is filled in differs.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from liquid.exceptions import LiquidError

from accounts.models import Account
from audiences.merge_fields import BETWEEN_NAMES, FIELDS, MOST_NAMES, TECHNICIAN
from audiences.models import Contact, JobType, MembershipType
from campaigns import said
from common import sql
from common.spoken import ENGLISH
from common.text_size import TextSize, size_of
from conversations import footers, rendering

OWED = "With the opt-out line, for whoever was not told lately"
KEPT_SECONDS = 300.0
_MOST_KEPT = 200
_UNKNOWN = "x" * 30  # of a field whose longest value nobody looks up
_LONGEST_DAY = "2026-09-30"  # a Wednesday, miércoles, in September
_LONGEST_AMOUNT = "12345.67"
_kept: dict[int, tuple[float, dict[str, str]]] = {}
_COLUMNS = ("first_name", "last_name", "name", "city", "street")


@dataclass(frozen=True, slots=True)
class Sizes:
    """For the counter's template: `size` of the text with a sample's values (as typed without merge fields),
    further sizes with words before them, or what is wrong with the text."""

    size: TextSize | None = None
    whose: str = ""  # the customer whose values were filled in
    filled: tuple[tuple[str, TextSize], ...] = ()
    problem: str = ""


def of(account: Account, body: str, *, now: datetime, language: str = ENGLISH) -> Sizes:
    """The sizes of what somebody types in this language. Never raises for what is not finished yet."""
    if not body.strip():
        return Sizes()
    typed = size_of(body)
    try:
        fields = rendering.fields(body)
    except LiquidError:
        return Sizes(problem="A merge field is not closed yet, so this cannot be counted.")
    if not fields:
        owed = _with_line(account, body, language)
        return Sizes(typed, filled=() if owed == body else ((OWED, size_of(owed)),))
    if set(fields) - set(FIELDS):
        return Sizes(problem="Counted once every merge field in it exists.")
    longest = _longest_text(
        account, body, dict.fromkeys(fields, _UNKNOWN) | longest_values(account), language
    )
    if longest is None:
        return Sizes(typed)
    found = _sample(account, body, now, language)
    # What can be replaced stands in the words that are typed, not in a customer's name.
    shown = replace(
        size_of(found.body) if found else longest, plain=typed.plain, plain_segments=typed.plain_segments
    )
    if found is None:
        return Sizes(shown, "the longest values known")
    return Sizes(shown, found.contact, (("With the longest values known", longest),))


def _sample(account: Account, body: str, now: datetime, language: str) -> said.Sample | None:
    """The text as the account's first customer of that language would get it, opt-out line included; None
    where it has none, or knows too little of them."""
    theirs = Contact.objects.filter(account=account, active=True)
    theirs = theirs if language == ENGLISH else theirs.filter(language=language)
    first = theirs.order_by("pk").values_list("pk", flat=True)[:1]
    words = {"body": body} if language == ENGLISH else {"body": body, "spanish": {"body": body}}
    found = said.texts(account, words, list(first), now=now)
    return found[0] if found and not found[0].missing else None


def _longest_text(account: Account, body: str, values: dict[str, Any], language: str) -> TextSize | None:
    """With the opt-out line below it, which whoever was not told lately how to opt out gets with any step."""
    try:
        text = rendering.render(body, values, language)
    except (rendering.MergeFieldMissing, LiquidError):
        return None
    return size_of(_with_line(account, text, language))


def _with_line(account: Account, text: str, language: str) -> str:
    return footers.with_footer(text, footers.wording(account).line(language))


def longest_values(account: Account) -> dict[str, str]:
    """The longest value of each merge field that the account knows, as snapshots would hold it; some minutes
    old at most."""
    known = _kept.get(account.pk)
    if known is not None and time.monotonic() - known[0] < KEPT_SECONDS:
        return known[1]
    picks = ", ".join(
        f"(SELECT left({column}, 80) FROM audiences_contact WHERE account_id = %(account)s"
        f" ORDER BY length({column}) DESC, id LIMIT 1)"
        for column in _COLUMNS
    )
    ((*values,),) = sql.rows(f"SELECT {picks}", {"account": account.pk})
    plans = MembershipType.objects.filter(account=account).values_list("name", flat=True)
    job = JobType.objects.filter(account=account).values_list("name", flat=True)
    found = {
        **{name: value or "Customer" for name, value in zip(_COLUMNS, values, strict=True)},
        "company": account.name[:80],
        **dict.fromkeys(("last_job_type", "next_appointment_type"), _longest(job, "Maintenance")),
        "membership_type": _longest(plans, "Maintenance plan"),
        **{name: _LONGEST_DAY for name in FIELDS if name.endswith("_date")},
        "next_appointment_time": "12:30",
        "next_appointment_window": "10:30-12:30",
        "next_appointment_technician": _longest_crew(account),
        "company_phone": "+13125550142",
        "open_estimate_days": "365",
        **dict.fromkeys(("balance", "open_estimate_amount"), _LONGEST_AMOUNT),
    }
    _kept[account.pk] = (time.monotonic(), found)
    while len(_kept) > _MOST_KEPT:
        _kept.pop(next(iter(_kept)))
    return found


def _longest_crew(account: Account) -> str:
    names = sql.rows(
        f"""
        SELECT n.name FROM (
            SELECT DISTINCT {TECHNICIAN} AS name FROM audiences_appointmentassignment s
            WHERE s.account_id = %s AND s.active AND s.technician <> '') n
        ORDER BY length(n.name) DESC, n.name LIMIT %s
        """,
        [account.pk, MOST_NAMES],
    )
    return BETWEEN_NAMES.join(name for (name,) in names) or "x" * 80


def _longest(names: Iterable[str], otherwise: str) -> str:
    return max((name[:60] for name in names), key=len, default=otherwise)
