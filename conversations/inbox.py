"""The inbox: which threads there are, narrowed and sought, with the last words of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import Account, User
from audiences.models import OptOut
from common import sql
from conversations.models import Message, Thread

EXCERPT = 120
UNWRITTEN = "A campaign’s text that has not left"  # it is filled in as it leaves
LONGEST_SEARCH = 100
COUNTED_TO = 10_000  # threads of a folder; what lies behind them is found by searching
SEARCHED_FOR_NEXT = 500  # threads of a folder among which the next one is sought


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
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str], default: Folder) -> "Place":
        """What an address says; nonsense is read as nothing."""
        folder = query.get("folder", "")
        page = query.get("page", "")
        return cls(
            Folder(folder) if folder in Folder.values else default,
            query.get("q", "").strip()[:LONGEST_SEARCH],
            int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        )

    @property
    def query(self) -> str:
        """As the end of an address."""
        return "?" + urlencode(
            {"folder": self.folder.value}
            | ({"q": self.words} if self.words else {})
            | ({"page": str(self.page)} if self.page > 1 else {})
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


def sought(threads: QuerySet[Thread], words: str) -> QuerySet[Thread]:
    """Threads whose contact's name or phone holds these words; every thread for none."""
    if not words:
        return threads
    found = Q(contact__name__icontains=words)
    digits = re.sub(r"\D", "", words)
    if len(digits) >= 3:
        found |= Q(address__value__contains=digits)
    return threads.filter(found)


def counts(threads: QuerySet[Thread], account: Account, user: User, words: str = "") -> dict[str, int]:
    """How many of an account's threads each folder holds, of those `sought` by `words`. One query.

    Counted as far as `COUNTED_TO` and one more, so that a long inbox costs no more than a short one; a search
    reads every thread once in any case.
    """
    if words:
        folders = {folder.value: Count("pk", filter=condition(folder, account, user)) for folder in Folder}
        folders[Folder.ALL.value] = Count("pk")
        found: dict[str, int] = threads.aggregate(**folders)
        return {folder: min(n, COUNTED_TO + 1) for folder, n in found.items()}
    parts: list[str] = []
    params: list[Any] = []
    for folder in Folder:
        held = threads.filter(condition(folder, account, user)).order_by().values("pk")[: COUNTED_TO + 1]
        statement, own = held.query.sql_with_params()
        parts.append(f"(select count(*) from ({statement}) held)")
        params += own
    ((*counted,),) = sql.rows(f"select {', '.join(parts)}", params)
    return {folder.value: n for folder, n in zip(Folder, counted, strict=True)}


def ordered(threads: QuerySet[Thread], folder: str) -> QuerySet[Thread]:
    """Where a reply is owed, what was escalated first, then who has waited longest; else the latest first.

    With the ids of last messages.
    """
    last = Message.objects.filter(contact=OuterRef("contact"), address=OuterRef("address"))
    threads = threads.select_related("contact", "address", "assigned_to").annotate(
        opted_out=Exists(_wishes().filter(address=OuterRef("address"))),
        last_message_id=Subquery(last.order_by("-created_at", "-pk").values("pk")[:1]),
    )
    if folder == Folder.NEEDS_REPLY:
        escalated_first = models.Case(models.When(escalated_reason="", then=1), default=0)
        return threads.order_by(escalated_first, "last_inbound_at", "pk")
    return threads.order_by("-last_message_at", "-pk")


def following(threads: QuerySet[Thread], pk: int) -> int | None:
    """The thread after this one in `ordered` threads, else the one before it; None where there is none."""
    ids = list(threads.values_list("pk", flat=True)[:SEARCHED_FOR_NEXT])
    others = [each for each in ids if each != pk]
    if pk not in ids:
        return others[0] if others else None
    after = ids[ids.index(pk) + 1 :]
    return after[0] if after else (others[-1] if others else None)


def lines(threads: list[Any], current: int | None = None) -> list[Line]:
    """The threads of one page, from `ordered`, with what was said last. One query.

    Beside the `current` one they know which comes next and which came before; where it is not among them
    (or there is none), the first is next.
    """
    last = Message.objects.defer("variables").in_bulk(
        [thread.last_message_id for thread in threads if thread.last_message_id]
    )
    ids = [thread.pk for thread in threads]
    at = ids.index(current) if current in ids else -1
    ways = {at + 1: "next", at - 1: "previous"} if at >= 0 else {0: "next"}
    found = []
    for index, thread in enumerate(threads):
        message = last.get(thread.last_message_id)
        words = " ".join(((message.body or UNWRITTEN) if message else "").split())
        excerpt = words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"
        inbound = message is not None and message.kind == Message.Kind.INBOUND
        found.append(Line(thread, excerpt, inbound, thread.opted_out, ways.get(index, "")))
    return found


def _wishes() -> QuerySet[OptOut]:
    """Opt-outs in force."""
    return OptOut.objects.filter(lifted_at=None)
