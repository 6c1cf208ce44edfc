"""Testing a workflow on oneself: who is walked, the walk itself, and sending what it showed for real."""

import json
import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages as toasts
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import contact_search
from audiences.models import Contact
from campaigns import workflow_drafts
from campaigns.models import Walkthrough, Workflow, WorkflowVersion
from campaigns.views import once
from campaigns.views.designs import framed
from campaigns.views.message_emails import NOTHING
from campaigns.walkthroughs import acts, for_real, keeping, page, playing
from campaigns.walkthroughs.keeping import Stale, Unfit
from campaigns.walkthroughs.stage import NotNow, TooLong
from common import clock
from common.htmx import respond
from common.phone import textable
from common.spoken import LANGUAGES

CHOICE, WALK = "campaigns/walkthroughs/choose.html", "campaigns/walkthroughs/walk.html"
MOST_FOUND = 8
BUSY = (
    "Somebody is being written to there at this moment, or the account is busy. Nothing was done: press it "
    "once more."
)
TOO_LONG = (
    "This test is too long to go on. All of it is played again with every act, as a real customer for two "
    "seconds at most, so that nobody’s STOP waits for a test. What you pressed was not done. Take some acts "
    "back, or start over and go the shortest way to what you want to see. As a sample person there is more "
    "time."
)
NO_NUMBER = "The account has no number in use that texts could leave from. Add one in Settings, Numbers."


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def walkthroughs(request: Request, pk: int) -> HttpResponse:
    """As whom a workflow is walked, and the walkthroughs there are; POST begins another."""
    workflow = access.get(request, Workflow.objects.select_related("account"), pk)
    if request.method == "GET":
        template = "campaigns/walkthroughs/people.html" if _asks_people(request) else CHOICE
        return render(request, template, _choice(request, workflow))
    try:
        walk = keeping.begin(
            workflow, version=_version(request, workflow), contact=_contact(request),
            sample=request.POST.get("who", ""), by=request.user, now=clock.now(), starts_at=_starts(request),
        )  # fmt: skip
    except Unfit:
        return render(request, CHOICE, _choice(request, workflow), status=422)
    except (playing.NoNumber, playing.Busy, TooLong, NotNow) as why:
        return render(request, CHOICE, _choice(request, workflow) | {"refused": _words(why)}, status=422)
    return redirect("campaigns:walkthrough", workflow.pk, walk.pk)


@require_safe
@access.require("edit_workflow")
def walkthrough(request: Request, pk: int, walk: int) -> HttpResponse:
    """One walkthrough, as it was played last."""
    return _page(request, _walk(request, pk, walk))


@require_POST
@access.require("edit_workflow")
def act(request: Request, pk: int, walk: int) -> HttpResponse:
    """Do something in it: an act, taking the last one back, starting over, the other side of a split."""
    kept, said, status = _walk(request, pk, walk), "", 200
    try:
        said = _act(request, kept)
    except Stale:
        kept.refresh_from_db()
        status, said = 409, (
            "It was gone on with meanwhile, in another tab or by a colleague. What you pressed was not done; "
            "this is where it stands."
        )  # fmt: skip
    except Unfit:
        status, said = 422, "The draft has something to finish first: see the editor. Nothing was done."
    except (acts.Unreadable, NotNow, TooLong, playing.Busy, playing.NoNumber) as why:
        kept.refresh_from_db()
        status, said = 422, _words(why)
    return _answered(request, kept, said, status)


@require_POST
@access.require("edit_workflow")
def send(request: Request, pk: int, walk: int) -> HttpResponse:
    """Send what it has shown to whoever asks: one message, or all."""
    kept = _walk(request, pk, walk)
    numbers = [number for number, _ in for_real.messages(kept)]
    one = request.POST.get("only", "")
    chosen = [number for number in numbers if str(number) == one] if one else numbers
    done = for_real.send(
        kept, chosen, phone=textable(request.POST.get("phone", "")), by=request.user,
        token=once.token(request), now=clock.now(),
    )  # fmt: skip
    (toasts.success if done.sent and not done.refused else toasts.warning)(request, done.words)
    if request.htmx:  # type: ignore[attr-defined]
        return once.anew(request, "walk-once")
    return redirect("campaigns:walkthrough", pk, walk)


