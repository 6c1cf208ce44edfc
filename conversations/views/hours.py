"""Settings, Hours: quiet hours, business hours, closed days, after-hours answers, and the law's own hours."""

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import account_hours, business_hours, hours, state_hours
from audiences.account_hours import HoursRefused
from audiences.models import BusinessDay, ClosedDay
from common import clock
from common.htmx import respond
from conversations import after_hours, hours_picture
from conversations.hours_forms import AnswerForm, BusinessForm, ClosedDayForm, QuietForm, holidays_ahead

TEMPLATE = "settings/hours.html"
LOOK_AHEAD = timedelta(days=60)
FIRST_STATE = "FL"  # whose law is narrower than the product's own hours
SORTS = {"name": "State", "due": "Next review", "narrow": "Narrower than federal law first"}


@require_safe
@access.require("view")
def overview(request: Request) -> HttpResponse:
    """All of an account's hours; with `state`, the picture for somebody there."""
    return _page(request)


@require_POST
@access.require("manage_compliance")
def quiet(request: Request) -> HttpResponse:
    """Set when campaigns may reach people."""
    form = QuietForm(request.POST)
    if not form.is_valid():
        return _page(request, quiet=form)
    account_hours.set_quiet_hours(request.account, form.chosen(), by=request.user, now=clock.now())
    messages.success(request, "Sending hours are saved. They count from now on, for texts that wait, too.")
    return redirect("conversations:hours")


@require_POST
@access.require("manage_compliance")
def business(request: Request) -> HttpResponse:
    """Set when the office is open."""
    form = BusinessForm(request.POST)
    if not form.is_valid():
        return _page(request, business=form)
    account_hours.set_business_hours(request.account, form.chosen(), by=request.user, now=clock.now())
    messages.success(request, "Business hours are saved.")
    return redirect("conversations:hours")


@require_POST
@access.require("manage_compliance")
def closed_day(request: Request) -> HttpResponse:
    """Add one closed day, or with `year` the federal holidays of that year which lie ahead."""
    now = clock.now()
    today = timezone.localtime(now).date()
    form = ClosedDayForm(request.POST, today=today)
    if (year := request.POST.get("year", "")) in _years(today):
        named = holidays_ahead(int(year), today)
    elif form.is_valid():
        named = {form.cleaned_data["day"]: form.cleaned_data["name"]}
    else:
        return _page(request, closing=form)
    try:
        new = account_hours.add_closed_days(request.account, named, by=request.user, now=now)
    except HoursRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _added(len(new)))
    return redirect("conversations:hours")


@require_POST
@access.require("manage_compliance")
def closed_day_remove(request: Request, pk: int) -> HttpResponse:
    """Open the office on that day after all."""
    row = access.get(request, ClosedDay, pk)
    account_hours.remove_closed_day(row, by=request.user, now=clock.now())
    messages.success(request, f"{row.name} is no closed day any more.")
    return redirect("conversations:hours")


@require_POST
@access.require("manage_compliance")
def answer(request: Request) -> HttpResponse:
    """Switch after-hours answers on or off, and word them."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, answer=form)
    chosen = form.cleaned_data
    account_hours.set_answers(
        request.account, on=chosen["on"], words=chosen["words"], by=request.user, now=clock.now()
    )
    messages.success(request, "The after-hours answer is saved.")
    return redirect("conversations:hours")


@require_POST
@access.require("view")
def preview(request: Request) -> HttpResponse:
    """The answer as a customer would get it, while somebody words it."""
    form = AnswerForm(request.POST)
    bad = [] if form.is_valid() else [str(error) for errors in form.errors.values() for error in errors]
    words = "" if bad else form.cleaned_data["words"]
    context = {"preview": _preview(request, words), "problems": bad}
    return render(request, f"{TEMPLATE}#preview", context)


@require_safe
@access.require("view")
def law(request: Request) -> HttpResponse:
    """Every state's hours with source and review date; `q` seeks, `sort` orders."""
    sought = request.GET.get("q", "").strip()[:60]
    sort = request.GET.get("sort", "name")
    sort = sort if sort in SORTS else "name"
    rows = sorted(state_hours.STATES.values(), key=lambda row: row.name)
    if sort != "name":
        rows.sort(key=lambda row: (not row.narrows if sort == "narrow" else row.review_due, row.name))
    wanted = sought.casefold()
    found = [row for row in rows if wanted in f"{row.name} {row.state} {row.rule} {row.source}".casefold()]
    return respond(request, "settings/hours_law.html", "found", {
        "rows": found, "sought": sought, "sort": sort, "sorts": SORTS.items(), "of": len(rows),
        "today": _today(), "overdue": state_hours.overdue(_today()),
    })  # fmt: skip


def _today() -> date:
    return timezone.localtime(clock.now()).date()


def _years(today: date) -> list[str]:
    return [str(today.year), str(today.year + 1)]


def _added(count: int) -> str:
    if not count:
        return "Nothing was added: those days are closed already."
    return "One day is added." if count == 1 else f"{count} days are added."


def _page(request: Request, **forms: Any) -> HttpResponse:
    """The page, with a form that was refused in place of the one in force."""
    account, today = request.account, _today()
    days = list(access.rows(request, BusinessDay).order_by("weekday"))
    closed = list(access.rows(request, ClosedDay).filter(day__gte=today).order_by("day"))
    row = account_hours.of(account)
    context = {
        "quiet": QuietForm.of(account_hours.quiet_hours(account)),
        "business": BusinessForm.of(days),
        "closing": ClosedDayForm(today=today),
        "answer": AnswerForm.of(row),
        "days": days,
        "closed_days": closed,
        "years": [year for year in _years(today) if holidays_ahead(int(year), today)],
        "preview": _preview(request, row.answer_words if row else ""),
        "answering": bool(days) and (row is None or row.answers),
        "has_business_hours": bool(days),
        **_law(today),
        **_picture(request, {one.day: one.name for one in closed}),
        **forms,
    }
    if forms:
        return render(request, TEMPLATE, context, status=422)
    return respond(request, TEMPLATE, "picture", context)


def _law(today: date) -> dict[str, Any]:
    """What stands below: how many states allow less, and when the table is to be read again."""
    states = state_hours.STATES.values()
    return {
        "overdue": state_hours.overdue(today),
        "narrower": sum(one.narrows for one in states),
        "next_review": min(one.review_due for one in states),
    }


def _picture(request: Request, closed: dict[date, str]) -> dict[str, Any]:
    offered = hours_picture.states()
    chosen = request.GET.get("state", "")
    chosen = chosen if chosen in dict(offered) else ""
    if "state" not in request.GET:
        chosen = FIRST_STATE
    window = hours.window_of(request.account.pk)
    drawn = hours_picture.drawn(chosen, window, closed, first=_today())
    unreached = all(not day.open_width for day in hours_picture.drawn("", window, closed, first=_today()))
    return {
        "states": offered, "state": chosen, "week": drawn, "unreached": unreached,
        "law_row": state_hours.STATES.get(chosen),
        "window_words": [hours_picture.clock_words(end) for end in (window.start_minute, window.end_minute)],
    }  # fmt: skip


def _preview(request: Request, words: str) -> str:
    """The words for a customer who writes in the coming night, or at a time made up where there is none."""
    now = clock.now()
    today = _today()
    spans = business_hours.open_spans(request.account, first=today, last=today + LOOK_AHEAD)
    opens_at = next((opens for opens, _ in spans if opens > now), None)
    if opens_at is None:
        opens_at = hours.instant(request.account.zone, today, 8 * 60)
    return after_hours.words(request.account, words, opens_at=opens_at, now=now)
