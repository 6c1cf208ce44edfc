"""Writing in a thread: a reply to the customer, a note to colleagues."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Request
from audiences import merge_fields
from common import clock
from common.text_size import plainly, size_of
from conversations import threads
from conversations.forms import NoteForm, ReplyForm
from conversations.views import media
from conversations.views.inbox import listing
from conversations.views.threads import PAGE, answer, load, page_context


@require_POST
@access.require("reply")
def reply(request: Request, pk: int) -> HttpResponse:
    """Queue a text, once per token; refused: 422 with the reason and the typed words."""
    thread, form, picked = load(request, pk), ReplyForm(request.POST), media.picked(request)
    if picked["refused"]:
        form.add_error(
            None, "A file was not taken, so nothing was sent. Send again without it, or choose another."
        )
    elif form.is_valid():
        typed = form.cleaned_data
        try:
            threads.reply(
                thread, body=typed["body"], by=request.user, token=typed["token"], now=clock.now(),
                files=picked["files"],
            )  # fmt: skip
        except threads.ReplyRefused as refused:
            form.add_error("body", str(refused))
        else:
            return answer(request, pk, "reply_box")
    return answer(request, pk, "reply_box", reply_form=form, **dict[str, Any](picked))


@require_POST
@access.require("reply")
def reply_size(request: Request, pk: int) -> HttpResponse:
    """The fragment under the reply: how many segments what is typed would take, and what would save some.

    Without script the whole page, with what was typed; `plain` asks for plain characters in it.
    """
    thread = load(request, pk)
    body = request.POST.get("body", "")[: 2 * threads.MAX_BODY]
    body = plainly(body) if "plain" in request.POST else body
    size = size_of(body.strip()) if body.strip() else None
    counted = {"size": size, "count_url": request.path}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "parts/text_size.html", counted)
    context = page_context(request, thread, reply_form=ReplyForm.fresh(body))
    return render(request, PAGE, context | listing(request, context["place"], pk) | counted)


@require_GET
@access.require("reply")
def fields(request: Request, pk: int) -> HttpResponse:
    """The merge fields with what each says to this customer, to be put into a reply."""
    person = load(request, pk).contact
    groups = merge_fields.grouped_for(person.pk, person.language, now=clock.now())
    return render(request, "parts/merge_field_list.html", {"field_groups": groups})


@require_POST
@access.require("write_note")
def note(request: Request, pk: int) -> HttpResponse:
    """Keep a note."""
    thread, form = load(request, pk), NoteForm(request.POST)
    if form.is_valid():
        threads.note(thread, body=form.cleaned_data["body"], by=request.user, now=clock.now())
        return answer(request, pk, "note_box")
    return answer(request, pk, "note_box", note_form=form)
