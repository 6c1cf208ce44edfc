"""Writing in a thread: a reply to the customer, a note to colleagues."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from common import clock
from common.segments import count_segments
from conversations import threads
from conversations.forms import NoteForm, ReplyForm
from conversations.views.threads import answer, load


@require_POST
@access.require("reply")
def reply(request: Request, pk: int) -> HttpResponse:
    """Queue a text, once per token; refused: 422 with the reason and the typed words."""
    thread, form = load(request, pk), ReplyForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            threads.reply(thread, body=typed["body"], by=request.user, token=typed["token"], now=clock.now())
        except threads.ReplyRefused as refused:
            form.add_error("body", str(refused))
        else:
            return answer(request, pk, "reply_box")
    return answer(request, pk, "reply_box", reply_form=form)


@require_POST
@access.require("reply")
def reply_size(request: Request, pk: int) -> HttpResponse:
    """The fragment under the reply: how many segments what is typed would take."""
    load(request, pk)
    body = request.POST.get("body", "")[: 2 * threads.MAX_BODY].strip()
    size = count_segments(body) if body else None
    return render(request, "conversations/reply_size.html", {"size": size})


@require_POST
@access.require("write_note")
def note(request: Request, pk: int) -> HttpResponse:
    """Keep a note."""
    thread, form = load(request, pk), NoteForm(request.POST)
    if form.is_valid():
        threads.note(thread, body=form.cleaned_data["body"], by=request.user, now=clock.now())
        return answer(request, pk, "note_box")
    return answer(request, pk, "note_box", note_form=form)
