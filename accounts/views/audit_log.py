"""The audit log: who did what, when and from where; newest first."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access, audit_words, sealing
from accounts.access import Request
from accounts.forms import AuditFilterForm
from accounts.models import AuditEntry, Membership, User

PER_PAGE = 50
BY_PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words."""

    entry: AuditEntry

    @property
    def who(self) -> str:
        """The person, or the product."""
        return audit_words.who(self.entry)

    @property
    def did(self) -> str:
        """The rest of the sentence."""
        return audit_words.did(self.entry)

    @property
    def url(self) -> str:
        """The page of what was acted upon, if it has one."""
        return audit_words.page_of(self.entry)

    @property
    def details(self) -> list[tuple[str, str]]:
        """What else was kept."""
        return audit_words.details(self.entry)


@require_GET
@access.require("read_audit_log")
def audit_log(request: Request) -> HttpResponse:
    """Entries that match the filter, a page at a time by position (`before`): new ones shift nothing."""
    entries = access.rows(request, AuditEntry)
    form = AuditFilterForm(request.GET, people=_people(request, entries))
    found = _matching(entries, form, request) if form.is_valid() else entries.none()
    position = _position(request.GET.get("before", ""))
    if position is not None:
        found = found.filter(Q(at__lt=position[0]) | Q(at=position[0], pk__lt=position[1]))
    shown = list(found.select_related("by").order_by("-at", "-pk")[: PER_PAGE + 1])
    page = shown[:PER_PAGE]
    context = {
        "form": form,
        "lines": [Line(entry) for entry in page],
        "older": _mark(page[-1]) if len(shown) > PER_PAGE else "",
        "later_page": position is not None,
        "filtered": any(request.GET.get(name) for name in form.fields),
        "seals": sealing.standing(request.account),
        "title": "Audit log",
    }
    return render(request, "settings/audit_log.html", context, status=422 if form.errors else 200)


def _matching(entries: QuerySet[AuditEntry], form: AuditFilterForm, request: Request) -> QuerySet[AuditEntry]:
    asked = form.cleaned_data
    if asked["q"]:
        entries = entries.filter(summary__icontains=asked["q"])
    if asked["kind"]:
        entries = entries.filter(verb=asked["kind"])
    if asked["by"]:
        entries = entries.filter(by=None if asked["by"] == BY_PRODUCT else asked["by"])
    if asked["since"]:
        entries = entries.filter(at__gte=_midnight(asked["since"], request))
    if asked["until"]:
        entries = entries.filter(at__lt=_midnight(asked["until"] + timedelta(days=1), request))
    return entries


def _people(request: Request, entries: QuerySet[AuditEntry]) -> list[tuple[str, str]]:
    """The members, whoever has left and has an entry, and the product itself."""
    members = access.rows(request, Membership).values("user")
    concerned = Q(pk__in=entries.values("by")) | Q(pk__in=members)
    found = User.objects.filter(concerned).order_by("name", "pk")
    return [(str(user.pk), str(user)) for user in found] + [(BY_PRODUCT, audit_words.PRODUCT)]


def _midnight(day: date, request: Request) -> datetime:
    return datetime.combine(day, time.min, tzinfo=request.account.zone)


def _mark(entry: AuditEntry) -> str:
    """The position of an entry, as `before` takes it: microseconds and key."""
    return f"{round(entry.at.timestamp() * 1_000_000)}-{entry.pk}"


def _position(mark: str) -> tuple[datetime, int] | None:
    """Where a page begins; nothing for a mark that is none."""
    moment, dash, pk = mark.partition("-")
    if not (dash and moment.isdecimal() and pk.isdecimal()) or len(moment) > 17 or len(pk) > 18:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(moment)), int(pk)