@require_safe
@xframe_options_sameorigin
@access.require("edit_workflow")
def email(request: Request, pk: int, walk: int, number: int) -> HttpResponse:
    """An email of the transcript alone, for its frame."""
    html = _walk(request, pk, walk).shown.get("mails", {}).get(str(number))
    if html is None:
        raise Http404("no such email")
    return framed(html or NOTHING, request.GET.get("theme", ""))


def _walk(request: Request, pk: int, walk: int) -> Walkthrough:
    found = Walkthrough.objects.select_related("account", "workflow", "contact__zone_set", "changed_by")
    return access.get(request, found, walk, workflow=pk)


def _act(request: Request, walk: Walkthrough) -> str:
    typed = request.POST.get("revision", "")
    revision = int(typed) if typed.isdecimal() and len(typed) < 9 else -1
    whose: dict[str, Any] = {"revision": revision, "by": request.user, "now": clock.now()}
    match request.POST.get("what", ""):
        case "undo":
            keeping.undo(walk, **whose)
        case "over":
            keeping.start_over(walk, **whose)
        case "side":
            key, label = request.POST.get("key", ""), request.POST.get("label", "")
            keeping.other_side(walk, key, label, **whose)
        case _:
            return keeping.go_on(walk, acts.read(request.POST), **whose)
    return ""


def _answered(request: Request, walk: Walkthrough, said: str, status: int) -> HttpResponse:
    if not request.htmx and status == 200:  # type: ignore[attr-defined]
        if said:
            toasts.warning(request, said)
        return redirect("campaigns:walkthrough", walk.workflow_id, walk.pk)
    return _page(request, walk, said, status)


def _page(request: Request, walk: Walkthrough, said: str = "", status: int = 200) -> HttpResponse:
    shown = page.of(walk)
    context = {
        "walk": walk, "workflow": walk.workflow, "shown": shown, "whom": page.as_whom(walk), "said": said,
        "picture": shown.picture, "edges": json.dumps(shown.picture.edges),
        "opens": json.dumps(shown.picture.opens), "walked": json.dumps(shown.walked), "may_edit": False,
        "card_template": "campaigns/walkthroughs/card.html", "behind": keeping.is_behind(walk),
        "once": uuid.uuid4(), "stands": shown.standing.offers,
    }  # fmt: skip
    return respond(request, WALK, "walk", context, status)


def _asks_people(request: Request) -> bool:
    return bool(request.htmx) and "q" in request.GET  # type: ignore[attr-defined]


def _choice(request: Request, workflow: Workflow) -> dict[str, Any]:
    draft = workflow_drafts.of(workflow)
    words = " ".join(request.GET.get("q", "").split())[: contact_search.LONGEST]
    found = contact_search.find(request.account, words, most=MOST_FOUND) if words else None
    people = access.rows(request, Contact).in_bulk([hit.contact_id for hit in found.hits]) if found else {}
    versions = workflow.versions.filter(published_at__isnull=False).order_by("-number")
    problems = keeping.problems(draft.drawn)
    return {
        "workflow": workflow, "draft": draft, "versions": list(versions[:20]), "problems": problems,
        "q": words, "people": [people[hit.contact_id] for hit in found.hits] if found else [],
        "walks": [(each, page.as_whom(each)) for each in keeping.latest(request.account, workflow)],
        "languages": LANGUAGES.items(), "zone": request.account.timezone,
        "editor_url": reverse("campaigns:editor", args=[workflow.pk]),
    }  # fmt: skip


def _contact(request: Request) -> Contact | None:
    typed = request.POST.get("who", "")
    if not (typed.isdecimal() and len(typed) < 18):
        return None
    return access.get(request, Contact.objects.select_related("zone_set"), int(typed))


def _version(request: Request, workflow: Workflow) -> WorkflowVersion | None:
    typed = request.POST.get("version", "")
    if not (typed.isdecimal() and len(typed) < 18):
        return None
    return access.get(request, WorkflowVersion, int(typed), workflow=workflow.pk)


def _starts(request: Request) -> datetime | None:
    """When it begins, by the company's clock; now where nothing readable was typed."""
    try:
        typed = datetime.fromisoformat(request.POST.get("starts_at", ""))
    except ValueError:
        return None
    moment = typed.replace(tzinfo=request.account.zone)
    far = (moment - clock.now()).days > 366
    return None if far else moment


def _words(why: Exception) -> str:
    match why:
        case playing.Busy():
            return BUSY
        case playing.NoNumber():
            return NO_NUMBER
        case TooLong():
            return TOO_LONG
    return str(why)
