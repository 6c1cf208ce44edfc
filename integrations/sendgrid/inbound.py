"""SendGrid's Inbound Parse: a multipart form of a mail's parts, or of the whole mail in its raw mode.

Read leniently: what somebody's mail program wrote is no reason to lose a mail. Source: SendGrid's Inbound
Parse reference; RFC 3834 and 5322 for automatic answers and Message-IDs.
"""

import email
import hashlib
import json
import re
from collections.abc import Mapping
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import getaddresses, parseaddr
from typing import Any

from common import html_words
from integrations.messaging import Attached, InboundEmail

LONGEST_TEXT = 100_000  # characters of a mail that are kept
LONGEST_FIELD = 20_000  # of each other field
_MOST_ATTACHMENTS = 50
_LONGEST_HEAD = 4_000  # bytes of a field’s: a file may be called anything
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAMED = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_IDS = re.compile(r"<[^<>\s]+>")
_DKIM = re.compile(r"@([\w.-]+)\s*:\s*(\w+)")
_AWAY = re.compile(
    r"^\s*(automatic reply|auto(matic)?[- ]?(reply|response|antwort)|autoreply|out[- ]of[- ](the[- ])?office"
    r"|(i am|i'm) (away|on vacation|out of)|on vacation|respuesta autom[aá]tica|fuera de la oficina)\b",
    re.IGNORECASE,
)
_DAEMONS = ("mailer-daemon", "postmaster", "mail-daemon")
BOUNCE, AWAY, LIST = "delivery notice", "automatic answer", "mailing list"


class Unreadable(ValueError):
    """The form holds no mail; the words say why."""


class _Part:
    """One field of the form."""

    def __init__(self, head: str, value: bytes) -> None:
        named = dict(_NAMED.findall(head))
        self.name, self.file = named.get("name", ""), named.get("filename", "")
        found = re.search(r"content-type:\s*([^\r\n;]+)", head, re.IGNORECASE)
        self.type = found[1].strip() if found else ""
        self.value = value


def parse(body: bytes, content_type: str) -> InboundEmail:
    """The mail of a form, as whole as it came: the last field may be cut. Raises Unreadable."""
    parts = _parts(body, content_type)
    plain = {part.name: part for part in parts if not part.file}
    charsets = _object(_words(plain.get("charsets"), {}))
    words = {name: _words(part, charsets) for name, part in plain.items() if name != "email"}
    if "email" in plain:
        return _of_raw(plain["email"].value, words)
    if not {"from", "headers"} & words.keys():
        raise Unreadable("no mail in the form")
    headers = _headers(words.get("headers", ""))
    html = words.get("html", "")
    text = words.get("text", "")
    info = _object(words.get("attachment-info", ""))
    attached = [
        Attached(
            part.file[:200], str(_object(info.get(part.name)).get("type") or part.type)[:100], len(part.value)
        )
        for part in parts
        if part.file
    ]
    return _email(headers, words, text if text.strip() else html_words.plain(html), attached)


def _parts(body: bytes, content_type: str) -> list[_Part]:
    """The fields of the form, bytes untouched."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise Unreadable("not a multipart form")
    parts = []
    for piece in body.split(b"--" + found[1].encode())[1:]:
        if piece.startswith(b"--"):
            break
        head, divided, value = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if divided:
            value = value.removesuffix(b"\n").removesuffix(b"\r")
            parts.append(_Part(head[:_LONGEST_HEAD].decode("utf-8", "replace"), value))
    if not parts:
        raise Unreadable("an empty form")
    return parts


def _words(part: _Part | None, charsets: Mapping[str, Any]) -> str:
    """A field's words in the charset that the form names for it; what cannot be read becomes a mark."""
    if part is None:
        return ""
    charset = str(charsets.get(part.name) or "utf-8")
    try:
        found = part.value.decode(charset, "replace")
    except (LookupError, ValueError):
        found = part.value.decode("utf-8", "replace")
    return _storable(found)


def _storable(words: str) -> str:
    """Without what the database takes in no text; some charsets make half characters."""
    return words.replace("\0", "").encode("utf-8", "replace").decode()


def _object(words: Any) -> dict[str, Any]:
    if isinstance(words, dict):
        return words
    try:
        found = json.loads(words or "{}")
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _headers(words: str) -> Message:
    return email.message_from_string(words)


def _of_raw(whole: bytes, words: dict[str, str]) -> InboundEmail:
    """A mail in raw mode."""
    found = email.message_from_bytes(whole, policy=default)
    text, attached = "", list[Attached]()
    if isinstance(found, EmailMessage):
        body = found.get_body(("plain", "html"))
        if body is not None:
            text = _content(body)
            if body.get_content_type() == "text/html":
                text = html_words.plain(text)
        for part in found.iter_attachments() if found.is_multipart() else ():
            size = len(part.get_payload(decode=True) or b"")
            attached.append(Attached((part.get_filename() or "")[:200], part.get_content_type()[:100], size))
    given = {"subject": str(found.get("Subject", "")), "from": str(found.get("From", "")), **words}
    return _email(found, given, text, attached)


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return _storable(raw.decode(part.get_content_charset() or "utf-8", "replace"))
    except (LookupError, ValueError):
        return _storable(raw.decode("utf-8", "replace"))


