"""Campaigns and workflows. A campaign's own page is analytics'."""

from django.urls import include, path

from campaigns.views import (
    beginnings,
    campaigns,
    designs,
    launch_emails,
    launch_rules,
    launches,
    message_emails,
    messages,
    pace,
    text_size,
    verbs,
    workflows,
)

app_name = "campaigns"
urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="list"),
    path("campaigns/new/", launches.launch, name="launch"),
    path("campaigns/new/discard/", launches.discard, name="launch_discard"),
    path("campaigns/new/rules/shape/", launch_rules.shape, name="launch_shape"),
    path("campaigns/new/rules/effects/", launch_rules.effects, name="launch_effects"),
    path("campaigns/new/rules/save/", launch_rules.save, name="launch_save"),
    path("campaigns/new/email/", launch_emails.email, name="launch_email"),
    path("campaigns/new/<slug:stage>/", launches.stage, name="launch_stage"),
    path("campaigns/new/<slug:stage>/keep/", launches.keep, name="launch_keep"),
    path("campaigns/<int:pk>/pause/", verbs.pause, name="pause"),
    path("campaigns/<int:pk>/resume/", verbs.resume, name="resume"),
    path("campaigns/<int:pk>/stop/", verbs.stop, name="stop"),
    path("campaigns/<int:pk>/pace/", pace.pace, name="pace"),
    path("campaigns/text-size/", text_size.text_size, name="text_size"),
    path("settings/", include("campaigns.settings_urls")),
    path("workflows/", workflows.workflow_list, name="workflows"),
    path("workflows/designs/", designs.gallery, name="designs"),
    path("workflows/designs/<slug:slug>/", designs.design, name="design"),
    path("workflows/designs/<slug:slug>/email/", designs.design_email, name="design_email"),
    path("workflows/designs/<slug:slug>/test/", designs.design_test, name="design_test"),
    path("workflows/begin/<slug:slug>/", beginnings.begin, name="begin_workflow"),
    path("workflows/<int:pk>/publish/", beginnings.publish, name="publish_workflow"),
    path("workflows/<int:pk>/messages/", messages.page, name="messages"),
    path("workflows/<int:pk>/messages/lacking/", messages.lacking, name="messages_lacking"),
    path("workflows/<int:pk>/messages/publish/", messages.publish, name="messages_publish"),
    path("workflows/<int:pk>/messages/of/<slug:key>/", messages.message, name="message"),
    path("workflows/<int:pk>/messages/of/<slug:key>/email/", message_emails.email, name="message_email"),
    path("workflows/<int:pk>/messages/of/<slug:key>/test/", message_emails.test, name="message_test"),
    path("workflows/<int:pk>/messages/of/<slug:key>/discard/", messages.discard, name="message_discard"),
    path("workflows/<int:pk>/", workflows.workflow_version, name="workflow_version"),
]
