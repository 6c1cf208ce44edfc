"""What an account sets of its hours: quiet hours, business hours, closed days, after-hours answers.

Changing what campaigns rest on gives the account another window. It counts at once: whatever is decided
from now on reads it, and `hours_changed` tells the layers above to ask again after what had waited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import hours
from audiences.models import AccountHours, BusinessDay, ClosedDay, Opening, SendWindow
from audiences.signals import hours_changed

MOST_CLOSED_DAYS = 200  # ahead: they are part of the window's key
_STILL_TODAY = timedelta(days=2)  # somewhere; a day older than that is over in every zone


class HoursRefused(Exception):
    """Nothing was changed; the words say why."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When campaigns may reach people, in each contact's local time; the rest is quiet."""

    start_minute: int = 9 * 60
    end_minute: int = 19 * 60
    days: int = 0b0111111
    rests_on_holidays: bool = False
    rests_on_closed_days: bool = True


def of(account: Account) -> AccountHours | None:
    """What the account has set; None where nobody has set anything."""
    return AccountHours.objects.filter(account=account).select_related("window").first()


def quiet_hours(account: Account) -> QuietHours:
    """The account's quiet hours, or the product's."""
    row = of(account)
    if row is None:
        return QuietHours()
    window = row.window
    return QuietHours(
        window.start_minute, window.end_minute, window.days, window.rests_on_holidays,
        row.rests_on_closed_days,
    )  # fmt: skip


@transaction.atomic
def set_quiet_hours(account: Account, chosen: QuietHours, *, by: User | None, now: datetime) -> None:
    """Let campaigns that set no window of their own keep to these hours from now on, inside the law."""
    row = _locked(account, now)
    row.rests_on_closed_days = chosen.rests_on_closed_days
    _take_window(row, chosen, now)
    audit.record(
        account=account, by=by, verb="changed_quiet_hours", summary="Changed when campaigns may reach people",
        on=row, detail={
            "from": row.window.start_minute, "to": row.window.end_minute, "days": row.window.days,
            "rests_on_holidays": chosen.rests_on_holidays,
            "rests_on_closed_days": chosen.rests_on_closed_days,
        },
    )  # fmt: skip


@transaction.atomic
def set_business_hours(
    account: Account, chosen: Mapping[int, tuple[int, int]], *, by: User | None, now: datetime
) -> None:
    """Let the office be open at these minutes of these weekdays (Monday = 0), closed on the others."""
    row = _locked(account, now)
    BusinessDay.objects.filter(account=account).delete()
    BusinessDay.objects.bulk_create(
        BusinessDay(account=account, weekday=weekday, opens_minute=opens, closes_minute=closes)
        for weekday, (opens, closes) in sorted(chosen.items())
    )
    audit.record(
        account=account, by=by, verb="changed_business_hours", summary="Changed the business hours", on=row,
        detail={str(weekday): list(minutes) for weekday, minutes in sorted(chosen.items())},
    )  # fmt: skip


@transaction.atomic
def add_closed_days(
    account: Account, named: Mapping[date, str], *, by: User | None, now: datetime
) -> list[date]:
    """Close the office on these days; those that were not closed before. Raises HoursRefused for too many."""
    row = _locked(account, now)
    known = set(_closed_days(account, now))
    new = sorted(day for day in named if day not in known)
    if len(known) + len(new) > MOST_CLOSED_DAYS:
        raise HoursRefused(f"Nothing was added: at most {MOST_CLOSED_DAYS} closed days may lie ahead.")
    ClosedDay.objects.bulk_create(
        [ClosedDay(account=account, day=day, name=named[day]) for day in new], ignore_conflicts=True
    )
    _take_window(row, quiet_hours(account), now)
    if new:
        said = named[new[0]] if len(new) == 1 else f"{len(new)} days"
        audit.record(
            account=account, by=by, verb="added_closed_days", summary=f"Closed the office on {said}", on=row,
            detail={day.isoformat(): named[day] for day in new},
        )  # fmt: skip
    return new


@transaction.atomic
def remove_closed_day(closed: ClosedDay, *, by: User | None, now: datetime) -> None:
    """Let the office be open on that day after all."""
    row = _locked(closed.account, now)
    ClosedDay.objects.filter(pk=closed.pk).delete()
    _take_window(row, quiet_hours(closed.account), now)
    audit.record(
        account=closed.account, by=by, verb="removed_closed_day", summary=f"Opened the office on {closed}",
        on=row,
    )  # fmt: skip


@transaction.atomic
def set_answers(account: Account, *, on: bool, words: str, by: User | None, now: datetime) -> None:
    """Switch after-hours answers on or off and keep their words; blank ones are the product's."""
    row = _locked(account, now)
    row.answers, row.answer_words = on, words.strip()
    row.save(update_fields=["answers", "answer_words"])
    audit.record(
        account=account, by=by, verb="changed_after_hours_answer",
        summary=f"Switched after-hours answers {'on' if on else 'off'}" if not words
        else f"Changed the after-hours answer, {'on' if on else 'off'}",
        on=row, detail={"words": row.answer_words},
    )  # fmt: skip


def _locked(account: Account, now: datetime) -> AccountHours:
    """The account's row, made where new, held until the transaction ends: changes come one by one."""
    AccountHours.objects.get_or_create(
        account=account,
        defaults={"window": hours.default_window(), "changed_at": now, "asked_again_at": now},
    )
    return AccountHours.objects.select_for_update(no_key=True).get(account=account)


def _closed_days(account: Account, now: datetime) -> list[date]:
    """The closed days that are not over, in order."""
    ahead = ClosedDay.objects.filter(account=account, day__gte=(now - _STILL_TODAY).date())
    return list(ahead.order_by("day").values_list("day", flat=True))


def _take_window(row: AccountHours, chosen: QuietHours, now: datetime) -> None:
    fields: dict[str, Any] = {
        "start_minute": chosen.start_minute,
        "end_minute": chosen.end_minute,
        "days": chosen.days,
        "rests_on_holidays": chosen.rests_on_holidays,
        "closed_on": _closed_days(row.account, now) if row.rests_on_closed_days else [],
    }
    former, (window, _) = row.window_id, SendWindow.objects.get_or_create(**fields)
    row.window = window
    if window.pk != former:
        row.changed_at = max(now, row.changed_at)
        row.asked_again_at = None
    row.save()
    if window.pk != former:
        _forget(former)
        hours_changed.send(AccountHours, account_id=row.account_id, now=now)


def _forget(window_id: int) -> None:
    """Keep openings of a window no longer than somebody's hours are it; missing ones are computed at once."""
    kept = AccountHours.objects.filter(window=window_id).exists() or window_id == hours.default_window().pk
    if not kept:
        Opening.objects.filter(window=window_id).delete()


def waiting_for_new_hours() -> list[AccountHours]:
    """Accounts whose hours have changed and whose waiting texts were not all asked after since."""
    return list(AccountHours.objects.filter(asked_again_at=None).order_by("changed_at", "pk"))


def asked_again(row: AccountHours, *, now: datetime) -> None:
    """Everything that had waited for the hours before `row` was asked after; unless they changed again."""
    same = AccountHours.objects.filter(pk=row.pk, changed_at=row.changed_at, window=row.window_id)
    same.filter(changed_at__lte=now).update(asked_again_at=now)
