"""The versions of a workflow: who made which and who runs it, and two of them side by side."""

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from campaigns import graph, version_comparison, version_list
from campaigns.models import Workflow, WorkflowVersion

CHANGES = {
    version_comparison.ADDED: ("added", "plus"),
    version_comparison.REMOVED: ("removed", "minus"),
    version_comparison.CHANGED: ("changed", "pencil"),
    version_comparison.SAME: ("unchanged", "check"),
}


@require_GET
@access.require("view")
def versions(request: Request, pk: int) -> HttpResponse:
    """Every version, newest first: who published it when, and which campaigns run it."""
    workflow = access.get(request, Workflow, pk)
    context = {"workflow": workflow, "versions": version_list.of(workflow)}
    return render(request, "campaigns/versions.html", context)


@require_GET
@access.require("view")
def compare(request: Request, pk: int) -> HttpResponse:
    """Two versions on one diagram; without a choice the newest and the one before. One compared with itself
    shows nothing but that."""
    workflow = access.get(request, Workflow, pk)
    known = list(workflow.versions.order_by("-number"))
    after = _chosen(known, request.GET.get("to", "")) or (known[0] if known else None)
    older = [version for version in known if after and version.number < after.number]
    before = _chosen(known, request.GET.get("from", "")) or (older[0] if older else after)
    context: dict[str, Any] = {"workflow": workflow, "versions": known, "before": before, "after": after}
    if before and after and before != after:
        found = version_comparison.compare(graph.build(before), graph.build(after))
        counts = [(*CHANGES[change], n) for change, n in found.counts]
        edges = json.dumps(found.edges, ensure_ascii=False)
        context |= {"comparison": found, "counts": counts, "edges": edges, "changes": CHANGES}
    return render(request, "campaigns/version_compare.html", context)


def _chosen(known: list[WorkflowVersion], number: str) -> WorkflowVersion | None:
    return next((version for version in known if str(version.number) == number), None)
