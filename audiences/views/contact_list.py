"""Contacts: the list and its search."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_pages, contact_search, contact_tally, counting, segments
from audiences.models import Audience, Contact, ContactImport, ImportedContact
from audiences.rules import builder
from common.htmx import respond

_OF_THE_SEARCH = ("q", "after", "go")


@dataclass(frozen=True)
class Choice:
    """Whom an address asks for besides its words: an audience, an import, or rules as they were typed.

    `wrong`: why its rules have no meaning. Nobody is listed then.
    """

    rules: dict[str, Any] | None = None
    audience: Audience | None = None
    words: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)  # what keeps the choice in a search
    listed: ContactImport | None = None
    outcome: str = ""  # of the import: those it added, updated …
    mirrored: bool = False  # ServiceTitan's alone


@require_GET
@access.require("view")
def contact_list(request: Request) -> HttpResponse:
    """Contacts, the latest job first; `q` seeks people, `audience` or rules narrow to theirs.

    With `go` (the button, or Enter) a whole phone or job number leads to its one person.
    """
    wanted = " ".join(request.GET.get("q", "").split())[: contact_search.LONGEST]
    choice = _choice(request)
    page = contact_pages.Page([], 0) if choice.wrong else _page(request, wanted, choice)
    if page.direct and "go" in request.GET:
        return redirect("audiences:contact", page.direct)
    marks = " ".join([wanted, *page.meant])
    context = {"page": page, "wanted": wanted, "marks": marks, "choice": choice}
    context["download"] = dict(choice.fields) | ({"q": wanted} if wanted else {})
    return respond(request, "audiences/contact_list.html", "contacts", context)


def _page(request: Request, wanted: str, choice: Choice) -> contact_pages.Page:
    among: QuerySet[Any, Any] | None = None
    if choice.listed:
        mine = ImportedContact.objects.filter(of=choice.listed)
        among = (mine.filter(outcome=choice.outcome) if choice.outcome else mine).values("contact")
    rows, after = access.rows(request, Contact), request.GET.get("after", "")
    if choice.mirrored:
        rows = rows.filter(servicetitan_customer_id__gt=0)
        among = rows.values("pk") if wanted else None
    narrowed = among is not None or choice.rules is not None
    try:
        with counting.within(counting.AT_LENGTH) if narrowed else nullcontext():
            return contact_pages.page(
                rows, request.account, wanted, after, rules=choice.rules, among=among,
                total=None if narrowed or wanted else _everybody(request, choice),
            )  # fmt: skip
    except counting.TakesLonger:
        return contact_pages.Page([], 0, late=True)


def _everybody(request: Request, choice: Choice) -> int:
    """How many there are where nothing narrows: nobody counts a million for each look."""
    tally = contact_tally.of(request.account)
    return tally.mirrored if choice.mirrored else tally.contacts


def _choice(request: Request) -> Choice:
    """The audience or the rules in the address; nobody's where they have no meaning."""
    if (pk := request.GET.get("audience", "")).isdecimal():
        audience = access.get(request, Audience, pk)
        rules = audience.rules
    elif request.GET.get("matching"):
        audience, rules = None, builder.parsed(request.GET["matching"])
    elif (pk := request.GET.get("import", "")).isdecimal():
        outcome = request.GET.get("outcome", "")
        known = outcome if outcome in ImportedContact.Outcome.values else ""
        return Choice(fields=_kept(request), listed=access.get(request, ContactImport, pk), outcome=known)
    else:
        mirrored = "mirrored" in request.GET
        return Choice(fields=_kept(request) if mirrored else [], mirrored=mirrored)
    words, wrong = segments.told(request.account, rules)
    return Choice(None if wrong else rules, audience, words, wrong, _kept(request))


def _kept(request: Request) -> list[tuple[str, str]]:
    """What keeps the choice in a search."""
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    return [pair for pair in pairs if pair[0] not in _OF_THE_SEARCH]
