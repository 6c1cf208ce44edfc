"""Pages for what went wrong: what happened, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import access
from accounts.models import Membership, Role


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: what was refused, which role it needs and who can grant it."""
    context: dict[str, object] = {"denied": None, "no_account": isinstance(exception, access.NoAccount)}
    if isinstance(exception, access.Denied):
        context |= {
            "denied": exception,
            "needed": [role.label for role in Role if exception.capability.held_by(role)],
            "admins": [str(row.user) for row in Membership.objects.admins(request.account)],  # type: ignore[attr-defined]
        }
    template = "errors/403.html#message" if getattr(request, "htmx", None) else "errors/403.html"
    return render(request, template, context, status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was too old or came from elsewhere. Nothing was changed."""
    template = "errors/csrf.html#message" if request.headers.get("HX-Request") else "errors/csrf.html"
    return render(request, template, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: also for what belongs to another account."""
    template = "errors/404.html#message" if getattr(request, "htmx", None) else "errors/404.html"
    return render(request, template, status=404)


def not_a_page(request: HttpRequest) -> HttpResponse:
    """405 for a person: an address that a button posts to was typed or loaded again. Nothing was done."""
    return render(request, "errors/405.html", status=405)


def broken(request: HttpRequest) -> HttpResponse:
    """500: renders without the database, which may be what is broken."""
    template = "errors/500.html#message" if request.headers.get("HX-Request") else "errors/500.html"
    return render(None, template, status=500)
