"""How one reply was read, and correcting it: a question in the page's modal, or a page of its own."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import Request
from common import clock
from common.htmx import respond
from conversations import corrections, inbound, opt_ins, reading, reading_words
from conversations.corrections import Corrected, CorrectionRefused
from conversations.forms import CorrectionForm
from conversations.models import Message, Reading
from conversations.views.wishes import done


@require_http_methods(["GET", "POST"])
@access.require("read_conversations", post="reply")
def correct(request: Request, pk: int) -> HttpResponse:
    """GET says how a text was read and what each correction leads to; POST corrects it."""
    read = access.get(request, Reading.objects.select_related("message__contact", "message__address"), pk)
    page = _page(read.message)
    typed = request.POST if request.method == "POST" else None
    form = CorrectionForm(typed, initial={"label": read.label})
    if form.is_valid():
        try:
            corrected = _correct(request, read, form)
        except CorrectionRefused as refused:
            form.add_error(None, str(refused))
        else:
            _tell(request, read, form.cleaned_data["label"], corrected)
            return done(request, page)
    status = 422 if form.errors else 200
    return respond(
        request, "conversations/reading.html", "question", _context(read, form, page), status=status
    )


def _correct(request: Request, read: Reading, form: CorrectionForm) -> Corrected:
    typed = form.cleaned_data
    if typed["label"] == reading.OPT_OUT:
        access.check(request, "opt_out_contact")
    corrected = corrections.correct(
        read.message, typed["label"], request.user, consent=typed["words"],
        this_phone_only=typed["this_phone_only"], now=clock.now(),
    )  # fmt: skip
    inbound.wait_for_calls(corrected.in_flight)
    return corrected


def _tell(request: Request, read: Reading, label: str, corrected: Corrected) -> None:
    if corrected.correction is None:
        messages.info(request, "Nothing was changed: it was read so already.")
        return
    words = f"Read as {reading_words.short(label)} from now on."
    if label == reading.OPT_OUT:
        words += f" {read.message.contact or 'This phone'} is opted out: nothing more is sent."
    elif corrected.still_opted_out:
        words += " The phone stays opted out."
    elif read.outcome == Reading.Outcome.OPT_OUT:
        words += " The opt-out is lifted."
    messages.success(request, words)
    if corrected.in_flight:
        messages.warning(request, "A text that was being handed over at that moment may still arrive.")


def _context(read: Reading, form: CorrectionForm, page: str) -> dict[str, object]:
    message = read.message
    was_opt_out = read.outcome == Reading.Outcome.OPT_OUT
    choices = [(name, words, reading_words.MEANINGS[name]) for name, words in reading_words.LABELS.items()]
    return {
        "message": message, "read": read, "form": form, "page": page,
        "label": reading_words.of(read, message.body or ""), "why": reading_words.why(read),
        "sure": reading_words.sure(read), "corrections": message.reading_corrections.select_related("by"),
        "choices": choices, "chosen": form["label"].value(), "was_opt_out": was_opt_out,
        "held_by_carrier": was_opt_out and opt_ins.carrier_holds(message.address),
    }  # fmt: skip


def _page(message: Message) -> str:
    """The thread that the message stands in."""
    thread = message.contact and message.contact.threads.filter(address=message.address_id).first()
    return reverse("conversations:thread", args=[thread.pk]) if thread else reverse("conversations:inbox")
