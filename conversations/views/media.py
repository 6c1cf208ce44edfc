"""Files of texts: at the address that a provider fetches them from, in threads, and where people add them."""

from collections.abc import Sequence
from typing import TypedDict

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Request
from common import clock
from conversations import media
from conversations.media_types import MOST_IMAGE_BYTES, NotTaken
from conversations.models import MediaFile

# Whatever a file holds, a browser shows it without a script, a form, a frame or our cookies.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_A_DAY = 24 * 3600


@require_safe
@access.public
def public(request: HttpRequest, token: str, name: str) -> HttpResponse:
    """A file on its way to somebody's phone, for who has the address; what customers sent has none."""
    row = get_object_or_404(MediaFile, token=token, received=False)
    return _served(row, "public")


@require_safe
@access.require("read_conversations")
def attachment(request: Request, pk: int) -> HttpResponse:
    """A file of the account, sent or received, for its people."""
    return _served(access.get(request, _rows(request), pk), "private")


@require_POST
@access.require("view")
def upload(request: Request) -> HttpResponse:
    """The picker anew, with what was added or taken out. Refused files are named with the reason."""
    return render(request, "parts/media_picker.html", {**picked(request)})


class Picked(TypedDict):
    """What the picker shows."""

    files: list[MediaFile]
    refused: list[str]
    most: int


def picked(request: Request) -> Picked:
    """The files that a form names (`media`) and brings (`files`), without what it drops, and what was not
    taken of them, in words."""
    named = [pk for pk in request.POST.getlist("media") if pk != request.POST.get("drop")]
    kept, refused = media.chosen(request.account, named), list[str]()
    for each in request.FILES.getlist("files"):
        try:
            kept += [_kept(request, each, kept)]
        except NotTaken as refusal:
            refused.append(str(refusal))
    return {"files": list({row.pk: row for row in kept}.values()), "refused": refused, "most": media.MOST}


def _kept(request: Request, file: UploadedFile, before: Sequence[MediaFile]) -> MediaFile:
    name = file.name or "file"
    media.check_number([*before, file])
    if (file.size or 0) > 4 * MOST_IMAGE_BYTES:
        raise NotTaken(f"“{name}” is too big: a picture may have 5 MB.")
    return media.keep(request.account, file.read(), name, by=request.user, now=clock.now())


def _rows(request: Request) -> QuerySet[MediaFile]:
    return access.rows(request, MediaFile)


def _served(row: MediaFile, who: str) -> HttpResponse:
    shown = "inline" if row.is_image else "attachment"
    response = HttpResponse(bytes(row.data), content_type=row.content_type)
    response["Content-Disposition"] = f'{shown}; filename="{row.name}"'
    response["Content-Security-Policy"] = _POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = f"{who}, max-age={_A_DAY}, immutable"
    if who == "public":
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["ETag"] = f'"{row.sha256}"'
    return response
