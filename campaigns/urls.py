"""Campaigns and workflows. A campaign's own page is analytics'."""

from django.urls import path

from campaigns.views import campaigns, launches, verbs, workflows

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="list"),
    path("campaigns/new/", launches.launch, name="launch"),
    path("campaigns/new/preview/", launches.preview, name="preview"),
    path("campaigns/<int:pk>/pause/", verbs.pause, name="pause"),
    path("campaigns/<int:pk>/resume/", verbs.resume, name="resume"),
    path("campaigns/<int:pk>/stop/", verbs.stop, name="stop"),
    path("workflows/", workflows.workflow_list, name="workflows"),
    path("workflows/<int:pk>/", workflows.workflow_version, name="workflow_version"),
]
