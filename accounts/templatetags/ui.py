"""The pieces of the design language that templates ask for by name; `docs/design.md` shows each.

A builtin of every template: nothing needs to load it.
"""

from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from django import template
from django.contrib.humanize.templatetags import humanize
from django.template import RequestContext
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.toasts import act_of, link_of
from common import clock

register = template.Library()

register.filter("link_of", link_of)
register.filter("act_of", act_of)


class Share(Protocol):
    """A number of something out of a whole, as `analytics.metrics.Rate` is one."""

    part: int
    whole: int

    @property
    def percent(self) -> str: ...


@register.filter
def dollars(cents: int | None) -> str:
    """An amount in cents to the cent: “$1,234.50”, “−$20.00”; a dash for nothing known."""
    if cents is None:
        return "—"
    return f"{'−' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02}"


@register.simple_tag
@lru_cache(maxsize=1024)  # a page has hundreds, and where the file lies does not change while a process lives
def icon(name: str, extra: str = "") -> SafeString:
    """A drawing of `static/img/icons.svg`; silent, so the words beside it must say what it means."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {extra}" if extra else "",
        static("img/icons.svg"),
        name,
    )


@register.filter
def intcomma(value: Any) -> str:
    """As that of humanize, which it takes the place of: quick with whole numbers, of which pages are full."""
    return f"{value:,}" if type(value) is int else str(humanize.intcomma(value))


@register.simple_tag(takes_context=True)
def live(context: RequestContext, every: int = 2, url: str = "", version: str = "") -> SafeString:
    """What makes an element with an id a live region: it asks its address again every so many seconds.

    The view answers through `common.htmx.respond_live`, which also gives the `version` used here. `url` is
    this page's own address unless given.
    """
    return format_html(
        'data-live hx-get="{}" hx-trigger="every {}s, visibilitychange from:document, refresh from:document"'
        ' hx-swap="outerMorph" hx-ptag="{}" hx-status:5xx="swap:none"',
        url or context["request"].get_full_path(),
        every,
        version or context.get("version", ""),
    )


@register.simple_tag
def when(moment: datetime | None, style: str = "short") -> SafeString | str:
    """An instant for people, in the account's zone and 12-hour clock; a dash for none.

    `short`: "3:04 pm" today, else "Nov 24, 3:04 pm", with the year where another; `day`: "Nov 24, 2026";
    `date`: "Nov 24", with the year where another; `time`: "3:04 pm", where the day stands above.
    Hovering shows all of it with the zone.
    """
    if moment is None:
        return "—"
    here, today = timezone.localtime(moment), timezone.localtime(clock.now())
    words = {
        "day": _day(here, year=True), "date": _day(here, year=here.year != today.year), "time": _hour(here)
    }.get(style) or _short(here, today)  # fmt: skip
    full = f"{here:%A}, {_day(here, year=True)}, {_hour(here)} {here:%Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', here.isoformat(), full, words)


def _short(here: datetime, today: datetime) -> str:
    if here.date() == today.date():
        return _hour(here)
    return f"{_day(here, year=here.year != today.year)}, {_hour(here)}"


def _day(here: datetime, *, year: bool) -> str:
    return f"{here:%b} {here.day}, {here.year}" if year else f"{here:%b} {here.day}"


def _hour(here: datetime) -> str:
    return f"{here.hour % 12 or 12}:{here:%M} {'am' if here.hour < 12 else 'pm'}"


@register.simple_tag
def rate(share: Share) -> SafeString | str:
    """A share with its fraction, "3.1%" and "14 of 452"; a dash where there is nothing to divide by."""
    if not share.whole:
        return "—"
    return format_html(
        '<span class="rate"><span class="rate__percent">{}</span>'
        ' <span class="rate__of">{} of {}</span></span>',
        share.percent,
        f"{share.part:,}",
        f"{share.whole:,}",
    )


@register.filter
def initials(name: str) -> str:
    """At most two letters that stand for somebody."""
    words = str(name).split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """A share without its fraction, which then stands beside it; a dash for nothing of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "—"
