"""The page that puts two to four campaigns side by side, and where they are chosen."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from analytics import comparison, counters, live
from campaigns.models import Campaign

CAMPAIGNS = Campaign.objects.select_related("account", "version__workflow", "audience")
OFFERED = 50


@require_safe
@access.require()
def compare(request: access.Request) -> HttpResponse:
    """`?c=` two to four campaigns side by side; fewer or more lead to choosing them. Live."""
    asked = list(dict.fromkeys(request.GET.getlist("c")))
    launched = access.rows(request, CAMPAIGNS).exclude(status=Campaign.Status.CREATED)
    chosen = _chosen(launched, asked)
    if not comparison.FEWEST <= len(chosen) <= comparison.MOST:
        return _choose(request, launched, asked, chosen)
    with counters.snapshot():
        shown = comparison.of(chosen)
    context = {
        "shown": shown, "every": 5 if shown.running else 30, "missing": len(asked) - len(chosen),
        "others": _offered(launched, chosen) if len(chosen) < comparison.MOST else [],
    }  # fmt: skip
    return live.answer(request, "analytics/comparison.html", (shown, context["missing"]), context)


def _chosen(launched: QuerySet[Campaign], asked: Sequence[str]) -> list[Campaign]:
    """Those that are asked for and there, in the order of the address."""
    ids = [int(each) for each in asked[:50] if each.isascii() and each.isdigit() and len(each) < 19]
    found = launched.in_bulk(ids)
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found]


def _offered(launched: QuerySet[Campaign], chosen: Sequence[Campaign]) -> list[Campaign]:
    """The latest campaigns beside those chosen, of the same workflow first."""
    latest = list(
        launched.exclude(pk__in=[each.pk for each in chosen]).order_by("-launched_at", "-pk")[:OFFERED]
    )
    workflows = {each.version.workflow_id for each in chosen}
    return sorted(latest, key=lambda each: each.version.workflow_id not in workflows)


def _choose(
    request: access.Request, launched: QuerySet[Campaign], asked: Sequence[str], chosen: list[Campaign]
) -> HttpResponse:
    """The form that asks for the campaigns, with what was chosen so far, and what is wrong with that."""
    wrong = ""
    if len(chosen) > comparison.MOST:
        wrong = f"{len(chosen)} campaigns were chosen. At most {comparison.MOST} stand side by side."
    elif len(asked) > len(chosen):
        wrong = "A campaign of this address is not there any more, or not yours to see. Choose others."
    elif len(chosen) == 1 and "chosen" in request.GET:
        wrong = "One campaign alone has nothing to stand beside. Choose another one or more."
    context = {"chosen": chosen, "offered": _offered(launched, chosen), "wrong": wrong}
    return render(request, "analytics/comparison_choose.html", context, status=422 if wrong else 200)
