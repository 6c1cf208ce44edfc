"""Handing out the file of a download: streamed, with its length, whole or from any byte on (RFC 9110)."""

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.text import slugify

from analytics.downloads import files
from analytics.models import Download

TYPES = {
    Download.Form.CSV: "text/csv; charset=utf-8",
    Download.Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True)
class Span:
    """The bytes that somebody asks for, both included; none of them exists where `first` > `last`."""

    first: int
    last: int


def tag(download: Download) -> str:
    """What changes with the file: made once more, its bytes are others."""
    return f'"{download.pk}-{download.attempt}"'


def span_of(request: HttpRequest, download: Download) -> Span | None:
    """What `Range` asks for; None for the whole file, also where `If-Range` knows another one."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if asked is None or asked.groups() == ("", "") or request.method != "GET":
        return None
    if request.headers.get("If-Range", tag(download)) != tag(download):
        return None
    first, last = asked.groups()
    end = download.bytes - 1
    if not first:  # so many from the end
        return Span(max(0, download.bytes - int(last)), end if int(last) else -1)
    if last and int(last) < int(first):
        return None
    return Span(int(first), min(int(last), end) if last else end)


def answer(download: Download, span: Span | None) -> HttpResponseBase:
    """The file or its part: 200, 206, or 416 for a part that does not exist."""
    whole = Span(0, download.bytes - 1)
    wanted = span or whole
    response: HttpResponseBase
    if wanted.first > wanted.last:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{download.bytes}"
        return response
    response = StreamingHttpResponse(
        files.content(download, wanted.first, wanted.last), content_type=TYPES[Download.Form(download.form)]
    )
    response["Content-Length"] = str(wanted.last - wanted.first + 1)
    if span is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {wanted.first}-{wanted.last}/{download.bytes}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = tag(download)
    response["Content-Disposition"] = f'attachment; filename="{file_name(download)}"'
    response["Cache-Control"] = "private, no-store"
    return response


def file_name(download: Download) -> str:
    """Letters, digits, hyphens alone, and the day in company time: `failed-at-text-1-2026-11-24.csv`."""
    day = (download.as_of or download.requested_at).astimezone(download.account.zone).date()
    return f"{slugify(download.title)[:80].strip('-') or 'download'}-{day}.{download.form}"
