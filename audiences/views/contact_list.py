"""Contacts: the list and its search."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_pages, contact_search, segments
from audiences.models import Audience, Contact, ContactImport, ImportedContact
from audiences.rules import builder
from common.htmx import respond

_OF_THE_SEARCH = ("q", "after", "go")


@dataclass(frozen=True)
class Choice:
    """Whom an address asks for besides its words: an audience, an import, or rules as they were typed."""

    rules: dict[str, Any] | None = None
    audience: Audience | None = None
    words: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)  # what keeps the choice in a search
    listed: ContactImport | None = None
    outcome: str = ""  # of the import: those it added, updated …


@require_GET
@access.require("view")
def contact_list(request: Request) -> HttpResponse:
    """Contacts, the latest job first; `q` seeks people, `audience` or rules narrow to theirs.

    With `go` (the button, or Enter) a whole phone or job number leads to its one person.
    """
    wanted = " ".join(request.GET.get("q", "").split())[: contact_search.LONGEST]
    choice = _choice(request)
    rows, rules = access.rows(request, Contact), choice.rules
    if choice.listed:
        mine = ImportedContact.objects.filter(of=choice.listed)
        mine = mine.filter(outcome=choice.outcome) if choice.outcome else mine
        rows, rules = rows.filter(pk__in=mine.values("contact")), choice.listed.as_rules() if wanted else None
    page = contact_pages.page(rows, request.account, wanted, rules, request.GET.get("after", ""))
    if page.direct and "go" in request.GET:
        return redirect("audiences:contact", page.direct)
    marks = " ".join([wanted, *page.meant])
    context = {"page": page, "wanted": wanted, "marks": marks, "choice": choice}
    return respond(request, "audiences/contact_list.html", "contacts", context)


def _choice(request: Request) -> Choice:
    """The audience or the rules in the address; nobody's where they have no meaning."""
    if (pk := request.GET.get("audience", "")).isdecimal():
        audience = access.get(request, Audience, int(pk))
        rules = audience.rules
    elif request.GET.get("matching"):
        audience, rules = None, builder.parsed(request.GET["matching"])
    elif (pk := request.GET.get("import", "")).isdecimal():
        outcome = request.GET.get("outcome", "")
        known = outcome if outcome in ImportedContact.Outcome.values else ""
        return Choice(
            fields=_kept(request), listed=access.get(request, ContactImport, int(pk)), outcome=known
        )
    else:
        return Choice()
    words, errors = segments.told(request.account, rules)
    if errors:
        return Choice(None, audience, errors)
    return Choice(rules, audience, words, _kept(request))


def _kept(request: Request) -> list[tuple[str, str]]:
    """What keeps the choice in a search."""
    pairs = [(name, value) for name, values in request.GET.lists() for value in values]
    return [pair for pair in pairs if pair[0] not in _OF_THE_SEARCH]
