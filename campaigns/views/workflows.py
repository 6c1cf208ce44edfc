"""Workflows and their versions, to read."""

from typing import Any

from django.db.models import Count, Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from campaigns import words, workflow_drafts, workflow_list
from campaigns.models import Edge, Node, Workflow, WorkflowVersion
from campaigns.starters import STARTERS


@require_GET
@access.require("view")
def workflows(request: Request) -> HttpResponse:
    """Every workflow with its versions, newest first; with `?new=` the ways to begin one are open."""
    versions = WorkflowVersion.objects.order_by("-number").annotate(
        launches=Count("campaigns", distinct=True), steps=Count("nodes", distinct=True)
    )
    archived = "archived" in request.GET
    found = workflow_list.listed(access.rows(request, Workflow), archived=archived)
    found = found.prefetch_related(Prefetch("versions", queryset=versions))
    context = {
        "rows": [(each, workflow_drafts.differs(each)) for each in found], "starters": STARTERS.values(),
        "archived": archived, "begins": "new" in request.GET,
        "put_away": access.rows(request, Workflow).filter(archived_at__isnull=False).count(),
    }  # fmt: skip
    return render(request, "campaigns/workflow_list.html", context)


@require_GET
@access.require("view")
def workflow_version(request: Request, pk: int) -> HttpResponse:
    """One version: its steps in order, what each says, where each leads, and the campaigns that use it."""
    version = access.get(request, WorkflowVersion.objects.select_related("workflow"), pk)
    edges = Edge.objects.select_related("target").order_by("target__position", "label")
    nodes = version.nodes.order_by("position", "pk").prefetch_related(Prefetch("edges_out", queryset=edges))
    context = {
        "version": version,
        "nodes": [_shown(node) for node in nodes],
        "campaigns": list(version.campaigns.order_by("-created_at", "-pk")),
    }
    return render(request, "campaigns/workflow_version.html", context)


def _shown(node: Node) -> dict[str, Any]:
    return {
        "node": node,
        "kind": words.kind(node.kind),
        "icon": words.kind_icon(node.kind),
        "text": node.settings.get("body", "") or words.call_words(node.settings),
        "ways_out": _ways_out(node),
    }


def _ways_out(node: Node) -> list[dict[str, Any]]:
    """Each way with its words; a branch's conditions beside the way they open."""
    conditions = {
        condition.get("label", ""): words.condition(condition)
        for condition in node.settings.get("conditions", [])
    }
    return [
        {
            "label": words.way(node.kind, edge.label),
            "condition": conditions.get(edge.label, ""),
            "target": edge.target,
            "next": edge.target.position == node.position + 1,
        }
        for edge in node.edges_out.all()
    ]
