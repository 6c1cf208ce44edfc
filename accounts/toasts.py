"""Messages of htmx answers become toasts; full pages show them in place (`parts/messages.html`)."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import trigger_client_event

from accounts.middleware import is_poll


def say(request: HttpRequest, text: str, *, url: str, words: str, level: int = messages.SUCCESS) -> None:
    """Tell a person something, with one link to where it can be seen."""
    messages.add_message(request, level, text, extra_tags=f"{url} {words}")


def link_of(message: Message) -> dict[str, str]:
    """The address and words of a message's link; nothing for one without."""
    url, _, words = (message.extra_tags or "").partition(" ")
    return {"url": url, "words": words} if url.startswith("/") and words else {}


def offer(request: HttpRequest, text: str, *, url: str, words: str) -> None:
    """Tell a person what was done, with one button that does something about it: mostly, takes it back. For
    answers that lead to another page."""
    messages.success(request, text, extra_tags=f"POST {url} {words}")


def act_of(message: Message) -> dict[str, str]:
    """The address and words of a message's button; nothing for one without."""
    method, _, rest = (message.extra_tags or "").partition(" ")
    url, _, words = rest.partition(" ")
    return {"url": url, "words": words} if method == "POST" and url.startswith("/") and words else {}


class ToastMiddleware:
    """Sends what a view told `django.contrib.messages` along with its fragment, as the event `toast`.

    Not with redirects, whose next page shows the messages, and not with polls, which would show a message
    of one page in another.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        leaves = "HX-Redirect" in response or "HX-Refresh" in response or 300 <= response.status_code < 400
        if request.htmx and isinstance(response, HttpResponse) and not leaves and not is_poll(request):  # type: ignore[attr-defined]
            toasts = [
                {"text": str(message), "tone": message.level_tag, **link_of(message)}
                for message in get_messages(request)
            ]
            if toasts:
                trigger_client_event(response, "toast", {"messages": toasts})
        return response
