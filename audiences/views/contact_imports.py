"""Contacts, Import: the files, what their columns mean, how far they are, what became of their rows."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, audit
from accounts.access import Request
from audiences.import_form import NOTES, MappingForm, UploadForm
from audiences.imports import running, undoing
from audiences.imports.columns import MEANINGS
from audiences.models import Audience, ContactImport, ContactImportRow
from audiences.rules import builder
from audiences.uploads import Unreadable
from common import clock
from common.htmx import leave_for, respond_live, version_of
from common.spreadsheets import harmless

PER_PAGE = 50
_DRAFT = "audiences/import_draft.html"
KINDS = {kind.value for kind in ContactImportRow.Kind}


def _imports(request: Request) -> Any:
    return access.rows(request, ContactImport.objects.select_related("account", "by", "cancelled_by", "tag"))


@require_http_methods(["GET", "POST"])
@access.require("view", post="import_contacts")
def overview(request: Request) -> HttpResponse:
    """The account's imports, and a form for another file."""
    form = UploadForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if request.method == "POST" and form.is_valid() and (listed := _take_in(request, form)):
        return redirect("audiences:import", listed.pk)
    rows = _imports(request).defer("consent_proof").order_by("-uploaded_at", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    status = 422 if request.method == "POST" else 200
    return render(request, "audiences/imports.html", {"form": form, "page": page}, status=status)


def _take_in(request: Request, form: UploadForm) -> ContactImport | None:
    """The file as a draft; None, and an error on the form, where it is no list."""
    file, token = form.cleaned_data["file"], form.cleaned_data["token"]
    of_form = _imports(request).filter(token=token) if token else ContactImport.objects.none()
    try:
        return of_form.first() or running.take_in(
            request.account, file.file, file.size, name=file.name[-160:], by=request.user, now=clock.now(),
            token=token,
        )  # fmt: skip
    except IntegrityError:
        if made := of_form.first():
            return made  # by the first of two clicks, a moment ago
        raise
    except Unreadable as unreadable:
        form.add_error("file", str(unreadable))
        return None


@require_GET
@access.require("view")
def one(request: Request, pk: int) -> HttpResponse:
    """What the columns of a draft mean; how far an import is, then what became of its rows."""
    listed = access.get(request, _imports(request), pk)
    if not listed.confirmed_at and access.allowed(request.role, "import_contacts"):
        return _draft(request, listed, MappingForm(listed=listed))
    now = clock.now()
    left, rate = listed.seconds_left(now), listed.rate(now)
    context = {
        "listed": listed,
        "minutes": None if left is None else -(-int(left) // 60),
        "rate": None if rate is None else round(rate),
        "audience": Audience.objects.filter(account=listed.account_id, rules=_rules(listed)).first(),
    }
    shown = (*(getattr(listed, field.attname) for field in listed._meta.concrete_fields), context["minutes"])
    version = version_of((shown, context["audience"] and context["audience"].pk))
    return respond_live(request, "audiences/import.html", "import", context, version=version)


def _draft(request: Request, listed: ContactImport, form: MappingForm, status: int = 200) -> HttpResponse:
    return render(request, _DRAFT, {**_previewed(listed, form), "form": form}, status=status)


def _previewed(listed: ContactImport, form: MappingForm) -> dict[str, Any]:
    """The columns with examples, and the first rows as they would be read."""
    listed.names_columns = form.named
    rows = running.preview(listed, form.meanings, now=clock.now())
    said = [form[key] for key in form.column_fields]
    examples = [
        [cells[at].strip()[:60] for cells, _ in rows if at < len(cells) and cells[at].strip()][:2]
        for at in range(len(said))
    ]
    return {
        "listed": listed,
        "columns": list(zip(listed.columns, examples, said, strict=True)),
        "people": [person for _, person in rows],
        "grounds": [(ground.value, ground.label, NOTES[ground]) for ground in ContactImport.Ground],
        "unmapped": sum(1 for key in form.meanings if not key),
        "meanings": [MEANINGS[key].label for key in form.meanings if key],
    }


@require_POST
@access.require("import_contacts")
def preview(request: Request, pk: int) -> HttpResponse:
    """The fragment with the first rows as the columns chosen would have them read."""
    listed = _open_draft(request, pk)
    context = _previewed(listed, MappingForm(request.POST, listed=listed))
    return render(request, f"{_DRAFT}#import-preview", {**context, "fragment": True})


def _open_draft(request: Request, pk: int) -> ContactImport:
    listed: ContactImport = access.get(request, _imports(request), pk)
    if listed.confirmed_at:
        raise Http404("no draft any more")
    return listed


@require_POST
@access.require("import_contacts")
def confirm(request: Request, pk: int) -> HttpResponse:
    """Begin to take a draft in."""
    listed = access.get(request, _imports(request), pk)
    if not listed.confirmed_at:
        form = MappingForm(request.POST, listed=listed)
        if not form.is_valid():
            return _draft(request, listed, form, status=422)
        listed.names_columns = form.named
        running.confirm(
            listed, form.meanings, form.grounds(), tag=form.cleaned_data["tag"].strip(), by=request.user,
            now=clock.now(),
        )  # fmt: skip
    return redirect("audiences:import", pk)


@require_POST
@access.require("import_contacts")
def discard(request: Request, pk: int) -> HttpResponse:
    """Give up a draft."""
    listed = access.get(request, _imports(request), pk)
    if not running.discard(listed):
        return leave_for(request, "audiences:import", pk)
    messages.success(request, f"{listed.name} is discarded. Nothing of it was imported.")
    return leave_for(request, "audiences:imports")


@require_POST
@access.require("import_contacts")
def cancel(request: Request, pk: int) -> HttpResponse:
    """Take no more of a file in."""
    listed = access.get(request, _imports(request), pk)
    if running.cancel(listed, by=request.user, now=clock.now()):
        messages.success(request, "The import is cancelled. Who was taken in until now stays.")
    return leave_for(request, "audiences:import", pk)


@require_POST
@access.require("import_contacts")
def resume(request: Request, pk: int) -> HttpResponse:
    """Go on with an import that broke off."""
    running.resume(access.get(request, _imports(request), pk), by=request.user)
    return leave_for(request, "audiences:import", pk)


@require_POST
@access.require("import_contacts")
def undo(request: Request, pk: int) -> HttpResponse:
    """Remove the contacts that only this import brought."""
    undoing.ask(access.get(request, _imports(request), pk), by=request.user, now=clock.now())
    return leave_for(request, "audiences:import", pk)


@require_POST
@access.require("build_audience")
def make_audience(request: Request, pk: int) -> HttpResponse:
    """An audience of everybody in this file, to be changed like any other."""
    listed = access.get(request, _imports(request), pk)
    rules = _rules(listed)
    audience = Audience.objects.filter(account=listed.account_id, rules=rules).first()
    if audience is None and listed.confirmed_at:
        audience = Audience(account=request.account, created_by=request.user, rules=rules)
        if not _named(audience, listed.name):
            messages.error(request, "Nothing was made: all names like this one are taken. Build it by hand.")
            return leave_for(request, "audiences:import", pk)
        audit.record(
            account=request.account,
            by=request.user,
            verb="created_audience",
            summary=audience.name,
            on=audience,
        )
        said = f"The audience “{audience.name}” is everybody in this file but whom it leaves out by default."
        messages.success(request, said)
    if audience is None:
        return leave_for(request, "audiences:import", pk)
    return leave_for(request, "audiences:edit", audience.pk)


def _rules(listed: ContactImport) -> dict[str, Any]:
    return {**builder.fresh(), **listed.as_rules()}


def _named(audience: Audience, name: str) -> bool:
    """Save it under the file's name, or that with a number."""
    for suffix in ("", *(f" {n}" for n in range(2, 21))):
        audience.name = f"{name.rpartition('.')[0] or name}"[:110] + suffix
        try:
            with transaction.atomic():
                audience.save()
        except IntegrityError:
            continue
        return True
    return False


@require_GET
@access.require("view")
def kept_rows(request: Request, pk: int, kind: str) -> HttpResponse:
    """The rows that were rejected, or that named somebody again."""
    listed = access.get(request, _imports(request), pk)
    if kind not in KINDS:
        raise Http404("no such rows")
    rows = ContactImportRow.objects.filter(of=listed, kind=kind).order_by("number")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"listed": listed, "kind": kind, "page": page}
    return render(request, "audiences/import_rows.html", context)


@require_GET
@access.require("import_contacts")
def rows_file(request: Request, pk: int, kind: str) -> HttpResponseBase:
    """Those rows as a file that can be corrected and imported again: as they came, with number and reason."""
    listed = access.get(request, _imports(request), pk)
    if kind not in KINDS:
        raise Http404("no such rows")
    answer = StreamingHttpResponse(_file(listed, kind), content_type="text/csv; charset=utf-8")
    name = f"{slugify(listed.name.rpartition('.')[0]) or 'import'}-{kind}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _file(listed: ContactImport, kind: str) -> Iterator[bytes]:
    rows = ContactImportRow.objects.filter(of=listed, kind=kind).order_by("number")
    yield _line([*listed.columns, "Row of the file", "Why not imported"], "\ufeff")
    width = len(listed.columns)
    for row in rows.iterator(chunk_size=2000):
        cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
        extra = row.cells[width:]
        yield _line([*cells, str(row.number), row.why, *extra])


def _line(cells: list[str], before: str = "") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([harmless(cell) for cell in cells])
    return (before + text.getvalue()).encode()
