"""The editor of a workflow: its page, and everything that is done to its draft there."""

import json
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from audiences import merge_fields
from audiences.models import Audience
from campaigns import editing, editor_page, node_forms, publishing, words, workflow_drafts, workflow_history
from campaigns.drawing import Drawing, DrawnNode
from campaigns.editing import Impossible, Place
from campaigns.models import Campaign, Node, Workflow
from campaigns.views import editor_panels, editor_words, message_emails
from campaigns.views.designs import framed
from campaigns.views.tabs import tab_for, tab_of
from campaigns.workflow_drafts import Draft, Stale
from campaigns.workflow_history import Overlaid
from common import clock
from common.htmx import leave_for

PAGE, CHANGED = "campaigns/editor/page.html", "campaigns/editor/changed.html"
STEP, REST = "campaigns/editor/step.html", "campaigns/editor/rest.html"


@require_GET
@access.require("view")
def editor(request: Request, pk: int) -> HttpResponse:
    """The workflow as it is drawn, to edit, or to read for those who may not."""
    draft = workflow_drafts.of(_workflow(request, pk))
    node = draft.drawn.by_key.get(request.GET.get("step", ""))
    panel = _step(request, draft, node) if node else {"panel": REST}
    if node and request.GET.get("delete"):
        panel = editor_panels.deleting(draft, node)
    context = _page(request, draft) | {
        "field_groups": merge_fields.grouped(),
        "audiences": access.rows(request, Audience).order_by("name", "pk"),
    }
    return render(request, PAGE, context | panel)


@require_http_methods(["GET", "POST"])
@access.require("view", post="edit_workflow")
def step(request: Request, pk: int, key: str) -> HttpResponse:
    """One step's form; POST keeps what is typed in it, at once."""
    workflow = _workflow(request, pk)
    draft = workflow_drafts.of(workflow)
    node = draft.drawn.by_key.get(key)
    if node is None:
        return _gone(request, draft)
    if request.method == "GET":
        return _panel(request, draft, _step(request, draft, node))
    form, posted = node_forms.of(node.kind), node_forms.plain(request.POST)

    def change(drawn: Drawing) -> Drawing:
        there = drawn.by_key.get(key)
        before = there.settings if there else {}
        return editing.change(
            drawn, key, name=posted.get("step_name") or None,
            settings=form.settings(posted, before), renamed=form.renamed(posted),
        )  # fmt: skip

    return _done(request, workflow, change, f"Changed “{node.name}”", key, kept=True)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def add(request: Request, pk: int) -> HttpResponse:
    """What can be put into a place; POST puts it there."""
    workflow = _workflow(request, pk)
    at, before = _place(request), request.GET.get("before") or request.POST.get("before", "")
    if request.method == "GET":
        draft = workflow_drafts.of(workflow)
        return _panel(request, draft, editor_panels.adding(draft, at, before))
    kind = request.POST.get("kind", "")
    key, name, begins = editing.new_key(kind), words.kind(kind), node_forms.of(kind).new()

    def insert(drawn: Drawing) -> Drawing:
        if before:
            return editing.insert_before(drawn, before, kind, key=key, name=name, settings=begins)
        return editing.insert(drawn, at, kind, key=key, name=name, settings=begins)

    return _done(request, workflow, insert, f"Added “{name}”", key)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def place(request: Request, pk: int, key: str) -> HttpResponse:
    """Where a step is moved or copied to, or where one of its ways leads; POST does it."""
    workflow = _workflow(request, pk)
    asked = request.GET if request.method == "GET" else request.POST
    how, label = asked.get("how", "move"), asked.get("label", "")
    draft = workflow_drafts.of(workflow)
    if request.method == "GET":
        return _panel(request, draft, editor_panels.placing(draft, _node(draft, key), how, label))
    to, new = _read_place(request.POST.get("to", "")), editing.new_key("copy")
    name = draft.drawn.by_key[key].name if key in draft.drawn.by_key else "a step"
    acts: dict[str, tuple[Callable[[Drawing], Drawing], str, str]] = {
        "move": (lambda drawn: editing.move(drawn, key, to), f"Moved “{name}”", key),
        "copy": (lambda drawn: editing.copy(drawn, key, to, new=new), f"Copied “{name}”", new),
        "connect": (
            lambda drawn: editing.connect(drawn, Place(key, label), to.source), f"Led “{name}” elsewhere", key
        ),
    }  # fmt: skip
    if how not in acts:
        raise Http404("no such act")
    act, said, shown = acts[how]
    return _done(request, workflow, act, said, shown)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def delete(request: Request, pk: int, key: str) -> HttpResponse:
    """What becomes of the ways of a step that is taken away; POST takes it away."""
    workflow = _workflow(request, pk)
    draft = workflow_drafts.of(workflow)
    if request.method == "GET":
        return _panel(request, draft, editor_panels.deleting(draft, _node(draft, key)))
    name = draft.drawn.by_key[key].name if key in draft.drawn.by_key else "a step"
    keep = request.POST.get("keep", "")
    return _done(
        request,
        workflow,
        lambda drawn: editing.delete(drawn, key, keep=keep or None),
        f"Deleted “{name}”",
        "",
    )