def _email(headers: Message, words: dict[str, str], text: str, attached: list[Attached]) -> InboundEmail:
    envelope = _object(words.get("envelope", ""))
    sender = words.get("from") or str(headers.get("From", ""))
    name, mailbox = parseaddr(sender[:LONGEST_FIELD])
    mailbox = mailbox.lower()
    subject = " ".join((words.get("subject") or str(headers.get("Subject", ""))).split())
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    envelope_from = envelope.get("from")
    spf, dkim = words.get("SPF", ""), words.get("dkim", "")
    authentic, denied = _vouched(mailbox, str(envelope_from or ""), spf, dkim)
    date = str(headers.get("Date", ""))
    own_id = _IDS.search(str(headers.get("Message-ID", "")))
    kept = {key: value[:LONGEST_FIELD] for key, value in words.items() if key not in ("text", "html")}
    return InboundEmail(
        message_id=own_id.group() if own_id else _digest(mailbox, subject, whole, date),
        from_=mailbox,
        from_name=name.replace("\0", "")[:200],
        to=_recipients(envelope, words, headers),
        subject=subject[:300],
        text=whole[:LONGEST_TEXT],
        answers=_answered(headers),
        machine=_machine(headers, mailbox, subject, envelope_from),
        authentic=authentic,
        refuted=denied and not authentic,
        attachments=tuple(attached[:_MOST_ATTACHMENTS]),
        raw=kept,
    )


def _digest(*words: str) -> str:
    said = "\0".join(words).encode("utf-8", "replace")
    return f"<{hashlib.sha256(said).hexdigest()[:40]}@unnamed>"


def _recipients(envelope: dict[str, Any], words: dict[str, str], headers: Message) -> tuple[str, ...]:
    """Whom it was sent to, the envelope first: a mail need not name who gets it."""
    given = envelope.get("to")
    named = [str(each) for each in given] if isinstance(given, list) else []
    to, cc = words.get("to", "") or str(headers.get("To", "")), words.get("cc", "")
    written = getaddresses([to[:LONGEST_FIELD], cc[:LONGEST_FIELD]])
    found = [*named, *(mailbox for _, mailbox in written)]
    return tuple(dict.fromkeys(each.strip().lower() for each in found if "@" in each))


def _answered(headers: Message) -> tuple[str, ...]:
    """The Message-IDs it answers: In-Reply-To, then References from the last."""
    direct = _IDS.findall(str(headers.get("In-Reply-To", "")))
    thread = _IDS.findall(str(headers.get("References", "")))
    return tuple(dict.fromkeys([*direct, *reversed(thread)]))[:30]


def _machine(headers: Message, mailbox: str, subject: str, envelope_from: Any) -> str:
    """What kind of machine wrote it, or nothing."""
    kind = str(headers.get("Content-Type", "")).lower()
    if mailbox.partition("@")[0] in _DAEMONS or ("multipart/report" in kind and "delivery-status" in kind):
        return BOUNCE
    submitted = str(headers.get("Auto-Submitted", "no")).strip().lower()
    precedence = str(headers.get("Precedence", "")).strip().lower()
    answers = any(headers.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From"))
    if not submitted.startswith("no") or precedence == "auto_reply" or answers or _AWAY.match(subject):
        return AWAY
    if envelope_from == "" or envelope_from == "<>":
        return AWAY
    if headers.get("List-Id") or precedence in ("bulk", "junk", "list"):
        return LIST
    return ""


def _vouched(mailbox: str, envelope_from: str, spf: str, dkim: str) -> tuple[bool, bool]:
    """Whether the sender's domain vouches for the mail, and whether anybody denies it."""
    domain = mailbox.rpartition("@")[2]
    spf = spf.strip().lower()
    signed = [(each.lower(), found.lower()) for each, found in _DKIM.findall(dkim)]
    sent_by = envelope_from.lower().rpartition("@")[2]
    vouched = (spf == "pass" and _alike(sent_by, domain)) or any(
        found == "pass" and _alike(each, domain) for each, found in signed
    )
    denied = spf in ("fail", "softfail", "permerror") or any(found == "fail" for _, found in signed)
    return vouched, denied


def _alike(one: str, other: str) -> bool:
    """Of one organisation, loosely: a domain and what lies below it."""
    return bool(one) and (one == other or one.endswith(f".{other}") or other.endswith(f".{one}"))
