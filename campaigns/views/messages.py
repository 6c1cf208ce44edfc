"""The page where the words of a workflow are written: drafts kept while typed, previews, publishing."""

import uuid
from typing import Any

from django.contrib import messages as toasts
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from audiences import counting, merge_fields, segments
from audiences.models import Audience
from campaigns import message_previews, message_words, messages, publishing, words, workflow_drafts
from campaigns.message_previews import Looker
from campaigns.messages import Message
from campaigns.models import Campaign, Node, Workflow, WorkflowVersion
from campaigns.node_forms import plain
from campaigns.views.tabs import tab_for, tab_of
from common import clock
from common.htmx import leave_for
from conversations import media

PAGE = "campaigns/messages.html"
KEPT = "words-kept"  # the event after which counts are asked for again


@require_GET
@access.require("view")
def page(request: Request, pk: int) -> HttpResponse:
    """Every message of the latest version, as the chosen contact would read it."""
    workflow, version = _of(request, pk)
    found = messages.of(version) if version else []
    seen_by = looker(request)
    context = {
        "workflow": workflow,
        "version": version,
        "rows": [row(request, message, seen_by) for message in found],
        "calls": any(message.node.kind == Node.Kind.CALL for message in found),
        "changed": sum(bool(message.changes) for message in found),
        "looker": seen_by,
        "audiences": access.rows(request, Audience).order_by("name", "pk"),
        **_may(request, workflow),
        "field_groups": merge_fields.grouped(),
    }
    region = "campaigns/messages_looker.html" if _asks_for(request, "looker") else PAGE
    return render(request, region, context | {"fragment": region != PAGE})


@require_http_methods(["GET", "POST"])
@access.require("view", post="edit_workflow")
def message(request: Request, pk: int, key: str) -> HttpResponse:
    """One message: GET it anew; POST keeps what is typed, or answers 409 where a colleague was faster."""
    workflow, version = _of(request, pk)
    found = messages.one(version, key) if version else None
    if found is None:
        raise Http404("no such message")
    if request.method == "GET":
        return _answer(request, workflow, found, "campaigns/message.html")
    posted = plain(request.POST)
    typed = {
        part.name: posted.get(part.name, found.words[part.name] if part.switch else "")
        for part in message_words.parts(found.node.kind)
    }
    if message_words.MEDIA in typed:
        files = media.chosen(request.account, request.POST.getlist(message_words.MEDIA))
        typed[message_words.MEDIA] = ",".join(str(file.pk) for file in files)
    seen = request.GET.get("over") or request.POST.get("revision", "")
    try:
        kept = messages.keep(
            workflow, found, typed, revision=int(seen) if seen.isdecimal() else 0, by=request.user,
            now=clock.now(), tab=tab_of(request),
        )  # fmt: skip
    except messages.Overtaken as overtaken:
        lost = {"lost": True, "theirs": overtaken.draft}
        return _answer(request, workflow, found, "campaigns/message_kept.html", status=409, **lost)
    except messages.InEditor:
        return _answer(request, workflow, found, "campaigns/message_kept.html", status=409, lost=True)
    return trigger_client_event(_answer(request, workflow, kept, "campaigns/message_kept.html"), KEPT)


@require_POST
@access.require("edit_workflow")
def discard(request: Request, pk: int, key: str) -> HttpResponse:
    """Forget what was typed for one message: the version's words again."""
    workflow, version = _of(request, pk)
    messages.discard(workflow, key)
    found = messages.one(version, key) if version else None
    if found is None:
        raise Http404("no such message")
    toasts.success(
        request, f"“{found.node.name}” has the words of version {found.node.version.number} again."
    )
    return trigger_client_event(_answer(request, workflow, found, "campaigns/message.html"), KEPT)


@require_GET
@access.require("view")
def lacking(request: Request, pk: int) -> HttpResponse:
    """How many of the audience each message would pass over, and for want of what."""
    workflow, version = _of(request, pk)
    audience, found = _audience(request), messages.of(version) if version else []
    context: dict[str, Any] = {"workflow": workflow, "audience": audience, "asked": bool(found and audience)}
    try:
        with counting.within(counting.AT_LENGTH, asked_by=f"messages-{request.user.pk}-{pk}"):
            if audience:
                context["missed"] = message_previews.counts(request.account, found, audience, now=clock.now())
    except counting.Superseded:
        return HttpResponse(status=204)
    except (counting.TakesLonger, segments.InvalidRules) as trouble:
        context["trouble"] = "late" if isinstance(trouble, counting.TakesLonger) else "broken"
    return render(request, "campaigns/messages_lacking.html", context)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def publish(request: Request, pk: int) -> HttpResponse:
    """What a new version would say otherwise; POST publishes it, if it is still what was looked at."""
    workflow, version = _of(request, pk)
    if version is None:
        raise Http404("no version")
    if request.method == "GET":
        return _summary(request, workflow, version)
    try:
        made = messages.publish(workflow, seen=request.POST.get("seen", ""), by=request.user, now=clock.now())
    except messages.Overtaken:
        return _summary(request, workflow, version, status=409, overtaken=True)
    except messages.NothingToPublish:
        return _summary(request, workflow, version, status=422)
    except publishing.PublishRefused as refused:
        return _summary(request, workflow, version, status=422, errors=refused.errors)
    toasts.success(request, f"{made} is published. New campaigns use it; running ones keep theirs.")
    return leave_for(request, "campaigns:messages", workflow.pk)


