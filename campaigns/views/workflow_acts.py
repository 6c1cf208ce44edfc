"""What is done to workflows from their list: begin, clone, rename, archive, import, export."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from accounts.toasts import offer
from campaigns import workflow_drafts, workflow_files, workflow_list
from campaigns.drawing import Drawing
from campaigns.models import Workflow
from campaigns.node_forms import plain
from campaigns.workflow_list import NameTaken
from common import clock


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def new(request: Request) -> HttpResponse:
    """A blank workflow, opened in the editor. Whoever comes by its address is asked for a name."""
    if request.method == "GET":
        return redirect(f"{reverse('campaigns:workflows')}?new=1")
    made = workflow_list.begin(
        request.account, _line(request, "name") or "New workflow", Drawing(),
        by=request.user, now=clock.now(),
    )  # fmt: skip
    return redirect("campaigns:editor", made.pk)


@require_POST
@access.require("edit_workflow")
def clone(request: Request, pk: int) -> HttpResponse:
    """A copy, opened in the editor."""
    workflow = access.get(request, Workflow.objects.select_related("account"), pk)
    made = workflow_list.clone(workflow, by=request.user, now=clock.now())
    messages.success(request, f"{made.name} is a draft of its own. {workflow.name} stays as it is.")
    return redirect("campaigns:editor", made.pk)


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def rename(request: Request, pk: int) -> HttpResponse:
    """Its name and what it is for."""
    workflow = access.get(request, Workflow.objects.select_related("account"), pk)
    if request.method == "GET":
        return render(request, "campaigns/workflow_rename.html", {"workflow": workflow})
    posted = plain(request.POST)
    name, description = _line(request, "name"), posted.get("description", "").strip()
    error = "" if name else "Give it a name."
    try:
        if name:
            workflow_list.rename(workflow, name, description, by=request.user)
    except NameTaken:
        error = "Another workflow has this name. Choose another one."
    if error:
        context = {"workflow": workflow, "error": error, "name": name, "description": description}
        return render(request, "campaigns/workflow_rename.html", context, status=422)
    messages.success(request, f"It is called {workflow.name} now.")
    return redirect("campaigns:workflows")


@require_POST
@access.require("edit_workflow")
def archive(request: Request, pk: int) -> HttpResponse:
    """Out of the list, or back into it."""
    workflow = access.get(request, Workflow.objects.select_related("account"), pk)
    if "back" in request.POST or "back" in request.GET:
        workflow_list.bring_back(workflow, by=request.user)
        messages.success(request, f"{workflow.name} is in the list again.")
    else:
        workflow_list.archive(workflow, by=request.user, now=clock.now())
        offer(
            request, f"{workflow.name} is archived: it cannot be launched. Running campaigns go on.",
            url=f"{reverse('campaigns:archive_workflow', args=[pk])}?back=1", words="Undo",
        )  # fmt: skip
    return redirect("campaigns:workflows")


@require_http_methods(["GET", "POST"])
@access.require("edit_workflow")
def import_file(request: Request) -> HttpResponse:
    """A workflow from a file, as a draft opened in the editor; or what is wrong with the file. Whoever comes
    by its address is asked for one."""
    if request.method == "GET":
        return redirect(f"{reverse('campaigns:workflows')}?new=1")
    file = request.FILES.get("file")
    try:
        content = file.read(workflow_files.MOST_BYTES + 1) if file else b""
        name, description, drawn = workflow_files.read(content)
    except workflow_files.Unreadable as unreadable:
        messages.error(request, f"Nothing was imported. {unreadable}" if file else "Choose a file first.")
        return redirect("campaigns:workflows")
    made = workflow_list.begin(
        request.account, name, drawn, by=request.user, now=clock.now(), description=description,
        said="Imported it",
    )  # fmt: skip
    messages.success(request, f"{made.name} is a draft. Read its texts, then publish it.")
    return redirect("campaigns:editor", made.pk)


@require_GET
@access.require("view")
def export(request: Request, pk: int) -> HttpResponse:
    """The workflow as a file, as its draft says it."""
    workflow = access.get(request, Workflow, pk)
    content = workflow_files.write(workflow, workflow_drafts.of(workflow).drawn)
    answer = HttpResponse(content, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(workflow.name) or "workflow"}.json"'
    return answer


def _line(request: Request, name: str) -> str:
    return " ".join(plain(request.POST).get(name, "").split())
