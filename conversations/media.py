"""Files that go with texts: kept once per account by their bytes, and had by the provider from an address
that nobody guesses."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.models import Account, User
from common import sql
from conversations import media_types
from conversations.candidates import Candidate
from conversations.media_types import EXTENSIONS, NotTaken, Taken
from conversations.models import MediaFile

MOST = 10  # of one text
_NAME_LENGTH: int = MediaFile._meta.get_field("name").max_length or 0
_UNSAFE = re.compile(r"[^\w.\- ]+")


def keep(account: Account, data: bytes, name: str, *, by: User, now: datetime) -> MediaFile:
    """Keep an uploaded file for sending; the same one again is the row of the first time. Raises NotTaken."""
    name = (name or "file").rsplit("/", 1)[-1].rsplit("\\", 1)[-1][:_NAME_LENGTH]
    return store(account, media_types.outgoing(data, name), name, received=False, by=by, now=now)


def store(
    account: Account, taken: Taken, name: str, *, received: bool, now: datetime, by: User | None = None
) -> MediaFile:
    """The row of these bytes; what customers sent and what we send never share one."""
    digest = hashlib.sha256(taken.data).hexdigest()
    return MediaFile.objects.defer("data").get_or_create(
        account=account, sha256=digest, received=received,
        defaults={
            "name": safe_name(name, taken.content_type), "content_type": taken.content_type,
            "size": len(taken.data), "width": taken.width, "height": taken.height, "data": taken.data,
            "created_at": now, "by": by,
        },
    )[0]  # fmt: skip


def safe_name(name: str, content_type: str) -> str:
    """A name without anything that a header or a disk could take amiss, ending as its type does."""
    stem = _UNSAFE.sub("-", name.rsplit(".", 1)[0]).strip(" .-") or "file"
    return f"{stem[:100]}.{EXTENSIONS.get(content_type, 'bin')}"


def chosen(account: Account, ids: Iterable[object]) -> list[MediaFile]:
    """The account's own files of these ids, in that order; what is none of its own is left out."""
    wanted = [int(str(pk)) for pk in ids if str(pk).isdecimal() and len(str(pk)) < 19]
    rows = MediaFile.objects.defer("data").filter(account=account, received=False, pk__in=wanted)
    found = {row.pk: row for row in rows}
    return [found[pk] for pk in dict.fromkeys(wanted) if pk in found]


def check_number(files: Sequence[object]) -> None:
    """Raises NotTaken for more files than a text may have."""
    if len(files) > MOST:
        raise NotTaken(f"A text may have {MOST} files at most; these are {len(files)}.")


def url_of(token: str, name: str) -> str:
    """The public address of a file, as the provider gets it."""
    return f"{settings.PUBLIC_URL}{reverse('conversations:media', args=[token, name])}"


def of_claims(candidates: Sequence[Candidate]) -> dict[int, tuple[str, ...]]:
    """Message → the addresses of what goes with it; those with nothing are absent. At most one query."""
    wanted: dict[int, tuple[int, list[int]]] = {}
    for each in candidates:
        if each.content and not each.without_media and not each.is_email:
            ids = json.loads(each.content).get("media") or []
            if ids:
                wanted[each.id] = (each.account_id, [pk for pk in ids if isinstance(pk, int)][:MOST])
    if not wanted:
        return {}
    rows = sql.rows(
        "SELECT account_id, id, token, name FROM conversations_mediafile WHERE id = ANY(%s) AND NOT received",
        [sql.array({pk for _, ids in wanted.values() for pk in ids})],
    )
    known = {(account_id, pk): url_of(token, name) for account_id, pk, token, name in rows}
    found = {
        message: tuple(known[account_id, pk] for pk in ids if (account_id, pk) in known)
        for message, (account_id, ids) in wanted.items()
    }
    return {message: urls for message, urls in found.items() if urls}
