"""Files of messages as a thread shows them: thumbnails, players, downloads, and what is still on its way."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from conversations.models import MediaFile, Message, ReceivedMedia

State = ReceivedMedia.State
# What browsers play; what phones record besides is downloaded.
_PLAYED = {"audio/mpeg": "sound", "audio/mp4": "sound", "audio/ogg": "sound", "video/mp4": "film"}


@dataclass(frozen=True)
class Shown:
    """One file of a message. Without `url` it is awaited, or will never come: `words` say which."""

    key: str
    kind: str  # picture, sound, film, file
    words: str
    url: str = ""
    width: int | None = None
    height: int | None = None


def of(messages: Sequence[Message]) -> dict[int, tuple[Shown, ...]]:
    """Message → its files; those without any are absent. Two queries at most."""
    sent = {each.pk: _named(each) for each in messages if each.template is not None and each.number_id}
    wanted = {pk for ids in sent.values() for pk in ids}
    accounts = {each.account_id for each in messages}
    files = MediaFile.objects.defer("data").filter(pk__in=wanted, account__in=accounts) if wanted else ()
    known = {row.pk: row for row in files}
    found = {
        message: tuple(_file(known[pk]) for pk in ids if pk in known) for message, ids in sent.items() if ids
    }
    inbound = [each.pk for each in messages if each.kind == Message.Kind.INBOUND]
    came = ReceivedMedia.objects.select_related("file").defer("file__data").filter(message__in=inbound)
    for one in came if inbound else ():
        found[one.message_id] = (*found.get(one.message_id, ()), _received(one))
    return found


def _named(message: Message) -> list[int]:
    content = message.template.content if message.template else {}
    return [pk for pk in content.get("media") or [] if isinstance(pk, int)]


def _file(row: MediaFile) -> Shown:
    kind = "picture" if row.is_image else _PLAYED.get(row.content_type, "file")
    url = reverse("conversations:attachment", args=[row.pk])
    return Shown(f"file-{row.pk}", kind, row.name, url, row.width, row.height)


def _received(one: ReceivedMedia) -> Shown:
    if one.file is not None:
        return _file(one.file)
    if one.state == State.WAITING:
        return Shown(f"came-{one.pk}", "file", "A file is being fetched")
    return Shown(f"came-{one.pk}", "file", f"A file that came with it is not here: {one.reason}")
