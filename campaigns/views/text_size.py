"""The counter of campaigns' texts: what is typed, filled for a customer and with the longest values known."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from campaigns import message_words, text_sizes
from common import clock
from common.spoken import ENGLISH
from common.text_size import plainly
from conversations.threads import MAX_BODY
from conversations.variants import SPANISH

COUNTED = 2 * MAX_BODY  # characters; more cannot be sent in any case


@require_POST
@access.require("view")
def text_size(request: Request) -> HttpResponse:
    """The fragment under a text; `field` in the address names the field that holds it, else `body`.

    Without script it is a page of its own with the text to copy: plain characters where `plain` asks.
    """
    field = request.GET.get("field", "body")
    typed = request.POST.get(field, "")
    long = "" if len(typed) <= COUNTED else f"Counted up to {COUNTED:,} characters; this has {len(typed):,}."
    typed = typed[:COUNTED]
    typed = plainly(typed) if "plain" in request.POST else typed
    language = SPANISH if field.startswith(message_words.SPANISH) else ENGLISH
    found = text_sizes.of(request.account, typed, now=clock.now(), language=language)
    context = {
        "size": None if long else found.size, "whose": found.whose, "filled": found.filled,
        "problem": long or found.problem,
        "count_url": request.get_full_path(),
    }  # fmt: skip
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "parts/text_size.html", context)
    return render(request, "campaigns/text_size.html", context | {"typed": typed})
