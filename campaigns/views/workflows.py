"""Workflows and their versions, to read."""

from typing import Any

from django.db.models import Count, Prefetch
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from campaigns import words
from campaigns.models import Edge, Node, Workflow, WorkflowVersion


@require_GET
@access.require("view")
def workflow_list(request: Request) -> HttpResponse:
    """Every workflow with its versions, newest first."""
    versions = WorkflowVersion.objects.order_by("-number").annotate(launches=Count("campaigns"))
    found = access.rows(request, Workflow).order_by("name", "pk")
    found = found.prefetch_related(Prefetch("versions", queryset=versions))
    return render(request, "campaigns/workflow_list.html", {"workflows": found})


@require_GET
@access.require("view")
def workflow_version(request: Request, pk: int) -> HttpResponse:
    """One version: its steps in order, what each says, and where each leads."""
    version = access.get(request, WorkflowVersion.objects.select_related("workflow"), pk)
    edges = Edge.objects.select_related("target").order_by("target__position", "label")
    nodes = version.nodes.order_by("position", "pk").prefetch_related(Prefetch("edges_out", queryset=edges))
    context = {"version": version, "nodes": [_shown(node) for node in nodes]}
    return render(request, "campaigns/workflow_version.html", context)


def _shown(node: Node) -> dict[str, Any]:
    return {
        "node": node,
        "kind": words.kind(node.kind),
        "text": node.settings.get("body", ""),
        "settings": words.node_settings(node.settings),
        "conditions": [
            (condition.get("label", ""), words.condition(condition))
            for condition in node.settings.get("conditions", [])
        ],
        "ways_out": [(words.edge(edge.label), edge.target) for edge in node.edges_out.all()],
    }