@require_POST
@access.require("edit_workflow")
def act(request: Request, pk: int) -> HttpResponse:
    """What needs no question: a step up or down, a way taken away, loose steps cleared, all as published."""
    workflow = _workflow(request, pk)
    key, label = request.POST.get("key", ""), request.POST.get("label", "")
    published = workflow_drafts.of(workflow).published
    acts: dict[str, tuple[Callable[[Drawing], Drawing], str]] = {
        "up": (lambda drawn: editing.move_up(drawn, key), "Moved a step up"),
        "down": (lambda drawn: editing.move_down(drawn, key), "Moved a step down"),
        "disconnect": (lambda drawn: editing.disconnect(drawn, Place(key, label)), "Took a way out"),
        "clear": (editing.drop_unreachable, "Cleared the steps that nothing leads to"),
        "reset": (lambda _: published, "Went back to the published version"),
    }
    what = request.POST.get("what", "")
    if what in ("undo", "redo"):
        return _stepped(request, workflow, what)
    if what not in acts:
        raise Http404("no such act")
    return _done(request, workflow, *acts[what], key)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def publish(request: Request, pk: int) -> HttpResponse:
    """The question before publishing; POST publishes what was looked at, or says why not."""
    workflow = _workflow(request, pk)
    if request.method == "GET":
        return _question(request, workflow)
    try:
        made = workflow_drafts.publish(
            workflow, revision=_number(request.POST.get("revision")), by=request.user, now=clock.now()
        )
    except Stale:
        return _question(request, workflow, status=409, stale=True)
    except workflow_drafts.NothingToPublish:
        return _question(request, workflow, status=422)
    except publishing.PublishRefused as refused:
        return _question(request, workflow, status=422, errors=refused.errors)
    editor_words.toasts.success(
        request, f"{made} is published. New campaigns use it; running ones keep theirs."
    )
    return leave_for(request, "campaigns:editor", workflow.pk)


@require_safe
@xframe_options_sameorigin
@access.require("view")
def step_email(request: Request, pk: int, key: str) -> HttpResponse:
    """A step's email alone, for the frame of its preview; blank where the chosen contact would get none."""
    draft = workflow_drafts.of(_workflow(request, pk))
    return framed(editor_words.email(request, draft, _node(draft, key)), request.GET.get("theme", ""))


@require_POST
@access.require("view")
def step_test(request: Request, pk: int, key: str) -> HttpResponse:
    """Send a step's email, as it is drawn, to whoever asks."""
    draft = workflow_drafts.of(_workflow(request, pk))
    node = _node(draft, key)
    if node.kind != Node.Kind.SEND_EMAIL:
        raise Http404("no such email")
    editor_words.test(request, draft, node)
    if request.htmx:  # type: ignore[attr-defined]
        return message_emails.anew(request, key)
    return redirect(f"{reverse('campaigns:editor', args=[pk])}?step={key}")


def _workflow(request: Request, pk: int) -> Workflow:
    return access.get(request, Workflow.objects.select_related("account"), pk)


def _node(draft: Draft, key: str) -> DrawnNode:
    found = draft.drawn.by_key.get(key)
    if found is None:
        raise Http404("no such step")
    return found


def _number(typed: str | None) -> int:
    return int(typed) if typed and typed.isdecimal() and len(typed) < 9 else 0


def _place(request: Request) -> Place:
    asked = request.GET if request.method == "GET" else request.POST
    return Place(asked.get("source", ""), asked.get("label", ""))


def _read_place(typed: str) -> Place:
    source, _, label = typed.partition(":")
    return Place(source, label)


def _page(request: Request, draft: Draft) -> dict[str, Any]:
    """What the whole page shows, and its parts after every change."""
    shown = editor_page.picture(draft.drawn, request.account)
    return {
        "workflow": draft.workflow, "draft": draft, "picture": shown,
        "edges": json.dumps(shown.edges), "opens": json.dumps(shown.opens),
        "may_edit": access.allowed(request.role, "edit_workflow"), "tab": tab_for(request),
        "own": workflow_history.own(draft.workflow.pk, request.user),
        "running": Campaign.objects.filter(
            version__workflow=draft.workflow, status__in=(Campaign.Status.ACTIVE, Campaign.Status.PAUSED)
        ).count(),
    }  # fmt: skip


def _step(request: Request, draft: Draft, node: DrawnNode) -> dict[str, Any]:
    form = node_forms.of(node.kind)
    context = {
        "panel": STEP, "node": node, "kind": words.kind(node.kind), "kind_icon": words.kind_icon(node.kind),
        "form_template": form.template, "form": form.context(node.settings, request.account),
        "ways": editor_page.ways(draft.drawn, node, every=True),
        "up": editing.before_of(draft.drawn, node.key), "down": editing.after_of(draft.drawn, node.key),
        "first": draft.drawn.first == node.key,
    }  # fmt: skip
    return context | editor_words.context(request, draft, node)