def _may(request: Request, workflow: Workflow) -> dict[str, Any]:
    """Whether words are written here by this person, whether the editor has them now, and the tab's name."""
    in_editor = workflow_drafts.is_open(workflow)
    return {
        "may_edit": access.allowed(request.role, "edit_workflow") and not in_editor,
        "in_editor": in_editor,
        "tab": tab_for(request),
    }


def _of(request: Request, pk: int) -> tuple[Workflow, WorkflowVersion | None]:
    workflow = access.get(request, Workflow.objects.select_related("account"), pk)
    return workflow, messages.latest(workflow)


def _audience(request: Request) -> Audience | None:
    """The one that was chosen, else the first by name."""
    chosen = request.GET.get("audience") or request.POST.get("audience", "")
    rows = access.rows(request, Audience).order_by("name", "pk")
    found = rows.filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 18 else None
    return found or rows.first()


def looker(request: Request) -> Looker:
    """Whose eyes are chosen in the address or the form."""
    contact = request.GET.get("contact") or request.POST.get("contact", "")
    return message_previews.looker(request.account, _audience(request), contact, now=clock.now())


def _asks_for(request: Request, region: str) -> bool:
    return region in str(getattr(request.htmx, "target", "") or "")  # type: ignore[attr-defined]


def row(request: Request, message: Message, seen_by: Looker) -> dict[str, Any]:
    """A message with what its card shows."""
    problems, parts = message.problems, message_words.parts(message.node.kind)
    fields = [
        {"part": part, "value": message.words[part.name], "errors": problems.get(part.name, []),
         "id": f"id_{message.node.key}_{part.name}"}
        for part in parts
        if part.name != message_words.MEDIA and not part.switch and not _of_machines(message, part)
    ]  # fmt: skip
    return {
        "files": media.chosen(request.account, message.words.get(message_words.MEDIA, "").split(",")),
        "switches": [(part, message.words[part.name]) for part in parts if part.switch],
        "message": message,
        "key": message.node.key,
        "is_email": message.node.kind == Node.Kind.SEND_EMAIL,
        "call": _speaks(message),
        "icon": words.kind_icon(message.node.kind),
        "english": [field for field in fields if not field["part"].spanish],  # type: ignore[attr-defined]
        "spanish": [field for field in fields if field["part"].spanish],  # type: ignore[attr-defined]
        "speaks_spanish": any(message.words[part.name] for part in parts if part.spanish),
        "problems": problems,
        "changed": bool(message.changes),
        "once": uuid.uuid4(),
        "sample": _sample(message)(request.account, message, seen_by, now=clock.now()),
    }


def _sample(message: Message) -> Any:
    """What makes its preview: a call's, or a message's."""
    return message_previews.call if message.node.kind == Node.Kind.CALL else message_previews.sample


def _speaks(message: Message) -> str:
    """Who speaks on a call: `person` or `script`; empty for messages."""
    if message.node.kind != Node.Kind.CALL:
        return ""
    plan = message.node.settings.get("plan")
    return "script" if isinstance(plan, dict) and plan.get("mode") == "script" else "person"


def _of_machines(message: Message, part: message_words.Part) -> bool:
    """Whether no machine hears this field of a call: a person calls, and leaves what they like."""
    return _speaks(message) == "person" and part.base == "voicemail" and not message.words[part.name]


def _answer(
    request: Request, workflow: Workflow, message: Message, template: str, status: int = 200, **more: Any
) -> HttpResponse:
    """One message alone; without htmx the page, where everything that was kept stands."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{reverse('campaigns:messages', args=[workflow.pk])}#message-{message.node.key}")
    seen_by = looker(request)
    context = {
        "workflow": workflow, "row": row(request, message, seen_by), "looker": seen_by,
        **_may(request, workflow), "version": message.node.version, **more,
    }  # fmt: skip
    return render(request, template, context, status=status)


def _summary(
    request: Request, workflow: Workflow, version: WorkflowVersion, status: int = 200, **more: Any
) -> HttpResponse:
    """The question before publishing, with every change."""
    found = messages.of(version)
    changed = [message for message in found if message.changes]
    context = {
        "workflow": workflow,
        "version": version,
        "changed": changed,
        "blocked": [message for message in changed if message.problems],
        "seen": messages.fingerprint(version, found),
        "number": version.number + bool(version.published_at),
        "running": version.campaigns.exclude(status=Campaign.Status.COMPLETED).count(),
        **more,
    }
    form = "messages_publish_form" if request.htmx else "messages_publish_page"  # type: ignore[attr-defined]
    return render(request, f"campaigns/{form}.html", context, status=status)
