"""Downloads: queueing a file, the page that says how far each is, and what may be done with it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import access, audit
from accounts.access import Request
from accounts.models import Role
from accounts.toasts import say
from analytics.downloads import fetching, notices, queueing, sources
from analytics.models import Download
from common import clock
from common.htmx import leave_for, respond_live, version_of

PER_PAGE = 50
PARAM = "p."  # what a param's name begins with in the form of the button


def _downloads(request: Request) -> QuerySet[Download]:
    seen = Download.objects.seen_by(request.user, request.role, request.account)
    return seen.select_related("requested_by", "account")


@require_safe
@access.require("queue_download")
def download_list(request: Request) -> HttpResponse:
    """One's own downloads, for an admin everybody's, newest first; live while one is being made."""
    notices.seen(request)
    everybodys = request.role == Role.ADMIN
    pages = Paginator(_downloads(request).order_by("-requested_at", "-pk"), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    found = list(page.object_list)
    pending = any(download.pending for download in found)
    context: dict[str, Any] = {"page": page, "pending": pending, "everybodys": everybodys}
    shown = [(one.pk, one.state, one.done, one.total, one.bytes, one.title) for one in found]
    version = version_of((shown, page.number, pages.count, everybodys))
    return respond_live(request, "analytics/downloads.html", "downloads", context, version=version)


@require_POST
@access.require("queue_download")
def download_queue(request: Request) -> HttpResponse:
    """Queue a file of the rows that a source (`source`, params as `p.…`) gives, as `format`."""
    try:
        source = sources.get(request.POST.get("source", ""))
    except sources.Unknown as unknown:
        raise Http404(str(unknown)) from unknown
    if not access.allowed(request.role, source.capability):
        raise access.Denied(source.capability, request.role)
    posted = [(name, str(text)) for name, text in request.POST.items()]
    params = {name.removeprefix(PARAM): text for name, text in posted if name.startswith(PARAM)}
    form = request.POST.get("format", "")
    _ask(request, source, params, form if form in Download.Form.values else Download.Form.CSV)
    if getattr(request, "htmx", None):
        return HttpResponse(status=204)
    return redirect(access.safe_next(request.POST.get("back")))


def _ask(request: Request, source: sources.Source, params: dict[str, str], form: str) -> None:
    try:
        download, new = queueing.ask(
            request.account, source, params, form=form, by=request.user, now=clock.now()
        )
    except sources.Unknown as unknown:
        raise Http404(str(unknown)) from unknown
    except queueing.Refused as refused:
        say(
            request,
            str(refused),
            url=reverse("analytics:downloads"),
            words="Open downloads",
            level=messages.WARNING,
        )
        return
    notices.await_end(request, download)
    said = "is being made." if new else "is being made already."
    words = f"{download.title} ({download.get_form_display()}) {said}"
    say(request, words, url=reverse("analytics:downloads"), words="Open downloads")


@require_safe
@access.require("queue_download")
def download_file(request: Request, pk: int) -> HttpResponseBase:
    """The file of a finished download, whole or from where a transfer broke; the audit log notes it."""
    download = access.get(request, _downloads(request), pk)
    if download.state != Download.State.READY or not _may_see(request, download):
        raise Http404("no file")
    span = fetching.span_of(request, download)
    if request.method == "GET" and (span is None or span.first == 0):
        audit.record(
            account=request.account, by=request.user, verb="fetched_download", on=download,
            summary=f"Fetched the download of {download.title}",
            detail={"rows": download.rows, "format": download.form},
        )  # fmt: skip
    return fetching.answer(download, span)


def _may_see(request: Request, download: Download) -> bool:
    try:
        return access.allowed(request.role, sources.get(download.source).capability)
    except sources.Unknown:
        return access.allowed(request.role, "manage_account")


@require_POST
@access.require("queue_download")
def download_again(request: Request, pk: int) -> HttpResponse:
    """Make one that failed, was cancelled or expired once more."""
    download = access.get(request, _downloads(request), pk)
    try:
        if queueing.again(download, by=request.user, now=clock.now()):
            notices.await_end(request, download)
            messages.success(request, f"{download.title} is being made once more.")
    except queueing.Refused as refused:
        messages.warning(request, str(refused))
    return redirect("analytics:downloads")


@require_POST
@access.require("queue_download")
def download_cancel(request: Request, pk: int) -> HttpResponse:
    """Stop one that waits or is being made."""
    download = access.get(request, _downloads(request), pk)
    if queueing.cancel(download, by=request.user, now=clock.now()):
        messages.success(request, f"{download.title} was cancelled. Nothing of it was kept.")
    else:
        messages.info(request, f"{download.title} had ended before it could be cancelled.")
    return redirect("analytics:downloads")


@require_POST
@access.require("queue_download")
def download_delete(request: Request, pk: int) -> HttpResponse:
    """Delete one that has ended, with its file."""
    download = access.get(request, _downloads(request), pk)
    if queueing.delete(download, by=request.user):
        messages.success(request, f"{download.title} was deleted.")
    return leave_for(request, "analytics:downloads")
