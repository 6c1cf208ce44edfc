"""One thread: what was said, kept current, and beside it the boxes to answer with."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from common.htmx import respond_live, version_of
from conversations import timeline
from conversations.forms import EscalateForm, NoteForm, OptOutForm, ReplyForm
from conversations.models import Thread

PAGE = "conversations/thread.html"
OPTED_OUT = "opted_out"


@require_GET
@access.require("read_conversations")
def thread_page(request: Request, pk: int) -> HttpResponse:
    """The page; for a poll the timeline, with the boxes where the thread's state has changed since."""
    thread = load(request, pk)
    context = page_context(thread)
    facts = (thread.needs_reply, thread.escalated_reason, str(thread.assigned_to or ""), request.role)
    shown = (thread.contact.name, facts, context["opted_out"], context["entries"])
    version = f"{context['state']}.{version_of(shown)}"
    seen = getattr(request.htmx, "ptag", None) or ""  # type: ignore[attr-defined]
    context["boxes_changed"] = bool(seen) and seen.split(".")[0] != context["state"]
    return respond_live(request, PAGE, "live", context, version=version)


def load(request: Request, pk: int) -> Thread:
    """A thread of the account with all that its page names; 404 where there is none."""
    related = ("account", "contact", "address", "number", "assigned_to")
    return access.get(request, Thread.objects.select_related(*related), pk)


def page_context(thread: Thread, **forms: Any) -> dict[str, Any]:
    """What the page and its boxes show; `forms` replaces fresh ones by what was typed."""
    opted_out = timeline.opted_out(thread)
    return {
        "thread": thread,
        "opted_out": opted_out,
        "state": OPTED_OUT if opted_out else thread.state,
        "entries": timeline.entries(thread),
        "reply_form": ReplyForm.fresh(),
        "note_form": NoteForm(),
        "escalate_form": EscalateForm(),
        "opt_out_form": OptOutForm(),
        **forms,
    }


def answer(request: Request, pk: int, box: str, **forms: Any) -> HttpResponse:
    """After a POST: with `forms`, 422 and what was typed; else a fresh box, or the page without htmx."""
    if not forms and not request.htmx:  # type: ignore[attr-defined]
        return redirect("conversations:thread", pk)
    context = page_context(load(request, pk), **forms)
    template = f"conversations/{box}.html" if request.htmx else PAGE  # type: ignore[attr-defined]
    return render(request, template, context, status=422 if forms else 200)
