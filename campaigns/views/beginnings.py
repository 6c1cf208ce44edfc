"""Beginning a workflow from a ready one, and publishing a draft."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from campaigns import publishing, starters, workflow_drafts
from campaigns.models import WorkflowVersion
from common import clock


@require_POST
@access.require("edit_workflow")
def begin(request: Request, slug: str) -> HttpResponse:
    """A draft of a starter, opened in the editor; 404 for one that does not exist."""
    if slug not in starters.STARTERS:
        raise Http404("no such starter")
    version = starters.begin(request.account, starters.STARTERS[slug], by=request.user, now=clock.now())
    messages.success(request, f"{version.workflow.name} is a draft. Read its texts, then publish it.")
    return redirect("campaigns:editor", version.workflow_id)


@require_POST
@access.require("edit_workflow")
def publish(request: Request, pk: int) -> HttpResponse:
    """Freeze a draft so that campaigns may run it, or say what is wrong with it."""
    version = access.get(request, WorkflowVersion.objects.select_related("workflow"), pk)
    try:
        workflow_drafts.publish_version(version, by=request.user, now=clock.now())
    except workflow_drafts.OpenInEditor:
        messages.info(request, "Nothing was published yet: the editor’s draft says more than this version.")
        return redirect("campaigns:editor_publish", version.workflow_id)
    except publishing.PublishRefused as refused:
        for error in refused.errors:
            messages.error(request, f"Not published: {error}")
    else:
        messages.success(request, f"{version} is published. Campaigns can run it now.")
    return redirect("campaigns:workflow_version", pk)
