"""Campaigns and workflows. A campaign's own page is analytics'."""

from django.urls import include, path

from campaigns.views import beginnings, campaigns, launch_rules, launches, pace, verbs, workflows

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="list"),
    path("campaigns/new/", launches.launch, name="launch"),
    path("campaigns/new/discard/", launches.discard, name="launch_discard"),
    path("campaigns/new/rules/shape/", launch_rules.shape, name="launch_shape"),
    path("campaigns/new/rules/effects/", launch_rules.effects, name="launch_effects"),
    path("campaigns/new/rules/save/", launch_rules.save, name="launch_save"),
    path("campaigns/new/<slug:stage>/", launches.stage, name="launch_stage"),
    path("campaigns/new/<slug:stage>/keep/", launches.keep, name="launch_keep"),
    path("campaigns/<int:pk>/pause/", verbs.pause, name="pause"),
    path("campaigns/<int:pk>/resume/", verbs.resume, name="resume"),
    path("campaigns/<int:pk>/stop/", verbs.stop, name="stop"),
    path("campaigns/<int:pk>/pace/", pace.pace, name="pace"),
    path("settings/", include("campaigns.settings_urls")),
    path("workflows/", workflows.workflow_list, name="workflows"),
    path("workflows/begin/<slug:slug>/", beginnings.begin, name="begin_workflow"),
    path("workflows/<int:pk>/publish/", beginnings.publish, name="publish_workflow"),
    path("workflows/<int:pk>/", workflows.workflow_version, name="workflow_version"),
]
