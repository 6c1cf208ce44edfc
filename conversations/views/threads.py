"""One thread: what was said and done, kept current, and the boxes to answer with."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from accounts.middleware import is_poll
from common import clock
from common.htmx import not_modified, respond_live, unchanged_lately
from conversations import facts, thread_version, threads, timeline
from conversations.forms import EscalateForm, NoteForm, OptOutForm, ReplyForm
from conversations.inbox import Folder, Place
from conversations.models import Thread
from conversations.views.inbox import listing

PAGE = "conversations/thread.html"
OPTED_OUT = "opted_out"


@require_GET
@access.require("read_conversations")
@unchanged_lately(version_first=True)
def thread_page(request: Request, pk: int) -> HttpResponse:
    """The page with the inbox's list beside it; for a poll the conversation alone, 304 while unchanged."""
    look, now, polled = _look(request, pk), clock.now(), is_poll(request)
    known = thread_version.kept(look, now) if polled else None
    if known and (unchanged := not_modified(request, known)):
        return unchanged
    rows = thread_version.rows_of(look) if polled else ""
    thread = load(request, pk)
    if not polled:
        facts.keep_hours(thread, now)
    version = thread_version.of(look, thread, now, rows=rows)
    if unchanged := not_modified(request, version):
        return unchanged
    context = page_context(request, thread)
    if not request.htmx:  # type: ignore[attr-defined]
        context |= listing(request, context["place"], pk)
    return respond_live(request, PAGE, "live", context, version=version)


def _look(request: Request, pk: int) -> thread_version.Look:
    return thread_version.Look(
        pk, request.account.pk, request.account.timezone, str(request.role), _limit(request)
    )


def load(request: Request, pk: int) -> Thread:
    """A thread of the account with all that its page names; 404 where there is none."""
    related = (
        "account",
        "contact__household",
        "contact__zone_set",
        "address",
        "number",
        "mailbox",
        "assigned_to",
    )
    return access.get(request, Thread.objects.select_related(*related), pk)


def page_context(request: Request, thread: Thread, **forms: Any) -> dict[str, Any]:
    """What the page and its boxes show; `forms` replaces fresh ones by what was typed.

    What is added here needs its stamp in `thread_version`.
    """
    now = clock.now()
    opted_out = timeline.opted_out(thread)
    beside = facts.of(thread)
    elsewhere = any(not each.here for each in beside.addresses)
    return {
        "opted_out": opted_out,
        "state": OPTED_OUT if opted_out else thread.state,
        "timeline": timeline.of(thread, now=now, zone=facts.elsewhere(thread, now), limit=_limit(request)),
        "facts": beside,
        "held_until": facts.held_until(thread, now),
        "warning": facts.warning(thread, now),
        "colleagues": threads.colleagues(thread.account),
        "thread": thread,
        "reply_subject": threads.reply_subject(threads.last_email(thread)) if thread.is_email else "",
        "place": Place.of(request.GET, Folder.ALL),
        "reply_form": ReplyForm.fresh(),
        "note_form": NoteForm(),
        "escalate_form": EscalateForm(),
        "opt_out_form": OptOutForm(addresses=[thread.address] if elsewhere else ()),
        **forms,
    }


def _limit(request: Request) -> int:
    return timeline.LONGEST if "earlier" in request.GET else timeline.LATEST


def answer(request: Request, pk: int, box: str, *, focus: str = "", **forms: Any) -> HttpResponse:
    """After a POST: with `forms`, 422 and what was typed; else a fresh box, and every region asks anew.

    `focus` names the control of the fresh box that gets it. Without htmx the thread's page, either way.
    """
    if not request.htmx:  # type: ignore[attr-defined]
        if not forms:
            return redirect(address(request, pk))
        context = page_context(request, load(request, pk), **forms)
        return render(request, PAGE, context | listing(request, context["place"], pk), status=422)
    context = page_context(request, load(request, pk), **forms) | {"done": not forms, "focus": focus}
    response = render(request, f"conversations/{box}.html", context, status=422 if forms else 200)
    return response if forms else trigger_client_event(response, "refresh")


def address(request: Request, pk: int) -> str:
    """The thread's address, in the folder it was opened from."""
    return reverse("conversations:thread", args=[pk]) + Place.of(request.GET, Folder.ALL).query
