"""Working in another of one's accounts."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import access


@require_POST
@access.require("view")
def switch(request: HttpRequest) -> HttpResponse:
    """POST `account=<id>`: go on there, at its dashboard (other addresses belong to the old account)."""
    wanted = request.POST.get("account", "")
    if not wanted.isdecimal():
        raise Http404("no such account")
    access.switch(request, int(wanted))
    return redirect(access.safe_next(None))
