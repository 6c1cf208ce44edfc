"""The inbox: which threads there are, narrowed and sought, with the last words of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import Account, User
from audiences import contact_search
from audiences.models import OptOut
from common import sql
from conversations import calls_told
from conversations.models import Message, Thread

EXCERPT = 120
WORDLESS = "A file, without words"
UNWRITTEN = "A campaign’s text that has not left"  # it is filled in as it leaves
LONGEST_SEARCH = 100
LONGEST_CURSOR = 80
COUNTED_TO = 1_000  # threads of a folder: a larger number says nothing more to anybody


class Folder(models.TextChoices):
    """The ways to look at the inbox."""

    NEEDS_REPLY = "needs_reply", "Needs reply"
    MINE = "mine", "Mine"
    UNASSIGNED = "unassigned", "Unassigned"
    OPTED_OUT = "opted_out", "Opted out"
    ALL = "all", "All"


@dataclass(frozen=True)
class Place:
    """Where in the inbox somebody is: addresses of threads keep it, so that the list beside them stays."""

    folder: Folder
    words: str = ""
    after: str = ""  # where a page behind the first begins, see `inbox_pages`

    @classmethod
    def of(cls, query: Mapping[str, str], default: Folder) -> "Place":
        """What an address says; nonsense is read as nothing."""
        folder = query.get("folder", "")
        return cls(
            Folder(folder) if folder in Folder.values else default,
            query.get("q", "").strip()[:LONGEST_SEARCH],
            query.get("after", "")[:LONGEST_CURSOR],
        )

    @cached_property
    def query(self) -> str:
        """As the end of an address; every row of the list has it."""
        return "?" + urlencode(
            {"folder": self.folder.value}
            | ({"q": self.words} if self.words else {})
            | ({"after": self.after} if self.after else {})
        )


@dataclass(frozen=True)
class Line:
    """One thread as the inbox shows it. `way` is next or previous beside the thread that is open."""

    thread: Thread
    excerpt: str
    inbound: bool
    opted_out: bool
    way: str = ""

    @property
    def shown(self) -> tuple[Any, ...]:
        """Everything of it that is on the page."""
        thread = self.thread
        return (
            thread.pk, thread.contact.name, thread.address.value, thread.state, thread.needs_reply,
            thread.escalated_reason, str(thread.assigned_to or ""), thread.last_message_at,
            self.excerpt, self.inbound, self.opted_out, self.way,
        )  # fmt: skip


def condition(folder: str, account: Account, user: User) -> Q:
    """Which threads of an account belong in a folder. Mine and Unassigned are open: work still to do."""
    open_ = Q(state=Thread.State.OPEN)
    return {
        Folder.NEEDS_REPLY: Q(needs_reply=True),
        Folder.MINE: open_ & Q(assigned_to=user),
        Folder.UNASSIGNED: open_ & Q(assigned_to=None),
        # Of the whole account at once: asked thread by thread, counting takes four times as long.
        Folder.OPTED_OUT: Q(address__in=_wishes().filter(account=account).values("address")),
        Folder.ALL: Q(),
    }[Folder(folder)]


def searched(account: Account, words: str) -> contact_search.Found | None:
    """Who of those with a thread answers to these words: by name, phone, address or number, best first, and
    no more than `contact_search.MOST`. None for no words."""
    if not words:
        return None
    return contact_search.find(
        account, words, among=Thread.objects.filter(account=account).values("contact_id")
    )


def sought(threads: QuerySet[Thread], found: contact_search.Found | None) -> QuerySet[Thread]:
    """The threads of whoever was `searched`; every thread where nobody was."""
    if found is None:
        return threads
    return threads.filter(contact__in=[hit.contact_id for hit in found.hits])


def counts(threads: QuerySet[Thread], account: Account, user: User) -> dict[str, int]:
    """How many of an account's threads, all or those `sought`, each folder holds. One query.

    Counted as far as `COUNTED_TO` and one more, so that a long inbox costs no more than a short one.
    """
    parts: list[str] = []
    params: list[Any] = []
    for folder in Folder:
        held = threads.filter(condition(folder, account, user)).order_by().values("pk")[: COUNTED_TO + 1]
        try:
            statement, own = held.query.sql_with_params()
        except EmptyResultSet:  # nobody was found
            return dict.fromkeys(Folder.values, 0)
        parts.append(f"(select count(*) from ({statement}) held)")
        params += own
    ((*counted,),) = sql.rows(f"select {', '.join(parts)}", params)
    return {folder.value: n for folder, n in zip(Folder, counted, strict=True)}


def detailed(threads: QuerySet[Thread]) -> QuerySet[Thread]:
    """Threads with all that a line shows of them, and the ids of their last messages."""
    last = Message.objects.filter(contact=OuterRef("contact"), address=OuterRef("address"))
    return threads.select_related("contact", "address", "assigned_to").annotate(
        opted_out=Exists(_wishes().filter(address=OuterRef("address"))),
        last_message_id=Subquery(last.order_by("-created_at", "-pk").values("pk")[:1]),
    )


def lines(threads: list[Any], current: int | None = None) -> list[Line]:
    """The threads of one page, `detailed`, with what was said last, or the call that was missed since. Two
    queries at most.

    Beside the `current` one they know which comes next and which came before; where it is not among them
    (or there is none), the first is next.
    """
    last = Message.objects.defer("variables").in_bulk(
        [thread.last_message_id for thread in threads if thread.last_message_id]
    )
    said_at = {pk: message.created_at for pk, message in last.items()}
    never = datetime.min.replace(tzinfo=UTC)
    quiet = [t for t in threads if said_at.get(t.last_message_id, never) < t.last_message_at]
    calls = calls_told.missed_of(quiet)
    ids = [thread.pk for thread in threads]
    at = ids.index(current) if current in ids else -1
    ways = {at + 1: "next", at - 1: "previous"} if at >= 0 else {0: "next"}
    found = []
    for index, thread in enumerate(threads):
        message = last.get(thread.last_message_id)
        words = " ".join(_words(message).split()) if message else ""
        call = calls.get(thread.pk)
        if call is not None and (message is None or call.created_at > message.created_at):
            message, words = None, calls_told.missed_words(call)
        excerpt = words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"
        inbound = message is None or message.kind == Message.Kind.INBOUND
        found.append(Line(thread, excerpt, inbound, thread.opted_out, ways.get(index, "")))
    return found


def _wishes() -> QuerySet[OptOut]:
    """Opt-outs in force."""
    return OptOut.objects.filter(lifted_at=None)


def _words(message: Message) -> str:
    """What stands for a message in the list."""
    return UNWRITTEN if message.body is None else message.body or WORDLESS