def _panel(request: Request, draft: Draft, panel: dict[str, Any], status: int = 200) -> HttpResponse:
    """The side panel alone; the whole page with it where there is no htmx."""
    context = _page(request, draft) | {"field_groups": merge_fields.grouped()} | panel
    template = panel["panel"] if request.htmx else PAGE  # type: ignore[attr-defined]
    return render(request, template, context, status=status)


def _done(
    request: Request,
    workflow: Workflow,
    operation: Callable[[Drawing], Drawing],
    said: str,
    key: str,
    *,
    kept: bool = False,
) -> HttpResponse:
    """Do it and show what came of it, or why it was not. `kept`: from a form that keeps what is typed."""
    revision = _number(request.GET.get("over") or request.POST.get("revision"))
    try:
        draft = workflow_drafts.apply(
            workflow, operation, said=said, revision=revision, by=request.user, now=clock.now(),
            tab=tab_of(request),
        )  # fmt: skip
    except Stale as stale:
        return _refused(request, workflow, stale, key, kept=kept)
    except Impossible as impossible:
        if kept:
            return _gone(request, workflow_drafts.of(workflow))
        editor_words.toasts.error(request, str(impossible))
        draft, key = (
            workflow_drafts.of(workflow),
            key if key in workflow_drafts.of(workflow).drawn.by_key else "",
        )
    return _changed(request, draft, key, kept=kept)


def _stepped(request: Request, workflow: Workflow, what: str) -> HttpResponse:
    do = workflow_drafts.undo if what == "undo" else workflow_drafts.redo
    revision = _number(request.GET.get("over") or request.POST.get("revision"))
    try:
        draft = do(workflow, revision=revision, by=request.user, now=clock.now(), tab=tab_of(request))
    except Stale as stale:
        return _refused(request, workflow, stale, request.POST.get("shown", ""))
    except workflow_drafts.NothingToUndo:
        editor_words.toasts.info(request, f"There is nothing of yours to {what}.")
        draft = workflow_drafts.of(workflow)
    except Overlaid as overlaid:
        editor_words.overlaid(request, what, overlaid)
        draft = workflow_drafts.of(workflow)
    return _changed(request, draft, request.POST.get("shown", ""))


def _changed(request: Request, draft: Draft, key: str, *, kept: bool = False) -> HttpResponse:
    """The parts of the page that a change concerns; a form that keeps what is typed stays as it is."""
    node = draft.drawn.by_key.get(key)
    if not request.htmx:  # type: ignore[attr-defined]
        asked = QueryDict(mutable=True)
        asked.update({"step": key} if node else {})
        return redirect(f"{reverse('campaigns:editor', args=[draft.workflow.pk])}?{asked.urlencode()}")
    panel = _step(request, draft, node) if node else {"panel": REST}
    editor_words.meanwhile(request, draft)
    # What a colleague changed in the same step must not be written over by the next key.
    reshaped = not kept or draft.meanwhile or {"reshape", "add", "drop"} & request.POST.keys()
    context = _page(request, draft) | panel | {"kept": kept, "reshaped": reshaped}
    return render(request, CHANGED, context)


def _refused(
    request: Request, workflow: Workflow, stale: Stale, key: str, *, kept: bool = False
) -> HttpResponse:
    """Who was faster and what they did; what was asked for may still be done on top of it."""
    asked = [(name, value) for name, values in request.POST.lists() for value in values]
    context = {
        "workflow": workflow, "stale": stale, "kept": kept, "panel": "campaigns/editor/conflict.html",
        "asked": [(n, v) for n, v in asked if n not in ("csrfmiddlewaretoken", "revision")],
        "path": request.path, "shown": key if key in stale.draft.drawn.by_key else "",
    }  # fmt: skip
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "campaigns/editor/conflict.html", context, status=409)
    return render(request, PAGE, _page(request, stale.draft) | context, status=409)


def _gone(request: Request, draft: Draft) -> HttpResponse:
    """A step that is not there any more: what became of it, and the diagram as it is. What was typed stays
    where it stands."""
    if not request.htmx:  # type: ignore[attr-defined]
        raise Http404("no such step")
    if request.method == "GET":
        editor_words.toasts.error(request, "That step is not there any more.")
        return _changed(request, draft, "")
    meanwhile = workflow_drafts.since(draft, _number(request.POST.get("revision")))
    context = _page(request, draft) | {"meanwhile": meanwhile}
    return render(request, "campaigns/editor/gone.html", context, status=409)


def _question(request: Request, workflow: Workflow, status: int = 200, **more: Any) -> HttpResponse:
    draft = workflow_drafts.of(workflow)
    context = _page(request, draft) | {"changes": editor_words.changes(draft)} | more
    part = "publish" if request.htmx else "publish_page"  # type: ignore[attr-defined]
    return render(request, f"campaigns/editor/{part}.html", context, status=status)
